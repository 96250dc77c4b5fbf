"""Worker threads for one listener: as many messages in hand as there are workers, and no more.

Pollers receive, workers handle, the thread that calls ``run`` watches. A poller asks for as many messages as workers
are free and not promised to another receive, so a message never waits for a worker while its visibility timeout runs;
only on FIFO queues may it wait, behind those of its own group (``lanes``), and where there is one worker only, which
``ahead`` is for. A receive costs the same for one message as for ten, so a poller whose workers are quick waits a
moment until more of them are free. Deletes are gathered up to ten, and for a tenth of a second at most, so that a crash
has little delivered again.

All state is behind one lock. No call to SQS is made while it is held.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

from mega_typed import log
from mega_typed.acknowledgement import MAX_BATCH, Acknowledger
from mega_typed.heartbeat import Heartbeat
from mega_typed.lanes import Lanes

logger = logging.getLogger("mega_typed.listener")

TICK_SECONDS: Final = 0.1
GATHER_SECONDS: Final = 0.02

Message = Mapping[str, Any]


class Verdict(NamedTuple):
    """What became of a message: it can be deleted, or not, and then comes back after these seconds if they are set."""

    finished: bool
    seconds: int | None = None


class Crew:
    """Runs ``work`` on received messages in ``size`` threads.

    Args:
        size: how many workers.
        ahead: how many messages may wait for a worker.
        largest: how many messages to ask for in one receive at most.
        receive: up to so many messages; waits out passing trouble with the function it is given, which ends early when
            the crew stops, and raises what waiting cannot cure.
        work: handles one message; raises only what must end the crew.
        lane: the FIFO group of a message, or None.
        acknowledger: tells the queue.
        heartbeat: keeps messages in hand invisible.
        cancel: is told of the receipt of a message that is given back although it runs.
    """

    def __init__(
        self,
        size: int,
        ahead: int,
        largest: int,
        receive: Callable[[int, Callable[[float], object]], Sequence[Message]],
        work: Callable[[Message], Verdict],
        lane: Callable[[Message], Hashable | None],
        acknowledger: Acknowledger,
        heartbeat: Heartbeat,
        cancel: Callable[[str], object],
    ) -> None:
        self._size, self._ahead, self._largest = size, ahead, largest
        self._receive, self._work, self._lane = receive, work, lane
        self._acknowledger = acknowledger
        self._heartbeat = heartbeat
        self._cancel = cancel
        lock = threading.RLock()
        self._changed = threading.Condition(lock)  # for pollers, and whoever waits for the end
        self._ready = threading.Condition(lock)  # for workers; there may be many, and a message needs one
        self._lanes: Lanes[Message] = Lanes()
        self._running: dict[str, Message] = {}  # by receipt
        self._done: list[str] = []
        self._promised = 0
        self._polling = 0
        self._stopping = self._closed = False
        self._failure: BaseException | None = None

    def run(self, is_stopping: Callable[[], bool], pause: Callable[[float], object], grace: float | None) -> None:
        """Work until told to stop; then finish what runs, for ``grace`` seconds at most, and give back the rest.

        Raises:
            BaseException: what ``receive`` or ``work`` raised.
        """
        pollers = min(self._size, self._size // MAX_BATCH + 1)
        self._polling = pollers
        targets = [self._poll] * pollers + [self._serve] * self._size
        try:
            for number, target in enumerate(targets):
                threading.Thread(target=target, name=f"mega-typed-{target.__name__[1:]}-{number}", daemon=True).start()
            while not is_stopping() and self._failure is None:
                pause(TICK_SECONDS)
                self._flush()
            self._stop()
            deadline = None if grace is None else monotonic() + grace
            while self._is_busy(deadline is None or monotonic() < deadline):
                self._flush()
        finally:  # also when a second signal breaks in, or there is no thread to be had
            self._stop()
            self._close()
        if self._failure is not None:
            raise self._failure

    def _is_busy(self, may_wait: bool) -> bool:
        with self._changed:
            busy = self._polling > 0 or (bool(self._running) and may_wait)
            if busy:
                self._changed.wait(TICK_SECONDS)
            return busy

    def _stop(self, failure: BaseException | None = None) -> None:
        with self._changed:
            self._stopping = True
            self._failure = self._failure or failure
            waiting = self._lanes.drain()
            self._changed.notify_all()
            self._ready.notify_all()
        self._give_back(waiting)

    def _close(self) -> None:
        with self._changed:
            self._closed = True
            left = list(self._running.values())
        for message in left:
            self._cancel(_receipt(message))
        if left:
            log.write(logger, log.STOP_ABANDONED, count=len(left))
        self._give_back(left)
        self._flush()

    def _give_back(self, messages: Sequence[Message]) -> None:
        self._heartbeat.end([_receipt(message) for message in messages])
        self._acknowledger.change_visibility([(_receipt(message), 0) for message in messages])

    def _flush(self, least: int = 1) -> None:
        with self._changed:
            if len(self._done) < least:
                return
            done, self._done = self._done, []
        self._acknowledger.delete(done)

    # --- pollers ------------------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        try:
            while wanted := self._promise():
                messages: Sequence[Message] = ()
                try:
                    messages = self._receive(wanted, self._pause)
                finally:
                    late = self._take(wanted, messages)
                self._give_back(late)
        except BaseException as error:  # handed to the thread that watches, which raises it
            self._stop(error)
        finally:
            with self._changed:
                self._polling -= 1
                self._changed.notify_all()

    def _promise(self) -> int:
        """Wait for free workers and promise them to a receive; 0 when there is no more to receive."""
        most = min(self._size + self._ahead, self._largest)
        with self._changed:
            while not self._stopping:
                self._changed.wait_for(lambda: self._stopping or self._free() > 0)
                self._changed.wait_for(lambda: self._stopping or self._free() >= most, GATHER_SECONDS)
                wanted = min(self._free(), most)
                if wanted > 0 and not self._stopping:
                    self._promised += wanted
                    return wanted
            return 0

    def _free(self) -> int:
        return self._size + self._ahead - self._lanes.running - len(self._lanes) - self._promised

    def _take(self, wanted: int, messages: Sequence[Message]) -> Sequence[Message]:
        """What was received may start; when the crew stops meanwhile, it comes back from here and has not started."""
        with self._changed:
            self._promised -= wanted
            if self._stopping:
                return messages
            self._heartbeat.begin([_receipt(message) for message in messages])
            for message in messages:
                self._lanes.add(self._lane(message), message)
            self._ready.notify(len(messages))
            self._changed.notify_all()
            return ()

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)

    # --- workers ------------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (started := self._start()) is not None:
            group, message = started
            verdict = Verdict(finished=False)
            try:
                verdict = self._work(message)
            except BaseException as error:  # a KeyboardInterrupt of a subscriber; the message stays
                self._stop(error)
            try:
                self._finish(group, message, verdict)
            except BaseException as error:
                self._stop(error)

    def _start(self) -> tuple[Hashable | None, Message] | None:
        with self._changed:
            started: tuple[Hashable | None, Message] | None = None
            while not self._stopping and (started := self._lanes.start()) is None:
                self._ready.wait()
            if started is not None:
                self._running[_receipt(started[1])] = started[1]
            return started

    def _finish(self, group: Hashable | None, message: Message, verdict: Verdict) -> None:
        receipt = _receipt(message)
        self._heartbeat.end([receipt])
        with self._changed:
            if self._closed:  # it was given back
                return
            back = self._lanes.finish(group, halt=not verdict.finished)
            if verdict.finished:
                self._done.append(receipt)
            self._ready.notify()  # the next of its group may start
        self._heartbeat.end([_receipt(each) for each in back])
        again = [(receipt, verdict.seconds)] if not verdict.finished and verdict.seconds is not None else []
        try:
            self._acknowledger.change_visibility([*again, *((_receipt(each), 0) for each in back)])
            self._flush(MAX_BATCH)
        finally:
            with self._changed:
                self._running.pop(receipt, None)
                self._changed.notify_all()


def _receipt(message: Message) -> str:
    return str(message.get("ReceiptHandle", ""))
