"""From a record to an outcome: the pure core of every consumer.

``record → envelope → codec → payload → matching subscribers → statuses → disposition``. There is no client and no clock
that anything depends on here, and nothing is logged: a listener, a Lambda function and a test transport all call
``handle`` and act on the ``Outcome`` it returns. ``handle`` does not raise, whatever the record holds and whatever
subscribers do.

What happens to the message is decided by one table, ``disposition``. A message is only deleted when it was processed,
when a subscriber said that it never can be, or when nobody wants it; all that could not be read stays in the queue for
its redrive policy.

Validation comes before matching: an event that a subscriber asks for and that is not valid is reported as such. An
event that nobody asks for is not read beyond its identity.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from time import perf_counter
from types import FunctionType
from typing import Any, Literal, cast

import msgspec
from mega_typed.calls import Calls, Ending, run_coroutine
from mega_typed.codecs import Content, ContentKind, ContentType, decode, encode_document
from mega_typed.envelopes import Envelope, EnvelopeKind, Record, open_envelope
from mega_typed.errors import (
    ConfigurationError,
    DecodeError,
    EncodeError,
    IdempotencyError,
    InvalidPayload,
    MegaError,
    ProcessTimeoutError,
    RegistrationError,
    RetryLater,
)
from mega_typed.event import Event
from mega_typed.explanation import Explanation
from mega_typed.idempotency import IdempotencyStore
from mega_typed.message_context import TRACE_HEADER, Cancellation, MessageContext, current_message, in_process
from mega_typed.middleware import ProcessMiddleware, wrapped
from mega_typed.once import KeyOf, MessageKeys, Once, name_of
from mega_typed.payload import EventType, identity_of
from mega_typed.subscribers import (
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    Payload,
    ProcessStatus,
    Subscriber,
)
from mega_typed.subscriptions import Selection, Subscriptions

__all__ = ["Defect", "Dispatcher", "Disposition", "Outcome", "Reading", "SubscriberResult", "Unmatched", "disposition"]


class Reading(StrEnum):
    """What a record turned out to be.

    Attributes:
        EVENT: a MEGA event, of a known class or not.
        DATA: another JSON or BSON object.
        TEXT: plaintext.
        BINARY: bytes.
        CONFIRMATION: SNS asks to confirm a subscription, or tells that one ended.
        UNREAD: its attempts were used up before this delivery, so it was not looked at.
        INVALID: an event that somebody asks for, and that is not what its schema says.
        UNDECODABLE: its envelope or its body cannot be read.
    """

    EVENT = "event"
    DATA = "data"
    TEXT = "text"
    BINARY = "binary"
    CONFIRMATION = "confirmation"
    UNREAD = "unread"  # its attempts were used up before this delivery, by processes that did not live to say so
    INVALID = "invalid"
    UNDECODABLE = "undecodable"


class Disposition(StrEnum):
    """What happens to the message.

    Attributes:
        DELETE: it is deleted.
        RETRY: it stays in the queue, and comes back later.
        DEAD_LETTER: it moves to the dead-letter queue.
    """

    DELETE = "delete"
    RETRY = "retry"
    DEAD_LETTER = "dead_letter"


Unmatched = Literal["delete", "keep", "dead_letter"]
"""What happens to a message that no subscriber takes."""


class SubscriberResult(msgspec.Struct, frozen=True):
    """What one matching subscriber made of a payload.

    Attributes:
        subscriber: its class.
        status: what it said.
        error: what it raised; or an ``IdempotencyError``, the failure of the store.
        skipped: it was not called: it has completed this message before, with this status; or another delivery is
            being processed (``RETRY_LATER``); or the store could not be asked (``RETRIABLE_ERROR``).
        seconds: how long it took.
    """

    subscriber: type[Subscriber[Any]]
    status: ProcessStatus
    error: BaseException | None = None
    skipped: bool = False
    seconds: float = 0.0


class Defect(msgspec.Struct, frozen=True):
    """A subscriber whose pattern could not be evaluated, because a predicate raised. It counts as a non-match."""

    subscriber: type[Subscriber[Any]]
    error: BaseException


class Outcome(msgspec.Struct, frozen=True):
    """What became of a record.

    Attributes:
        disposition: what happens to the message.
        reading: what the record turned out to be.
        results: one entry for each matching subscriber, in the order of registration.
        event_type: the identity, where the record is a MEGA event.
        error: why the record could not be read or is not valid.
        defects: subscribers whose pattern could not be evaluated.
        message_id: of the record.
        attempt: how often the message was delivered, this time included.
    """

    disposition: Disposition
    reading: Reading
    results: tuple[SubscriberResult, ...] = ()
    event_type: EventType | None = None
    error: MegaError | None = None
    defects: tuple[Defect, ...] = ()
    message_id: str = ""
    attempt: int = 1


def disposition(
    reading: Reading,
    statuses: Iterable[ProcessStatus] = (),
    *,
    defects: bool = False,
    unmatched: Unmatched = "delete",
    dead_letters: bool = False,
    last_attempt: bool = False,
) -> Disposition:
    """The table of outcomes (docs/outcomes.md).

    Args:
        reading: what the record turned out to be.
        statuses: of all matching subscribers.
        defects: whether the pattern of some subscriber could not be evaluated.
        unmatched: what to do with a message that no subscriber matches.
        dead_letters: whether there is a dead-letter queue to move messages to.
        last_attempt: whether this delivery is the last that the message is allowed.
    """
    if reading is _UNREAD:
        return _DEAD_LETTER
    if reading is _UNDECODABLE or reading is _INVALID:
        return _DEAD_LETTER if dead_letters else _RETRY
    again = _DEAD_LETTER if dead_letters and last_attempt else _RETRY
    if reading is _CONFIRMATION:
        return again
    said = list(statuses)  # a set would cost more: the hash of an enum's member is slow
    if _RETRY_LATER in said or _RETRIABLE_ERROR in said:
        return again
    if said:
        return _DEAD_LETTER if dead_letters and _FATAL_ERROR in said else _DELETE
    if defects:
        return again
    return _UNMATCHED[unmatched]


# on Python 3.11 an attribute of an enum costs as much as three calls
_EVENT, _CONFIRMATION, _UNREAD = Reading.EVENT, Reading.CONFIRMATION, Reading.UNREAD
_INVALID, _UNDECODABLE = Reading.INVALID, Reading.UNDECODABLE
_DELETE, _RETRY, _DEAD_LETTER = Disposition.DELETE, Disposition.RETRY, Disposition.DEAD_LETTER
_DONE, _RETRY_LATER = ProcessStatus.DONE, ProcessStatus.RETRY_LATER
_RETRIABLE_ERROR, _FATAL_ERROR = ProcessStatus.RETRIABLE_ERROR, ProcessStatus.FATAL_ERROR
_OBJECT = ContentKind.OBJECT
_UNMATCHED = {"delete": _DELETE, "keep": _RETRY, "dead_letter": _DEAD_LETTER}
_READINGS = {ContentKind.TEXT: Reading.TEXT, ContentKind.BINARY: Reading.BINARY, ContentKind.OBJECT: Reading.DATA}

_GENERATORS = (inspect.isgeneratorfunction, inspect.isasyncgenfunction)

ToData = Callable[[str | bytes], Mapping[str, Any] | None]


class Dispatcher:
    """Registered subscribers, and what they make of a record.

    Args:
        envelope: the envelope that every record has; found out from each record when omitted.
        unmatched: what happens to a message that no subscriber matches: ``"delete"`` (default), ``"keep"``, or
            ``"dead_letter"``.
        retriable: exception types that mean "try again later" for every subscriber.
        to_data: turns plaintext or a blob into a data object (or the document of a MEGA event) that patterns then
            apply to; ``None`` leaves it as it is.
        idempotency: remembers which subscriber has completed which message, so that none is given it twice.
        idempotency_key: from what a subscriber is given to what makes it one and the same message; its id (of SNS and
            EventBridge the published one) when omitted, or where ``None`` is returned.
        dead_letters: whether whoever acts on outcomes can move a message to a dead-letter queue.
        max_attempts: deliveries of one message after which it is not retried any more but dead-lettered.
        process_timeout: seconds that one subscriber may take for one message; then it counts as a
            ``RETRIABLE_ERROR``. A coroutine is cancelled; a plain function, which runs in another thread then, goes on
            and can ask ``current_message().cancelled``. ``None`` (default) sets no limit.
        middleware: is called around ``process``, the first one outermost; see `ProcessMiddleware`.

    Raises:
        ConfigurationError: an argument is none of those, or needs dead letters and there are none.
    """

    def __init__(
        self,
        *,
        envelope: EnvelopeKind | None = None,
        unmatched: Unmatched = "delete",
        retriable: tuple[type[Exception], ...] = (),
        to_data: ToData | None = None,
        idempotency: IdempotencyStore | None = None,
        idempotency_key: KeyOf | None = None,
        dead_letters: bool = False,
        max_attempts: int | None = None,
        process_timeout: float | None = None,
        middleware: Sequence[ProcessMiddleware] = (),
    ) -> None:
        if idempotency_key is not None and idempotency is None:
            raise ConfigurationError("idempotency_key needs a store: give idempotency as well")
        if unmatched not in _UNMATCHED:
            raise ConfigurationError(f'unmatched must be "delete", "keep" or "dead_letter", not {unmatched!r}')
        if max_attempts is not None and (type(max_attempts) is not int or max_attempts < 1):
            raise ConfigurationError(f"max_attempts must be an integer above 0, not {max_attempts!r}")
        if not dead_letters and (max_attempts is not None or unmatched == "dead_letter"):
            raise ConfigurationError(
                'max_attempts and unmatched="dead_letter" need a dead-letter queue; without one, the redrive policy of '
                "the queue counts attempts"
            )
        if envelope is not None and envelope not in list(EnvelopeKind):
            raise ConfigurationError(f"envelope must be one of {', '.join(EnvelopeKind)}, not {envelope!r}")
        self._envelope = None if envelope is None else EnvelopeKind(envelope)
        self._unmatched: Unmatched = unmatched
        self._dead_letters = dead_letters
        self._max_attempts = max_attempts
        self._calls = None if process_timeout is None else Calls(process_timeout)
        self._retriable = exception_types(retriable)
        self._middleware = tuple(middleware)
        self._wrapped: dict[type[Subscriber[Any]], Callable[[Any], object]] = {}
        self._to_data = to_data
        self._once = None if idempotency is None else Once(idempotency, idempotency_key)
        self._registered: dict[type[Subscriber[Any]], None] = {}
        self._names: set[str] = set()
        self._subscriptions = Subscriptions()

    @property
    def envelope(self) -> EnvelopeKind | None:
        """The envelope that every record has; ``None`` where it is found out from each."""
        return self._envelope

    @property
    def subscribers(self) -> tuple[type[Subscriber[Any]], ...]:
        """The registered classes, in order."""
        return tuple(self._registered)

    @property
    def hanging(self) -> int:
        """How many calls of subscribers exceeded ``process_timeout`` and have not ended yet."""
        return 0 if self._calls is None else self._calls.hanging

    def renew_leases(self) -> None:
        """Prolong the leases of all subscribers that work now; whoever keeps messages in hand calls it meanwhile.

        Raises:
            Exception: the idempotency store did.
        """
        if self._once is not None:
            self._once.renew()

    def register(self, subscriber: type[Subscriber[Any]]) -> None:
        """Register a subscriber class; an instance of it is made at once.

        Raises:
            RegistrationError: it is no subscriber class, is registered already, defines no usable ``process``, or
                cannot be made without arguments.
        """
        if not (isinstance(subscriber, type) and issubclass(subscriber, Subscriber)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise RegistrationError(
                f"expected a subclass of MessageSubscriber, DataSubscriber or EventSubscriber, got {subscriber!r}; "
                "register the class, not an instance"
            )
        name = subscriber.__qualname__
        if subscriber in self._registered:
            raise RegistrationError(f"{name} is registered already")
        if self._once is not None and name_of(subscriber) in self._names:
            raise RegistrationError(
                f"another {name_of(subscriber)} is registered, and completions are kept by this name"
            )
        if subscriber.process is Subscriber.process:
            raise RegistrationError(f"{name} does not define process()")
        if any(is_generator(subscriber.process) for is_generator in _GENERATORS):
            raise RegistrationError(f"{name}.process is a generator function, which would never run")
        try:
            exception_types(subscriber.retriable)
        except ConfigurationError as error:
            raise RegistrationError(f"{name}: {error}") from error
        if not _takes_self_and_one(subscriber.process):
            try:
                inspect.signature(subscriber.process).bind(None, None)
            except TypeError as error:
                raise RegistrationError(f"{name}.process must take self and one payload: {error}") from error
        try:
            instance = subscriber()
        except TypeError as error:
            raise RegistrationError(f"{name} cannot be made without arguments: {error}") from error
        if not isinstance(instance, EventSubscriber | DataSubscriber | MessageSubscriber):
            raise RegistrationError(f"{name} must be a MessageSubscriber, a DataSubscriber or an EventSubscriber")
        self._subscriptions.add(instance)
        if self._middleware:
            self._wrapped[subscriber] = wrapped(instance, self._middleware)
        self._registered[subscriber] = None
        self._names.add(name_of(subscriber))

    def matching(self, payload: Event | Payload) -> tuple[type[Subscriber[Any]], ...]:
        """The subscribers that match a payload, in the order of registration; none of them processes it.

        Args:
            payload: a typed event, for the subscribers of its class; a MEGA payload, for the untyped event
                subscribers; or a data object, plaintext or bytes, for data and message subscribers.
        """
        return self._subscriptions.matching(payload)

    def handle(
        self, record: Record, envelope_kind: EnvelopeKind | None = None, cancellation: Cancellation | None = None
    ) -> Outcome:
        """Read a record, let every matching subscriber process it, and say what happens to the message.

        Never raises an ``Exception``, whatever the record holds and whatever subscribers do.

        Args:
            record: the message as delivered.
            envelope_kind: the envelope of this record, where it is known; else that of the dispatcher.
            cancellation: what subscribers see as ``current_message().cancelled``.
        """
        event_type: EventType | None = None
        if self._max_attempts is not None and record.receive_count > self._max_attempts:
            return self._outcome(record, Reading.UNREAD)
        try:
            envelope = open_envelope(record, envelope_kind or self._envelope)
            if envelope.confirmation is not None:
                return self._outcome(record, Reading.CONFIRMATION)
            content = self._content(envelope.body, envelope.content_type)
            event_type = identity_of(content) if content.kind is _OBJECT else None
            if event_type is not None:
                selection = self._subscriptions.of_event(event_type, content)
                return self._run(record, envelope, _EVENT, selection, cancellation, event_type)
            selection = self._subscriptions.of_data(content)
            if content.damage is not None and not selection.matched:
                return self._outcome(record, Reading.UNDECODABLE, error=content.damage)
            return self._run(record, envelope, _READINGS[content.kind], selection, cancellation)
        except InvalidPayload as error:
            return self._outcome(record, Reading.INVALID, error=error, event_type=event_type)
        except DecodeError as error:
            return self._outcome(record, Reading.UNDECODABLE, error=error, event_type=event_type)

    def refuse(self, record: Record, error: DecodeError) -> Outcome:
        """The outcome for a record whose payload could not even be got hold of, an offloaded one for instance."""
        return self._outcome(record, Reading.UNDECODABLE, error=error)

    def explain(self, record: Record) -> Iterator[Explanation]:
        """Why each subscriber that a record could be for matches it or not; no subscriber processes it.

        Raises:
            DecodeError: the record cannot be read, or is not valid.
        """
        envelope = open_envelope(record, self._envelope)
        content = self._content(envelope.body, envelope.content_type)
        identity = identity_of(content) if content.kind is ContentKind.OBJECT else None
        return self._subscriptions.explained(identity, content)

    def _content(self, body: str, content_type: str | None) -> Content:
        content = decode(body, content_type)
        if self._to_data is None or content.kind is _OBJECT:
            return content
        try:
            data = self._to_data(content.text if content.kind is ContentKind.TEXT else content.data)
            return content if data is None else decode(encode_document(data).body, ContentType.JSON)
        except EncodeError as error:
            raise DecodeError("to_data", f"to_data returned what cannot be a data object: {error}") from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise DecodeError("to_data", f"to_data raised {type(error).__name__}") from error

    # --- processing ---------------------------------------------------------------------------------------------------

    def _run(
        self,
        record: Record,
        envelope: Envelope,
        reading: Reading,
        selection: Selection,
        cancellation: Cancellation | None,
        event_type: EventType | None = None,
    ) -> Outcome:
        results = self._results(record, envelope, selection, cancellation, event_type) if selection.matched else ()
        subscribers = self._subscriptions.subscribers
        failures = selection.failures
        defects = tuple([Defect(type(subscribers[number]), error) for number, error in failures]) if failures else ()
        return self._outcome(record, reading, results=results, event_type=event_type, defects=defects)

    def _results(
        self,
        record: Record,
        envelope: Envelope,
        selection: Selection,
        cancellation: Cancellation | None,
        event_type: EventType | None,
    ) -> tuple[SubscriberResult, ...]:
        published_id = envelope.message_id or record.message_id
        context = in_process.set(
            MessageContext(
                record.message_id,
                published_id,
                record.receive_count,
                envelope.attributes,
                event_type,
                record.system.get(TRACE_HEADER),
                cancellation or Cancellation(),
            )
        )
        try:
            chosen = [(self._subscriptions.subscribers[number], payload) for number, payload in selection.matched]
            if self._once is None:
                return tuple([self._process(subscriber, payload) for subscriber, payload in chosen])
            message = MessageKeys(envelope.kind, published_id, record.message_id)
            return tuple([self._process_once(self._once, *each, message) for each in chosen])
        finally:
            in_process.reset(context)

    def _process_once(
        self, once: Once, subscriber: Subscriber[Any], payload: object, message: MessageKeys
    ) -> SubscriberResult:
        kind = type(subscriber)
        try:
            claim = once.begin(kind, payload, message)
        except IdempotencyError as error:
            return SubscriberResult(kind, ProcessStatus.RETRIABLE_ERROR, error, skipped=True)
        if isinstance(claim, ProcessStatus):
            return SubscriberResult(kind, claim, skipped=True)

        def finish_late(ending: Ending) -> None:
            said = self._judged(subscriber, ending)
            # What it raises may come of its having been given up, as a CancelledError does: it has another chance.
            once.finish(claim, ProcessStatus.RETRY_LATER if said.error is not None else said.status, message)

        try:
            result = self._process(subscriber, payload, finish_late)
        except BaseException:  # KeyboardInterrupt: the next delivery need not wait for the lease
            once.finish(claim, ProcessStatus.RETRY_LATER, message)
            raise
        if isinstance(result.error, ProcessTimeoutError) and self._calls is not None:
            once.leave(claim)  # it goes on under its lease, and finishes late
            return result
        failure = once.finish(claim, result.status, message)
        if failure is None:
            return result
        if result.error is None:
            return msgspec.structs.replace(result, error=failure)
        result.error.add_note(str(failure))
        return result

    def _process(
        self, subscriber: Subscriber[Any], payload: object, late: Callable[[Ending], object] | None = None
    ) -> SubscriberResult:
        calls = self._calls
        process: Callable[[Any], object] = self._wrapped[type(subscriber)] if self._middleware else subscriber.process
        if calls is None:
            return self._judged(subscriber, partial(process, payload))
        context = in_process.get()
        cancellation = Cancellation(context.cancellation)
        own = in_process.set(msgspec.structs.replace(context, cancellation=cancellation))
        try:
            call = partial(calls.call, process, payload, given_up=cancellation.cancel, late=late)
            return self._judged(subscriber, call)
        finally:
            in_process.reset(own)

    def _judged(self, subscriber: Subscriber[Any], call: Callable[[], object]) -> SubscriberResult:
        start = perf_counter()
        status, error = self._said(subscriber, call)
        return SubscriberResult(type(subscriber), status, error, False, perf_counter() - start)

    def _said(
        self, subscriber: Subscriber[Any], call: Callable[[], object]
    ) -> tuple[ProcessStatus, BaseException | None]:
        try:
            status = call()
            if inspect.iscoroutine(status):
                status = run_coroutine(status)
        except RetryLater as wish:
            return ProcessStatus.RETRY_LATER, wish
        except (*self._retriable, *exception_types(subscriber.retriable)) as error:
            return ProcessStatus.RETRIABLE_ERROR, error
        except ProcessTimeoutError as error:
            return ProcessStatus.RETRIABLE_ERROR, error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a library's SystemExit or CancelledError must not end the consumer
            # Work that was told to end says nothing of its message by ending: that comes again.
            return ProcessStatus.RETRIABLE_ERROR if current_message().cancelled else ProcessStatus.FATAL_ERROR, error
        if status is None:
            return _DONE, None
        if isinstance(status, ProcessStatus):
            return status, None
        kind = type(status).__name__
        if isinstance(status, Awaitable | Generator | AsyncGenerator):  # nothing was processed, so nothing may be lost
            unrun = TypeError(f"process() returned a {kind}, which never runs")
            return ProcessStatus.RETRIABLE_ERROR, unrun
        unknown = TypeError(f"process() returned a {kind}; return a ProcessStatus, or nothing for DONE")
        return ProcessStatus.FATAL_ERROR, unknown

    def _outcome(
        self,
        record: Record,
        reading: Reading,
        *,
        results: tuple[SubscriberResult, ...] = (),
        event_type: EventType | None = None,
        error: MegaError | None = None,
        defects: tuple[Defect, ...] = (),
    ) -> Outcome:
        fate = disposition(
            reading,
            [result.status for result in results],
            defects=bool(defects),
            unmatched=self._unmatched,
            dead_letters=self._dead_letters,
            last_attempt=self._max_attempts is not None and record.receive_count >= self._max_attempts,
        )
        return Outcome(fate, reading, results, event_type, error, defects, record.message_id, record.receive_count)


def _takes_self_and_one(process: object) -> bool:
    """Whether a function plainly does; a signature tells more, and costs as much as all else of a registration."""
    if not isinstance(process, FunctionType) or process.__dict__:
        return False
    return process.__code__.co_argcount == 2 and not process.__code__.co_kwonlyargcount


def exception_types(declared: object) -> tuple[type[Exception], ...]:
    """Declared exception types as a tuple; one type alone is one. Raises ``ConfigurationError`` for anything else."""
    types = declared if isinstance(declared, tuple) else (declared,)
    for found in types:
        if not (isinstance(found, type) and issubclass(found, Exception)):
            raise ConfigurationError(f"retriable is a tuple of exception types, and {found!r} is none")
    return cast("tuple[type[Exception], ...]", types)
