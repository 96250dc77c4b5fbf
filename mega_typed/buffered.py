"""Messages that are collected for a moment, so that ten of them cost one call.

Strategy: `publish` checks and encodes in the thread that calls it, so what is wrong with a payload is raised there; one
thread of the buffer sends, in the order of the calls, when a batch is full or its first message has waited long enough.
What is not settled yet is bounded, by number and bytes: `publish` waits for room. Every message has a `Delivery`, which
becomes its id or its error. An error that nobody can ask for any more is raised by `flush` and `close`; all are logged.
The buffer is closed when the interpreter exits, if it was not before. After a fork the child has an empty one: what was
published before is sent by the parent, once.
"""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from time import monotonic
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from mega_typed import log
from mega_typed.errors import ConfigurationError, PublishError
from mega_typed.forks import tell_of_forks
from mega_typed.messages import Attributes, Publishable, added_attributes, message_of
from mega_typed.outgoing import PublishResult
from mega_typed.sending import MAX_BATCH_ENTRIES, Entry, Route, Sender

logger = logging.getLogger("mega_typed.buffered")

_CLOSED: Final = "the buffered publisher is closed"


class Delivery(Future[str]):
    """What becomes of one message: its id, or its error. One that is not under way yet can be cancelled."""

    claimed = False
    """Whether somebody asked, and so knows of an error."""

    def result(self, timeout: float | None = None) -> str:
        """Wait for the message id, or raise why there is none."""
        self.claimed = True
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the error, or None."""
        self.claimed = True
        return super().exception(timeout)

    def add_done_callback(self, fn: Callable[[Future[str]], Any]) -> None:
        """Have a function called with this, by the thread of the buffer."""
        self.claimed = True
        super().add_done_callback(fn)


class _Waiting(NamedTuple):
    entry: Entry
    delivery: Delivery
    since: float


class BufferedPublisher:
    """Publishes in batches what is published one by one; any number of threads may do so. Made by ``buffered()``.

    Args:
        sender: the mechanism of a publisher.
        target: the queue or topic.
        linger_seconds: how long a message waits for others.
        max_batch: messages in one call, 1 to 10.
        max_pending: messages that wait or are under way; `publish` waits for room.
        max_pending_bytes: the same in bytes. One message is always let in.

    Raises:
        ConfigurationError: an argument is out of range, or there is no target.
    """

    def __init__(
        self,
        sender: Sender[Any],
        target: str | None,
        *,
        linger_seconds: float,
        max_batch: int,
        max_pending: int,
        max_pending_bytes: int,
    ) -> None:
        if not 0 <= linger_seconds <= threading.TIMEOUT_MAX:
            raise ConfigurationError(f"linger_seconds must be from 0 on, not {linger_seconds!r}")
        if not 1 <= max_batch <= MAX_BATCH_ENTRIES:
            raise ConfigurationError(f"max_batch must be from 1 to {MAX_BATCH_ENTRIES}, not {max_batch!r}")
        if max_pending < 1 or max_pending_bytes < 1:
            raise ConfigurationError("max_pending and max_pending_bytes must be positive")
        self._sender = sender
        self._route = Route(sender.target(target), None, None, None)
        self._linger_seconds = linger_seconds
        self._max_batch = max_batch
        self._max_pending = max_pending
        self._max_pending_bytes = max_pending_bytes
        self._closed = False
        self._become_empty()
        tell_of_forks(self)

    def start_anew(self) -> None:
        """In a child process: what waits is the parent's to send, by a thread that is not here."""
        self._become_empty()

    def _become_empty(self) -> None:
        self._changed = threading.Condition()  # guards all that follows, and whether it is closed
        self._waiting: deque[_Waiting] = deque()
        self._pending = self._pending_bytes = 0
        self._accepted = self._settled = self._urgent = 0  # numbers of messages; those up to `urgent` do not linger
        self._blocked = 0  # threads that wait for room
        self._unclaimed: list[Exception] = []  # the first only
        self._unclaimed_count = 0
        self._thread: threading.Thread | None = None

    def publish(
        self,
        payload: Publishable,
        binary_encoding: bool = False,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> Delivery:
        """Hand over one payload; the arguments are those of `SqsPublisher.publish` (``delay_seconds`` for SQS only).

        Returns:
            What becomes of it.

        Raises:
            EncodeError: as in `SqsPublisher.publish`, at once.
            ConfigurationError: likewise.
            PublishError: the buffer is closed, or S3 did not take a payload that has to be offloaded.
        """
        route = self._sender.route(self._route.target, group_id, deduplication_id, delay_seconds)
        entry = self._sender.entry(
            0, route, payload, message_of(payload, binary_encoding, added_attributes(attributes))
        )
        delivery = Delivery()
        with self._changed:
            if not self._has_room(entry.size):
                self._blocked += 1
                self._changed.notify_all()  # nothing lingers while somebody waits for room
                self._changed.wait_for(lambda: self._has_room(entry.size))
                self._blocked -= 1
            if self._closed:
                raise PublishError("Closed", _CLOSED)
            self._start()
            self._waiting.append(_Waiting(entry, delivery, monotonic()))
            self._accepted += 1
            self._pending += 1
            self._pending_bytes += entry.size
            self._changed.notify_all()
        return delivery

    def flush(self) -> None:
        """Send what was published before, without lingering, and wait until it is settled.

        Raises:
            ConfigurationError: it is called on the event loop of the middleware, which could not run meanwhile.
            PublishError: messages were not published, and nobody holds their `Delivery`; the first error is its cause.
        """
        if self._sender.needs_this_thread():
            raise ConfigurationError(
                "a coroutine cannot wait here for middleware on the same event loop; flush and close in a thread: "
                "await asyncio.to_thread(...)"
            )
        with self._changed:
            self._urgent = number = self._accepted
            self._changed.notify_all()
            if threading.current_thread() is not self._thread:  # a callback cannot wait for its own thread
                self._changed.wait_for(lambda: self._settled >= number)
            self._raise_unclaimed()

    def close(self) -> None:
        """Flush, and take nothing more; what else is wrong is raised as `flush` does. A second time does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.flush()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except PublishError:
            if error is None:  # else the one that is under way says more; this one is in the log
                raise

    def _has_room(self, size: int) -> bool:
        within = self._pending < self._max_pending and self._pending_bytes + size <= self._max_pending_bytes
        if within or not self._pending or self._closed or threading.current_thread() is self._thread:
            return True
        return self._sender.needs_this_thread()  # to wait would be for ever

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            # A daemon, because the interpreter waits for other threads before it calls what closes this one.
            self._thread = threading.Thread(target=self._run, name="mega-typed-buffered", daemon=True)
            self._thread.start()
            self._sender.prepare_for_exit()
            atexit.unregister(self.close)
            atexit.register(self.close)

    def _raise_unclaimed(self) -> None:
        if not self._unclaimed_count:
            return
        number, [first] = self._unclaimed_count, self._unclaimed
        self._unclaimed_count, self._unclaimed = 0, []
        code = getattr(first, "code", type(first).__name__)
        raise PublishError(code, f"{number} messages were not published, the first because: {first}") from first

    def _run(self) -> None:
        while True:
            with self._changed:
                while (seconds := self._seconds_until_due()) != 0:
                    self._changed.wait(seconds)
                if not self._waiting:
                    return
                deliveries, entries = self._take()
            try:
                results = {result.index: result for result in self._sender.send_batch(self._route, entries)}
            except BaseException as error:  # whatever it is, the messages are answered and this thread goes on
                results = {entry.index: PublishResult(entry.index) for entry in entries}
                self._settle(deliveries, results, entries, error)
            else:
                self._settle(deliveries, results, entries, None)
            del results

    def _seconds_until_due(self) -> float | None:
        """0 when the next batch is to be sent, or nothing will come any more; None to wait for a message."""
        if not self._waiting:
            return 0 if self._closed else None
        if self._closed or self._blocked or self._settled < self._urgent or len(self._waiting) >= self._max_batch:
            return 0
        return max(0.0, self._waiting[0].since + self._linger_seconds - monotonic())

    def _take(self) -> tuple[dict[int, Delivery], list[Entry]]:
        """The next batch. A message that was cancelled counts as settled."""
        batch = self._sender.batch()
        deliveries: dict[int, Delivery] = {}
        while self._waiting and len(deliveries) < self._max_batch and batch.takes(self._waiting[0].entry):
            entry, delivery, _ = self._waiting.popleft()
            if delivery.set_running_or_notify_cancel():
                numbered = replace(entry, index=len(deliveries))
                deliveries[numbered.index] = delivery
                batch.add(numbered)
            else:
                self._forget(1, entry.size)
        return deliveries, batch.held

    def _settle(
        self,
        deliveries: dict[int, Delivery],
        results: dict[int, PublishResult],
        entries: list[Entry],
        failure: BaseException | None,
    ) -> None:
        for entry in entries:
            result = results[entry.index]
            delivery = deliveries.pop(entry.index)
            error = failure or result.error
            try:
                if error is None:
                    delivery.set_result(result.message_id or "")
                    continue
                log.write(logger, log.BUFFER_FAILED, destination=self._route.target, error=str(error))
                delivery.set_exception(error)
            except BaseException:  # of a callback; the other messages must still be answered
                log.write(logger, log.BUFFER_CALLBACK_FAILED, stack=True, destination=self._route.target)
            claimed, held = delivery.claimed, weakref.ref(delivery)
            del delivery
            if error is not None and not claimed and held() is None:
                self._count_unclaimed(error)
        with self._changed:
            self._forget(len(entries), sum(entry.size for entry in entries))

    def _count_unclaimed(self, error: BaseException) -> None:
        with self._changed:
            self._unclaimed_count += 1
            if not self._unclaimed:
                self._unclaimed.append(error if isinstance(error, Exception) else PublishError("Failed", repr(error)))

    def _forget(self, number: int, size: int) -> None:
        self._pending -= number
        self._pending_bytes -= size
        self._settled += number
        self._changed.notify_all()
