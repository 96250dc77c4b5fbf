"""Which messages are being processed: since when, and whether that has become pointless.

A listener enters a message when its subscribers start and takes it out when they are done. Whoever loses a receipt
meanwhile says so here, and the subscribers can see it (``message_context``). This file knows receipts, and no message.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from mega_typed.message_context import Cancellation

__all__ = ["InFlight"]


class _Work(NamedTuple):
    since: float
    cancellation: Cancellation


class InFlight:
    """Receipts whose messages are being processed, in whatever threads.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._work: dict[str, _Work] = {}  # single steps on a dict need no lock

    def __len__(self) -> int:
        return len(self._work)

    def begin(self, receipt: str) -> Cancellation:
        """Work on a message starts; what tells it that it has become pointless."""
        cancellation = Cancellation()
        self._work[receipt] = _Work(self._clock(), cancellation)
        return cancellation

    def end(self, receipt: str) -> None:
        """Work on a message has ended."""
        self._work.pop(receipt, None)

    def cancel(self, receipt: str) -> None:
        """The message is delivered again, whatever comes of the work."""
        if (work := self._work.get(receipt)) is not None:
            work.cancellation.cancel()

    @property
    def longest_seconds(self) -> float:
        """For how long the oldest work has gone on; 0 when there is none."""
        now = self._clock()
        return max((now - work.since for work in tuple(self._work.values())), default=0.0)
