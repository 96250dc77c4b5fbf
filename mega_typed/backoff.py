"""How long to wait: before a message is delivered again, and before a call that failed is made again.

Pure arithmetic; chance comes in as a number from 0 to 1. This file knows neither messages nor clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from mega_typed.errors import ConfigurationError

__all__ = ["LONGEST_VISIBILITY", "Backoff", "pause_after_failures"]

LONGEST_VISIBILITY = 43_200
"""Seconds; what SQS allows."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds until a message that has to be retried is delivered again.

    Attributes:
        first: seconds until the first retry.
        factor: how many times as long every further one waits.
        cap: seconds that none waits longer, 43,200 at most.
        jitter: the part of each wait that is random, 0 to 1, so that messages that failed together do not come back
            together.

    Raises:
        ConfigurationError: a number is out of range.
    """

    first: float = 5.0
    factor: float = 2.0
    cap: float = 900.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not (0 <= self.first <= self.cap <= LONGEST_VISIBILITY and self.factor >= 1 and 0 <= self.jitter <= 1):
            raise ConfigurationError(
                f"{self!r}: it takes 0 <= first <= cap <= {LONGEST_VISIBILITY}, 1 <= factor, 0 <= jitter <= 1"
            )

    def seconds(self, receive_count: int, chance: float) -> int:
        """Whole seconds after the ``receive_count``-th delivery failed; ``chance`` is from 0 to 1."""
        return ceil(_grown(self.first, self.factor, self.cap, receive_count) * (1 - self.jitter * (1 - chance)))


def pause_after_failures(failures: int, chance: float) -> float:
    """Seconds until the next try after so many failures in a row: doubling from one to thirty, half of it random."""
    return _grown(1.0, 2.0, 30.0, failures) * (1 + chance) / 2


def _grown(first: float, factor: float, cap: float, count: int) -> float:
    try:
        return min(cap, first * factor ** max(count - 1, 0))
    except OverflowError:
        return cap
