"""What listeners, Lambda functions and publishers tell somebody who watches them.

One protocol, which ``mega_typed.open_telemetry`` implements; anything else that counts and measures can. It is told
places, names and numbers; payloads reach it only as what middleware is called around. Whatever it raises is logged and
forgotten: watching must not harm. This file knows outcomes and middleware, and no queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from mega_typed import log
from mega_typed.dispatch import Outcome
from mega_typed.middleware import ProcessMiddleware

__all__ = ["Telemetry", "watched"]

logger = logging.getLogger("mega_typed.telemetry")


class Telemetry(Protocol):
    """Watches the way of messages. Safe to be called by several threads."""

    @property
    def processing(self) -> ProcessMiddleware:
        """Runs around ``process``, outside of all other middleware."""
        ...

    def received(self, source: str, count: int, oldest_seconds: float | None) -> None:
        """Messages were received.

        Args:
            source: the name of the queue.
            count: how many, none too.
            oldest_seconds: how long ago the oldest of them was sent; ``None`` for none, or where it is not known.
        """
        ...

    def started(self, source: str) -> None:
        """Work on a message begins."""
        ...

    def handled(self, source: str, outcome: Outcome | None, seconds: float) -> None:
        """Work on a message has ended.

        Args:
            source: the name of the queue.
            outcome: what became of it; ``None`` when it stays because its payload could not be fetched.
            seconds: how long it took.
        """
        ...


def watched(told: Callable[[], object]) -> None:
    """Tell a telemetry something."""
    try:
        told()
    except Exception:
        log.write(logger, log.TELEMETRY_FAILED, stack=True)
