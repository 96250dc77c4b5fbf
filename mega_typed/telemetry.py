"""What listeners, Lambda functions and publishers tell somebody who watches them.

One protocol, which ``mega_typed.open_telemetry`` implements; anything else that counts and measures can. It is told
places, names and numbers; payloads reach it only as what middleware is called around. Whatever it raises is logged and
forgotten: watching must not harm. This file knows outcomes and middleware, and no queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic, time
from typing import Any, Protocol, TypeVar

from mega_typed import log
from mega_typed.dispatch import Outcome
from mega_typed.envelopes import sent_at
from mega_typed.middleware import ProcessMiddleware

__all__ = ["Telemetry", "tell_received", "watched"]

logger = logging.getLogger("mega_typed.telemetry")

HandledT = TypeVar("HandledT", bound=Outcome | None)


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
        """Work on a message begins, in this thread and context; `handled` is told in the same."""
        ...

    def handled(self, source: str, outcome: Outcome | None, seconds: float) -> None:
        """Work on a message has ended.

        Args:
            source: the name of the queue.
            outcome: what became of it; ``None`` when it stays because its payload could not be fetched, or because
                something broke in.
            seconds: how long it took.
        """
        ...


def tell_received(telemetry: Telemetry | None, source: str, systems: Sequence[Mapping[str, Any]]) -> None:
    """Tell that messages were received.

    Args:
        telemetry: whom; nobody, when omitted.
        source: the name of the queue.
        systems: the system attributes of each message; ``SentTimestamp`` is by the clock of SQS.
    """
    if telemetry is None:
        return
    moments = [moment for system in systems if (moment := sent_at(system)) is not None]
    oldest = max(0.0, time() - min(moments)) if moments else None
    _tell(partial(telemetry.received, source, len(systems), oldest))


def watched(telemetry: Telemetry | None, source: str, handle: Callable[[], HandledT]) -> HandledT:
    """Handle a message, and tell when that begins and ends."""
    if telemetry is None:
        return handle()
    outcome: Outcome | None = None
    start = monotonic()
    _tell(partial(telemetry.started, source))
    try:
        outcome = handled = handle()
        return handled
    finally:
        _tell(partial(telemetry.handled, source, outcome, monotonic() - start))


def _tell(told: Callable[[], object]) -> None:
    try:
        told()
    except Exception as error:
        log.write(logger, log.TELEMETRY_FAILED, error=type(error).__name__, where=log.where(error))
