"""A step that a signal does not tear apart: between what was sent and what has to be deleted for it.

The first SIGINT or SIGTERM waits until the step is done; a second one counts at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Generator[None]:
    """Let the step end before a signal does what it did before; outside of the main thread it changes nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        waiting.append(number)
        restore()

    def restore() -> None:
        for number, action in before.items():
            signal.signal(number, signal.SIG_DFL if action is None else action)

    before = {number: signal.signal(number, on_signal) for number in _ENDING}
    try:
        yield
    finally:
        restore()
        if waiting:
            signal.raise_signal(waiting[0])
