"""How many messages may be received now, where only so many a second shall be processed: a token bucket.

It is asked before messages are received, so that none waits for its turn while its visibility timeout runs. Pure but
for its lock: the clock comes in, and whoever has to wait does so elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from threading import Lock
from time import monotonic
from typing import Final

from mega_typed.errors import ConfigurationError

LARGEST_BURST: Final = 10
"""Messages of one receive."""
_ROUNDING: Final = 1e-6


class RateLimit:
    """At most ``per_second * t`` messages, and ten or those of one second more, in every ``t`` seconds.

    Args:
        per_second: messages, a fraction for less than one.
        clock: seconds that only grow.

    Raises:
        ConfigurationError: ``per_second`` is not above 0.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = monotonic) -> None:
        if not 0 < per_second < float("inf"):
            raise ConfigurationError(f"max_per_second must be a number above 0, not {per_second!r}")
        self._per_second = per_second
        self._burst = max(1.0, min(float(LARGEST_BURST), per_second))
        self._clock = clock
        self._lock = Lock()
        self._held = self._burst
        self._then = clock()

    def take(self, wanted: int) -> tuple[int, float]:
        """How many of ``wanted`` may be received now; when none, after how many seconds to ask again.

        It gives none rather than a few, so that receives are not split into small ones: what it makes wait for is what
        comes in within a second at most, or one message.
        """
        with self._lock:
            now = self._clock()
            self._held = min(self._burst, self._held + max(0.0, now - self._then) * self._per_second)
            self._then = now
            least = min(wanted, floor(self._burst))
            if self._held + _ROUNDING < least:
                return 0, (least - self._held) / self._per_second
            granted = min(wanted, floor(self._held + _ROUNDING))
            self._held -= granted
            return granted, 0.0

    def give_back(self, unused: int) -> None:
        """So many were granted and not received."""
        with self._lock:
            self._held = min(self._burst, self._held + unused)
