"""How a row is measured and shown: CPU time, medians, interleaved with its baseline, one line of a table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass
class Row:
    """One line of the table: two things to measure, and the ratio that is asked for."""

    name: str
    baseline: Callable[[], object]
    ours: Callable[[], object]
    goal: float
    rounds: int = 25
    repeat: int = 400
    count: int = 1
    """How many results one call of ours has; the ratio is that of one."""


def measure(row: Row) -> tuple[float, float]:
    """Median CPU seconds of the baseline and of ours, interleaved."""
    samples: tuple[list[float], list[float]] = ([], [])
    row.baseline(), row.ours()
    for _ in range(row.rounds):
        for function, into in zip((row.baseline, row.ours), samples, strict=True):
            start = time.process_time()
            for _ in range(row.repeat):
                function()
            into.append((time.process_time() - start) / row.repeat)
    return median(samples[0]), median(samples[1]) / row.count


def show(name: str, baseline: float, ours: float, goal: float) -> None:
    """Print one line."""
    ratio = ours / baseline
    mark = "" if ratio <= goal else "  above the goal"
    print(f"{name:<62} {baseline * 1e6:>12,.1f} {ours * 1e6:>12,.2f} {ratio:>8.3f} {goal:>6.2f}{mark}", flush=True)


def show_absolute(name: str, measured: float, goal: float) -> None:
    """Print one line of an absolute figure."""
    mark = "" if measured <= goal else "  above the goal"
    print(f"{name:<62} {'':>12} {measured:>12,.2f} {'':>8} {goal:>6.0f}{mark}", flush=True)
