"""Keeps messages invisible while they are in hand, and leases theirs: one thread for each, ten receipts a call.

Every third of the visibility timeout all receipts in hand are extended by a whole one, in the order in which they were
received; on FIFO queues that order also hides what waits behind the head of a group. A receipt that SQS does not know
any more is left alone, and so is one that nears the twelve hours which SQS allows a delivery; whoever works on such a
message is told (``lost``).

``end`` waits for a call that is under way. So nothing is extended after the listener has set when the message shall
come back, and a delay that was asked for is not undone. This file knows receipts, and no message.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from time import monotonic, sleep
from typing import Final

from mega_typed import log
from mega_typed.forks import tell_of_forks

logger = logging.getLogger("mega_typed.listener")

LONGEST_SECONDS: Final = 43_200


class Heartbeat:
    """Extends the visibility of receipts until it is told that they are out of hand.

    Args:
        extend: makes receipts invisible for so many seconds from now; returns those that the queue does not know any
            more.
        visibility_timeout: seconds; 0 extends nothing.
        lost: is called with a receipt that is not extended any more although it is in hand.
        renew: is called with every beat, to prolong what else has to last; by a thread of its own, and not again before
            it has returned, so that what it waits for holds up nothing.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        extend: Callable[[Sequence[tuple[str, int]]], Collection[str]],
        visibility_timeout: int,
        *,
        lost: Callable[[str], object] = lambda _receipt: None,
        renew: Callable[[], object] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._extend = extend
        self._lost, self._renew = lost, renew
        self._seconds = visibility_timeout
        self._clock = clock
        self.start_anew()
        tell_of_forks(self)

    def start_anew(self) -> None:
        """Nothing is in hand; also in a child process, where the thread of the parent is not."""
        self._changed = threading.Lock()
        self._since: dict[str, float] = {}
        self._beating = threading.Lock()
        self._renewing = threading.Lock()
        self._alive = False

    @property
    def interval(self) -> float:
        """Seconds between two beats."""
        return max(1.0, self._seconds / 3)

    def begin(self, receipts: Sequence[str]) -> None:
        """Receipts are in hand from now on."""
        if not self._seconds:
            return
        with self._changed:
            now = self._clock()
            for receipt in receipts:
                self._since.setdefault(receipt, now)
            if not self._alive and receipts:
                self._alive = True
                threading.Thread(target=self._run, name="mega-typed-heartbeat", daemon=True).start()

    def end(self, receipts: Sequence[str]) -> None:
        """Receipts are out of hand; when this returns, none of them is extended any more."""
        with self._changed:
            held = [self._since.pop(receipt, None) for receipt in receipts]
        if any(since is not None for since in held):
            with self._beating:
                pass

    def beat(self) -> None:
        """Extend what is in hand, once."""
        with self._beating:
            with self._changed:
                now = self._clock()
                old = [r for r, since in self._since.items() if now - since > LONGEST_SECONDS - self._seconds]
                receipts = [receipt for receipt in self._since if receipt not in old]
            if old:
                log.write(logger, log.HEARTBEAT_EXPIRED, count=len(old))
            unknown = self._extend([(receipt, self._seconds) for receipt in receipts]) if receipts else ()
        with self._changed:
            gone = [receipt for receipt in (*old, *unknown) if self._since.pop(receipt, None) is not None]
        for receipt in gone:
            self._lost(receipt)
        if self._renew is not None and self._renewing.acquire(blocking=False):
            try:
                renewing = partial(self._renew_once, self._renew)
                threading.Thread(target=renewing, name="mega-typed-leases", daemon=True).start()
            except RuntimeError:  # there is no thread to be had; the next beat tries again
                self._renewing.release()
                raise

    def _renew_once(self, renew: Callable[[], object]) -> None:
        try:
            renew()
        except Exception as error:  # the next beat tries again
            log.write(logger, log.LEASES_FAILED, error=type(error).__name__, where=log.where(error))
        finally:
            self._renewing.release()

    def _run(self) -> None:
        """Beat until nothing is in hand at the end of an interval; nobody wakes it, since that costs every message."""
        pause = self.interval
        while True:
            sleep(pause)
            with self._changed:
                if not self._since:
                    self._alive = False
                    return
                oldest = self._clock() - min(self._since.values())
            pause = self.interval
            if oldest < pause * 0.9:
                pause -= oldest
                continue
            try:
                self.beat()
            except Exception as error:  # a beat that fails is followed by another
                log.write(logger, log.HEARTBEAT_FAILED, error=type(error).__name__, where=log.where(error))
