"""How long to wait: pure arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.backoff import Backoff, pause_after_failures
from mega_typed.errors import ConfigurationError


@given(count=st.integers(-5, 10**6), chance=st.floats(0, 1), jitter=st.floats(0, 1))
def test_a_wait_is_bounded_and_never_shrinks(count: int, chance: float, jitter: float) -> None:
    """Whatever the receive count, a wait is within the cap, and the next one is no shorter at the same chance."""
    backoff = Backoff(jitter=jitter)
    assert 0 <= backoff.seconds(count, chance) <= backoff.seconds(count + 1, chance) <= backoff.cap
    assert 0.5 <= pause_after_failures(count, chance) <= 30


def test_waits_grow_to_the_cap() -> None:
    """The documented defaults, at the longest and the shortest."""
    assert [Backoff().seconds(count, 1) for count in (1, 2, 3, 8, 9, 99)] == [5, 10, 20, 640, 900, 900]
    assert [Backoff().seconds(count, 0) for count in (1, 2, 99)] == [3, 5, 450]


@pytest.mark.parametrize(
    "arguments", [{"first": -1}, {"first": 10, "cap": 5}, {"cap": 43_201}, {"factor": 0.5}, {"jitter": 2}]
)
def test_a_backoff_out_of_range_is_refused(arguments: dict[str, Any]) -> None:
    """What SQS would refuse, and waits that shrink, are refused when the back-off is made."""
    with pytest.raises(ConfigurationError):
        Backoff(**arguments)
