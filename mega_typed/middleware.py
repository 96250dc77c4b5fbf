"""What runs around ``process``: functions of one's own, plain or coroutine functions, the first one outermost.

::

    def timed(call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        start = time.perf_counter()
        try:
            return proceed()
        finally:
            print(call.subscriber.__name__, call.message.message_id, time.perf_counter() - start)

A middleware is called once for each subscriber that matches and has not completed the message, in the thread or on
the event loop that its subscriber would run in, within its time limit. What it returns counts instead of what
``process`` said; what it raises counts as raised by the subscriber. It may leave ``proceed`` out, or call it again.
It cannot change the payload, nor whom a message goes to. Plain ones and coroutine functions can be mixed, around
subscribers of both kinds. This file knows subscribers, and no queues.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
from mega_typed.layers import layered
from mega_typed.message_context import MessageContext, current_message
from mega_typed.subscribers import ProcessStatus, Subscriber

__all__ = ["AsyncProceed", "Proceed", "ProcessCall", "ProcessMiddleware", "wrapped"]


class ProcessCall(msgspec.Struct, frozen=True):
    """What a middleware is called around.

    Attributes:
        subscriber: the class whose ``process`` is called.
        payload: what it is given: a typed event, a payload, a data object, text or bytes.
        message: the message that it came in.
    """

    subscriber: type[Subscriber[Any]]
    payload: Any
    message: MessageContext


class Proceed(Protocol):
    """Calls the next middleware, or ``process``."""

    def __call__(self) -> ProcessStatus:
        """Its status, ``DONE`` for nothing; raises what it raises."""
        ...


class AsyncProceed(Protocol):
    """The same as `Proceed`, for a coroutine function."""

    def __call__(self) -> Awaitable[ProcessStatus]:
        """See `Proceed`."""
        ...


ProcessMiddleware: TypeAlias = (
    Callable[[ProcessCall, Proceed], ProcessStatus] | Callable[[ProcessCall, AsyncProceed], Awaitable[ProcessStatus]]
)
"""A function, or an object that can be called, with these two arguments."""


def wrapped(subscriber: Subscriber[Any], middleware: Sequence[ProcessMiddleware]) -> Callable[[Any], object]:
    """The ``process`` of a subscriber with all middleware around it."""
    kind = type(subscriber)
    return layered(
        subscriber.process, middleware, lambda payload: ProcessCall(kind, payload, current_message()), _settled
    )


def _settled(said: object) -> object:
    """``DONE`` for nothing; what is no status is judged where all middleware is through."""
    return ProcessStatus.DONE if said is None else said
