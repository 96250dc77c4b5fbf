"""The clock of the in-memory transport: it moves when the test moves it, and never by itself.

Everything in memory that depends on time asks this clock: visibility, delays, retention, the de-duplication window, the
end of a long poll. It also holds the one lock of a transport, so that a change of time is a change like any other. It
knows nothing of queues.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, TypeVar

from mega_typed.errors import ConfigurationError

T = TypeVar("T")

PATIENCE_SECONDS: Final = 0.02
"""How long, in real time, a call waits for another thread before it gives up and answers that there is nothing."""


class Clock:
    """Time under the control of a test. Threads may share it.

    Args:
        start: the first moment, aware; by default the moment at which the clock is made.
        jumps: what a long poll does that finds nothing. By default time stands still: it waits a fiftieth of a real
            second for another thread to send, and answers that there is nothing. With ``True`` it moves the clock to
            the moment at which a message becomes visible, or to its own end; leave that to tests with one thread.
    """

    def __init__(self, start: datetime | None = None, *, jumps: bool = False) -> None:
        if start is not None and start.tzinfo is None:
            raise ConfigurationError("a clock starts at an aware datetime: give it a tzinfo, such as datetime.UTC")
        self.changed = threading.Condition()
        """Guards all that a transport holds; notified of every change."""
        self._seconds = (start or datetime.now(UTC)).timestamp()
        self._jumps = jumps

    def time(self) -> float:
        """Seconds since 1970, in the manner of ``time.time``."""
        return self._seconds

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.fromtimestamp(self._seconds, UTC)

    def advance(self, seconds: float | timedelta) -> None:
        """Move on, and wake who waits for that.

        Args:
            seconds: how far; a number or a ``timedelta``, not negative.

        Raises:
            ConfigurationError: it is negative. A clock that goes back would make receipts valid again.
        """
        step = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if not step >= 0:
            raise ConfigurationError(f"a clock only goes forward, not by {step!r} seconds")
        self.move_to(self._seconds + step)

    def move_to(self, seconds: float) -> None:
        """Move on to a moment, in seconds since 1970; nothing when that is in the past."""
        with self.changed:
            self._seconds = max(self._seconds, seconds)
            self.changed.notify_all()

    def wait_for(self, attempt: Callable[[], list[T]], seconds: float, upcoming: Callable[[], float | None]) -> list[T]:
        """What an attempt gives, tried again while time passes; nothing when ``seconds`` of this clock are over.

        Args:
            attempt: called with the lock held.
            seconds: for how long, 0 for one attempt.
            upcoming: the moment at which an attempt may give more than now, if one is known.
        """
        with self.changed:
            end, patience = self._seconds + seconds, monotonic() + PATIENCE_SECONDS
            while not (found := attempt()) and self._seconds < end:
                if self._jumps:
                    moment = upcoming()
                    self.move_to(end if moment is None else min(moment, end))
                elif not self.changed.wait(max(0.0, patience - monotonic())):
                    break
            return found
