"""The listener: a thin shell around ``Dispatcher.handle`` that receives from SQS and acknowledges.

Its strategy. A call to SQS costs more than all that happens to a message, so everything goes by tens: receive ten,
handle each, delete what is done in one call. Before a message is started, and when a second or more has passed, what
is done is deleted, and it and those that wait behind it get their visibility renewed, in one call each: so every
message starts with its whole visibility timeout, and quick ones cost no extra call. While one takes long, a thread
(``heartbeat``) keeps all that are in hand invisible, done ones until they are deleted. On FIFO queues a message that
has to be retried stops its group for this batch: later messages of the group go back unhandled, so that order holds.

Seven kinds of trouble are kept apart. Envelope, codec, validation and subscribers are the dispatcher's and come back as
an outcome. Here remain: cannot receive (passing trouble, an answer that makes no sense too, is waited out, with
jittered, growing pauses; trouble that waiting cannot cure is raised), cannot acknowledge (tried once more, logged; the
message comes again), told to stop (finish the message in hand, give the rest back, delete what is done, return).

With a concurrency above 1, or a grace period, the same is done by threads (``crew``).

The listener knows no payload, and logs none unless it is asked to explain what nobody takes.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from math import ceil
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType
from typing import Any, Final, TypeGuard, cast

from mega_typed import log
from mega_typed.acknowledgement import MAX_BATCH, Acknowledger
from mega_typed.aws import AwsSession, ClientSource, SqsClient, describe, service_errors
from mega_typed.backoff import Backoff, pause_after_failures
from mega_typed.crew import Crew, Verdict
from mega_typed.dispatch import Dispatcher, Disposition, Outcome, ToData, Unmatched
from mega_typed.envelopes import EnvelopeKind, Record
from mega_typed.errors import ConfigurationError, DecodeError, FetchError, ProcessTimeoutError, RetryLater
from mega_typed.health import Health, Pulse, serve_health
from mega_typed.heartbeat import Heartbeat
from mega_typed.idempotency import IdempotencyStore
from mega_typed.in_flight import InFlight
from mega_typed.message_context import Cancellation
from mega_typed.middleware import ProcessMiddleware
from mega_typed.offload import S3Payloads
from mega_typed.once import KeyOf
from mega_typed.outcome_log import log_outcome
from mega_typed.rate_limit import RateLimit
from mega_typed.subscribers import ProcessStatus, Subscriber
from mega_typed.telemetry import Telemetry, tell_received, watched

logger = logging.getLogger("mega_typed.listener")
given_up = logging.getLogger("mega_typed.given_up")
"""Of a message that is deleted after a FATAL_ERROR: all of it, at INFO. Payloads are logged here and nowhere else."""

RENEW_AFTER_SECONDS: Final = 1.0
HANGING: Final = 10
EXPLAINED: Final = 20
"""Subscribers of which it is said why they do not take a message."""


class SqsListener:
    """Receives from one SQS queue and hands each message to the subscribers that match.

    Args:
        queue_url: the queue.
        max_number_of_messages: per receive, 1 to 10.
        wait_time_seconds: of a long poll, 0 to 20. A stop is noticed when the poll in hand ends.
        visibility_timeout: seconds until a message of a consumer that died is delivered again, 0 to 43,200. While a
            message is in hand it is extended, for twelve hours at most; with 0 it is not.
        envelope: pins the kind of envelope; ``None`` detects it.
        unmatched: ``"delete"``, ``"keep"`` or ``"dead_letter"`` messages that no subscriber takes.
        dead_letter_queue_url: where messages go that are invalid, undecodable, end in a FATAL_ERROR, or have used up
            their attempts: a copy with the reason in the attribute ``mega-dead-letter``; only then is the message
            deleted. Without one, what cannot be read stays for the redrive policy of the queue.
        max_attempts: deliveries after which a message is not retried any more but dead-lettered.
        backoff: how long a message waits that has to be retried, by its receive count; ``None`` (default) leaves it to
            its visibility timeout. ``RetryLater(after=...)`` counts more than either.
        concurrency: how many messages are processed at the same time, each in a thread of its own; 1 processes them in
            the thread that calls `listen`. With more, a message is not received before a thread is free for it, and on
            FIFO queues those of a group are processed one after the other. Subscribers must be thread-safe then.
        process_timeout: seconds that one subscriber may take for one message; see ``Dispatcher``. When ten such calls,
            or ``concurrency``, hang at the same time, `listen` ends: only a new process can help.
        middleware: is called around ``process``; see ``Dispatcher``.
        telemetry: watches; ``mega_typed.open_telemetry.OpenTelemetry()`` for instance.
        max_per_second: messages that `listen` receives, and so processes, per second; ``None`` sets no limit.
        grace_period: seconds that running messages may take after a stop; those that take longer are given back. They
            are processed in threads then, also with a concurrency of 1. ``None`` waits for them.
        retriable: exceptions that mean ``RETRIABLE_ERROR`` when a subscriber raises them.
        to_data: turns a text or a blob into a data object, or returns ``None``.
        idempotency: remembers which subscriber has completed which message; see ``Dispatcher``.
        idempotency_key: from a payload to what makes it one and the same message; see ``Dispatcher``.
        offload: fetches payloads that lie in S3; a pointer to a bucket that it does not read is undecodable.
        health_address: host and port at which `health` is served over HTTP while it listens, for example
            ``("0.0.0.0", 8080)``; status 200 when healthy, else 503.
        unhealthy_after: seconds without progress after which it is not healthy: choose it above the longest time that a
            message takes.
        explain_unmatched: at log level DEBUG, say of a message that nobody takes why not, subscriber by subscriber.
            Values of the payload are logged then.
        aws_access_key_id: with ``aws_secret_access_key``; when omitted, credentials come from the environment, the AWS
            configuration files or the instance role.
        aws_secret_access_key: see above.
        region_name: when omitted, from the environment or the AWS configuration files.
        endpoint_url: another endpoint, for a local server or a VPC endpoint.
        session: a ``boto3.Session`` to build the client with.
        client: a ready SQS client, instead of all of the above.
        sleep: takes seconds; replaces the pauses after a failed receive, which a stop ends early, in tests.
        jitter: returns a float from 0 to 1, for the length of these pauses.

    Attributes:
        dispatcher: decides what happens to a message; also usable without a queue.

    Raises:
        ConfigurationError: an argument is missing, out of range, or contradicts another.
    """

    def __init__(
        self,
        queue_url: str,
        *,
        max_number_of_messages: int = 10,
        wait_time_seconds: int = 20,
        visibility_timeout: int = 30,
        envelope: EnvelopeKind | None = None,
        unmatched: Unmatched = "delete",
        dead_letter_queue_url: str | None = None,
        max_attempts: int | None = None,
        backoff: Backoff | None = None,
        concurrency: int = 1,
        process_timeout: float | None = None,
        middleware: Sequence[ProcessMiddleware] = (),
        telemetry: Telemetry | None = None,
        max_per_second: float | None = None,
        grace_period: float | None = None,
        retriable: tuple[type[Exception], ...] = (),
        to_data: ToData | None = None,
        idempotency: IdempotencyStore | None = None,
        idempotency_key: KeyOf | None = None,
        offload: S3Payloads | None = None,
        health_address: tuple[str, int] | None = None,
        unhealthy_after: float = 300.0,
        explain_unmatched: bool = False,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: SqsClient | None = None,
        sleep: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if not queue_url:
            raise ConfigurationError("queue_url is missing")
        if dead_letter_queue_url is not None and dead_letter_queue_url in ("", queue_url):
            raise ConfigurationError("dead_letter_queue_url must be the URL of another queue")
        self.dispatcher = Dispatcher(
            envelope=envelope,
            unmatched=unmatched,
            retriable=retriable,
            to_data=to_data,
            idempotency=idempotency,
            idempotency_key=idempotency_key,
            dead_letters=dead_letter_queue_url is not None,
            max_attempts=max_attempts,
            process_timeout=process_timeout,
            middleware=middleware if telemetry is None else (telemetry.processing, *middleware),
        )
        self._clients = ClientSource[SqsClient](
            "sqs",
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
        )
        self._queue_url, self._queue_name = queue_url, queue_url.rstrip("/").rpartition("/")[2]
        self._telemetry = telemetry
        self._acknowledger = Acknowledger(self._clients, queue_url, dead_letter_queue_url)
        self._backoff = backoff
        self._concurrency = _within("concurrency", concurrency, 1, 1000)
        if grace_period is not None and not grace_period >= 0:
            raise ConfigurationError(f"grace_period must be seconds from 0 up, not {grace_period!r}")
        self._grace_period = grace_period
        self._rate = None if max_per_second is None else RateLimit(max_per_second)
        if not unhealthy_after > 0:
            raise ConfigurationError(f"unhealthy_after must be seconds above 0, not {unhealthy_after!r}")
        self._health_address, self._unhealthy_after = health_address, unhealthy_after
        self._in_flight, self._pulse = InFlight(), Pulse()
        self._failure: ProcessTimeoutError | None = None
        self._explain_unmatched = explain_unmatched
        self._offload = offload
        self._envelope = envelope
        self._visibility_timeout = _within("visibility_timeout", visibility_timeout, 0, 43_200)
        self._heartbeat = Heartbeat(
            self._acknowledger.change_visibility,
            self._visibility_timeout,
            lost=self._in_flight.cancel,
            renew=None if idempotency is None else lambda: self.dispatcher.renew_leases(),
        )
        self._maximum = _within("max_number_of_messages", max_number_of_messages, 1, MAX_BATCH)
        self._receive_parameters: dict[str, Any] = {
            "QueueUrl": queue_url,
            "WaitTimeSeconds": _within("wait_time_seconds", wait_time_seconds, 0, 20),
            "VisibilityTimeout": visibility_timeout,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All"],
        }
        self._wait_seconds, self._hollow = wait_time_seconds, 0
        self._sleep = sleep or self._pause
        self._jitter = jitter
        self._stopping = self._listening = False
        # A signal may arrive in the middle of any step, where taking a lock could wait for itself: a flag and a
        # SimpleQueue, whose put is re-entrant, are safe there, a threading.Event is not.
        self._wake: SimpleQueue[None] = SimpleQueue()

    @property
    def queue_url(self) -> str:
        """The queue that it receives from."""
        return self._queue_url

    def register_subscriber(self, subscriber: type[Subscriber[Any]]) -> None:
        """Register a subscriber class (not an instance); its constructor takes no arguments.

        Raises:
            RegistrationError: it is registered already, or is not a subscriber class.
        """
        self.dispatcher.register(subscriber)

    def stop(self) -> None:
        """Make `listen` return: it finishes the message in hand and gives back those that it has not started.

        Callable from any thread, subscriber or signal handler. Before `listen`, it makes the next one return at once.
        """
        self._stopping = True
        self._wake.put(None)

    def listen(self) -> None:
        """Receive and handle until `stop`, or until SIGTERM or SIGINT when this is the main thread.

        A first signal stops as `stop` does; a second one does what it did before `listen`. Whatever a message contains
        and whatever a subscriber raises, the loop goes on.

        Raises:
            ConfigurationError: it is listening already, ``health_address`` is taken, or receiving cannot succeed: there
                is no such queue, access is denied, the credentials are missing or wrong. The service's own error is its
                cause.
            ProcessTimeoutError: too many calls of subscribers hang.
        """
        if self._listening:
            raise ConfigurationError("this listener is listening already, in another thread; make one for each")
        self._listening = self._pulse.listening = True
        self._pulse.progressed()
        log.write(logger, log.LISTENER_STARTED, queue_url=self._queue_url)
        try:
            with serve_health(self.health, self._health_address), self._signals():
                if self._concurrency > 1 or self._grace_period is not None:
                    self._listen_in_threads()
                else:
                    while not self._stopping:
                        self._work(self._receive_patiently(self._maximum, self._sleep))
        finally:
            self._stopping = self._listening = self._pulse.listening = False
            self._wake = SimpleQueue()
        log.write(logger, log.LISTENER_STOPPED, queue_url=self._queue_url)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def health(self) -> Health:
        """How it is; callable from any thread."""
        return self._pulse.health(
            self._unhealthy_after,
            in_flight=len(self._in_flight),
            longest_seconds=self._in_flight.longest_seconds,
            hanging=self.dispatcher.hanging,
        )

    def poll_once(self) -> list[Outcome]:
        """Receive once, handle and acknowledge; for tests and for loops of one's own.

        Returns:
            One outcome per message that was handled. None after `stop`, once.

        Raises:
            ConfigurationError: as `listen`.
            botocore.exceptions.ClientError: or another error of the client: passing trouble, which `listen` waits out.
        """
        if self._stopping:
            self._stopping = False
            return []
        try:
            messages = self._receive(self._maximum)
        except service_errors() as error:
            self._raise_if_pointless(error)
            raise
        return self._work(messages)

    def _listen_in_threads(self) -> None:
        crew = Crew(
            self._concurrency,
            self._maximum - 1 if self._concurrency == 1 else 0,
            self._maximum,
            self._receive_patiently,
            self._settle,
            self._fifo_group,
            self._acknowledger,
            self._heartbeat,
            self._in_flight.cancel,
        )
        crew.run(lambda: self._stopping, self._pause, self._grace_period)

    def _receive_patiently(self, maximum: int, pause: Callable[[float], object]) -> Sequence[Mapping[str, Any]]:
        """Receive, waiting out passing trouble; nothing when it is told to stop meanwhile."""
        failures = 0
        while not self._stopping:
            granted, seconds = (maximum, 0.0) if self._rate is None else self._rate.take(maximum)
            if not granted:
                self._pulse.progressed()
                pause(min(seconds, self._unhealthy_after / 2))
                continue
            messages: Sequence[Mapping[str, Any]] = ()
            start = monotonic()
            try:
                messages = self._receive(granted)
            except ConfigurationError:  # there is no client to be had
                raise
            except Exception as error:  # of the service, or of botocore over an answer that makes no sense
                failures += 1
                pause(self._pause_after(error, failures))
            else:
                self._hollow = 0 if messages or monotonic() - start >= self._wait_seconds / 2 else self._hollow + 1
                if self._hollow and not self._stopping:  # a broken answer is read as an empty one
                    pause(min(1.0, 0.05 * 2 ** min(self._hollow, 5)))
                return messages
            finally:
                if self._rate is not None:
                    self._rate.give_back(granted - len(messages))
        return ()

    def _receive(self, maximum: int) -> Sequence[Mapping[str, Any]]:
        asked = {**self._receive_parameters, "MaxNumberOfMessages": maximum}
        try:
            received = list[object](self._clients.get().receive_message(**asked).get("Messages") or ())
            messages = [message for message in received if _can_be_acknowledged(message)]
            if received and not messages:
                raise ValueError("the service answers with messages that make no sense")
        except Exception:
            self._pulse.receive_failures += 1
            raise
        self._pulse.received()
        tell_received(self._telemetry, self._queue_name, [_system_attributes(message) for message in messages])
        return messages

    def _raise_if_pointless(self, error: Exception) -> None:
        failure = describe(error)
        if not failure.passing:
            log.write(logger, log.RECEIVE_HOPELESS, queue_url=self._queue_url, code=failure.code)
            raise ConfigurationError(
                f"cannot receive from {self._queue_url}: {failure.message} ({failure.code})"
            ) from error

    def _pause_after(self, error: Exception, failures: int) -> float:
        """Seconds to wait: doubling from one to thirty, the second half of it random."""
        self._raise_if_pointless(error)
        seconds = pause_after_failures(failures, self._jitter())
        code = describe(error).code
        log.write(
            logger, log.RECEIVE_FAILED, queue_url=self._queue_url, code=code, failures=failures, pause_seconds=seconds
        )
        return seconds

    def _pause(self, seconds: float) -> None:
        with suppress(Empty):
            self._wake.get(timeout=seconds)

    def _work(self, messages: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Handle one batch. What is done is deleted and what is unstarted given back, also when a signal breaks in."""
        outcomes: list[Outcome] = []
        done: list[str] = []
        unstarted = list(messages)
        returned: list[Mapping[str, Any]] = []
        halted: set[str] = set()
        again: list[tuple[str, int]] = []
        touched = monotonic()
        self._heartbeat.begin([_receipt(message) for message in messages])
        try:
            while unstarted and not self._stopping:
                if monotonic() - touched >= RENEW_AFTER_SECONDS:
                    self._heartbeat.end([*done, *(receipt for receipt, _ in again)])
                    self._acknowledger.delete(done)
                    self._acknowledger.change_visibility(again)
                    done, again = [], []
                    if self._visibility_timeout:
                        held = [*returned, *unstarted]
                        self._acknowledger.change_visibility([(_receipt(m), self._visibility_timeout) for m in held])
                    touched = monotonic()
                message = unstarted.pop(0)
                group = self._fifo_group(message)
                if group in halted:
                    returned.append(message)
                    continue
                outcome = self._handle(message)
                if outcome is not None:
                    outcomes.append(outcome)
                if outcome is not None and self._is_finished(message, outcome):
                    done.append(_receipt(message))
                    continue
                if (seconds := self._retry_after(message, outcome)) is not None:
                    again.append((_receipt(message), seconds))
                if group:
                    halted.add(group)
        finally:
            self._heartbeat.end([_receipt(message) for message in messages])
            self._acknowledger.delete(done)
            # In one call, and of a group in its order.
            self._acknowledger.change_visibility([*again, *((_receipt(m), 0) for m in [*returned, *unstarted])])
        return outcomes

    def _settle(self, message: Mapping[str, Any]) -> Verdict:
        """Handle one message, in a worker."""
        outcome = self._handle(message)
        if outcome is not None and self._is_finished(message, outcome):
            return Verdict(finished=True)
        return Verdict(finished=False, seconds=self._retry_after(message, outcome))

    def _fifo_group(self, message: Mapping[str, Any]) -> str | None:
        """The group whose order must hold; standard queues have groups as well, without an order."""
        if not self._queue_url.endswith(".fifo"):
            return None
        group = _system_attributes(message).get("MessageGroupId")
        return group if isinstance(group, str) else None

    def _handle(self, message: Mapping[str, Any]) -> Outcome | None:
        self._pulse.progressed()
        cancellation = self._in_flight.begin(_receipt(message))
        try:
            return watched(self._telemetry, self._queue_name, partial(self._handled, message, cancellation))
        finally:
            self._in_flight.end(_receipt(message))
            self._pulse.progressed()

    def _handled(self, message: Mapping[str, Any], cancellation: Cancellation) -> Outcome | None:
        message_id, start = message.get("MessageId", ""), monotonic()
        try:
            outcome = self._outcome(Record.from_sqs(message), cancellation)
        except FetchError as error:
            log.write(logger, log.MESSAGE_UNFETCHED, message_id=message_id, error=str(error))
            return None
        except Exception as error:  # the dispatcher raises none; if it does, this message stays and the loop goes on
            name = type(error).__name__
            log.write(logger, log.MESSAGE_FAILED, message_id=message_id, error=name, where=log.where(error))
            return None
        log_outcome(logger, outcome, monotonic() - start)
        self._stop_if_hanging()
        if self._explain_unmatched and not outcome.results and outcome.error is None:
            self._log_explanations(message_id, Record.from_sqs(message))
        return outcome

    def _outcome(self, record: Record, cancellation: Cancellation) -> Outcome:
        if self._offload is None:
            return self.dispatcher.handle(record, cancellation=cancellation)
        try:
            restored = self._offload.restore(record, self._envelope)
        except DecodeError as error:
            return self.dispatcher.refuse(record, error)
        return self.dispatcher.handle(restored, cancellation=cancellation)

    def _stop_if_hanging(self) -> None:
        """Where calls of subscribers hang and are left behind, there is an end to the threads that they hold."""
        hanging = self.dispatcher.hanging
        if hanging >= max(HANGING, self._concurrency) and self._failure is None:
            what = f"{hanging} calls of process() took longer than process_timeout and have not ended"
            log.write(logger, log.PROCESS_HANGING, count=hanging)
            self._failure = ProcessTimeoutError(f"{what}: find out where they hang, and start this process anew")
            self.stop()

    def _log_explanations(self, message_id: str, record: Record) -> None:
        """Why subscribers did not match, one by one; values of the payload are in it."""
        if not logger.isEnabledFor(logging.DEBUG):
            return
        with suppress(DecodeError, RecursionError):
            for explanation in islice(self.dispatcher.explain(record), EXPLAINED):
                log.write(logger, log.MESSAGE_UNMATCHED, message_id=message_id, explanation=str(explanation))

    def _is_finished(self, message: Mapping[str, Any], outcome: Outcome) -> bool:
        """Whether a message may be deleted: it is dealt with, or its copy is in the dead-letter queue."""
        if outcome.disposition is Disposition.DEAD_LETTER:
            return self._acknowledger.bury(message, outcome)
        if outcome.disposition is Disposition.DELETE:
            if any(result.status is ProcessStatus.FATAL_ERROR for result in outcome.results):
                self._log_given_up(message)
            return True
        return False

    def _log_given_up(self, message: Mapping[str, Any]) -> None:
        """A message that is deleted unprocessed, whole, to a logger of its own."""
        log.write(given_up, log.MESSAGE_GIVEN_UP, message_id=message.get("MessageId", ""), sqs_message=message)

    def _retry_after(self, message: Mapping[str, Any], outcome: Outcome | None) -> int | None:
        """Seconds until the next delivery: the longest that a subscriber asks for, else the back-off's, if any."""
        errors = [result.error for result in outcome.results] if outcome is not None else []
        wishes = [error.after for error in errors if isinstance(error, RetryLater) and error.after is not None]
        if wishes:
            return ceil(max(wishes))
        if self._backoff is None:
            return None
        try:
            count = int(_system_attributes(message).get("ApproximateReceiveCount", 1))
        except (TypeError, ValueError):
            count = 1
        return self._backoff.seconds(count, self._jitter())

    @contextmanager
    def _signals(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def restore() -> None:
            for number, action in previous.items():
                signal.signal(number, signal.SIG_DFL if action is None else action)

        def end(number: int, _frame: FrameType | None) -> None:
            os._exit(128 + number)

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self.stop()
            restore()
            for number, action in previous.items():
                if action == signal.SIG_DFL and os.getpid() == 1:  # for which the kernel ignores default actions
                    signal.signal(number, end)

        try:
            for number in previous:
                signal.signal(number, on_signal)
            yield
        finally:
            restore()


def _can_be_acknowledged(message: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(message, Mapping) and isinstance(cast("Mapping[str, Any]", message).get("ReceiptHandle"), str)


def _system_attributes(message: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = message.get("Attributes")
    return cast("Mapping[str, Any]", attributes) if isinstance(attributes, Mapping) else {}


def _receipt(message: Mapping[str, Any]) -> str:
    return cast("str", message["ReceiptHandle"])


def _within(name: str, value: int, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        raise ConfigurationError(f"{name} must be an integer from {lowest} to {highest}, not {value!r}")
    return value
