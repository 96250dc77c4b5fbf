"""What runs around sending: middleware of publishers, and what it is called around.

::

    def stamped(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        for message in call.messages:
            message.attributes["sent-by"] = "billing"
        return proceed()

A middleware is called once for each call to the service: with one message by ``publish``, with up to ten by
``publish_many``, ``publish_stream`` and a buffered publisher, which calls it in its own thread. It may add message
attributes, look at results or replace them, call ``proceed`` again, or leave it out and return results of its own. It
cannot change payloads, nor where they go. This file knows messages, and no client.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from mega_typed.errors import MegaError

__all__ = [
    "ADDED_BYTES",
    "AsyncPublishProceed",
    "OutgoingMessage",
    "PublishCall",
    "PublishMiddleware",
    "PublishProceed",
    "PublishResult",
]

ADDED_BYTES: Final = 1024
"""What the attributes that middleware adds to one message may take; room for them is kept free."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What became of one payload of `publish_many`.

    Attributes:
        index: its place in the iterable, from 0.
        message_id: the service's id, when it was accepted.
        error: why it was not: an ``EncodeError`` or ``ConfigurationError`` when it was never sent, else a
            ``PublishError``.
    """

    index: int
    message_id: str | None = None
    error: MegaError | None = None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message that is about to be sent.

    Attributes:
        index: that of its result.
        payload: what was published.
        attributes: message attributes to add, at first none: text, a number or bytes, 1,024 bytes in all with their
            names, and not more than ten with those of the library and the caller.
        context: of the code that published it, which may be in another thread.
    """

    index: int
    payload: Any
    context: Context
    attributes: dict[str, str | int | float | bytes] = field(default_factory=dict[str, str | int | float | bytes])


@dataclass(frozen=True, slots=True)
class PublishCall:
    """What a middleware is called around.

    Attributes:
        destination: the URL of the queue or the ARN of the topic.
        messages: what is sent there in one call.
    """

    destination: str
    messages: tuple[OutgoingMessage, ...]


class PublishProceed(Protocol):
    """Calls the next middleware, or the service."""

    def __call__(self) -> Sequence[PublishResult]:
        """One result for each message, in order. Raises nothing for a message that the service did not accept."""
        ...


class AsyncPublishProceed(Protocol):
    """The same as `PublishProceed`, for a coroutine function."""

    def __call__(self) -> Awaitable[Sequence[PublishResult]]:
        """See `PublishProceed`."""
        ...


PublishMiddleware: TypeAlias = (
    Callable[[PublishCall, PublishProceed], Sequence[PublishResult]]
    | Callable[[PublishCall, AsyncPublishProceed], Awaitable[Sequence[PublishResult]]]
)
"""A function, or an object that can be called, with these two arguments."""
