"""What a subscriber can ask about the message that it is working on: ``current_message()``.

``process`` takes a payload and nothing else. What belongs to the message instead, its id, how often it was received,
whether it is still ours, is kept beside it in a context variable, for coroutines as for threads. This file knows
neither queues nor subscribers.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

import msgspec
from mega_typed.payload import EventType

__all__ = ["TRACE_HEADER", "Cancellation", "MessageContext", "current_message", "in_process"]


TRACE_HEADER: Final = "AWSTraceHeader"
"""The system attribute in which AWS X-Ray's header travels."""


class Cancellation:
    """Whether work on something has become pointless; set once, by whoever finds out, and read by whoever works.

    Args:
        parent: what is cancelled when its parent is, too.
    """

    __slots__ = ("_parent", "_set")

    def __init__(self, parent: Cancellation | None = None) -> None:
        self._parent = parent
        self._set = False

    def cancel(self) -> None:
        """Set it; twice is as good as once."""
        self._set = True

    @property
    def cancelled(self) -> bool:
        """Whether it is set."""
        return self._set or (self._parent is not None and self._parent.cancelled)


class MessageContext(msgspec.Struct, frozen=True):
    """One message, as it was delivered this time.

    Attributes:
        message_id: the id in the queue that it came from.
        published_id: the id that its publisher was given: of SNS and EventBridge the published one.
        receive_count: how often SQS has delivered it, this time included.
        attributes: the publisher's message attributes.
        trace_header: AWS X-Ray's header, where the message has one; what is published to SQS in ``process`` has it too.
        event_type: the identity, where the message is a MEGA event.
        cancellation: what `cancelled` reads.
    """

    message_id: str = ""
    published_id: str = ""
    receive_count: int = 1
    attributes: Mapping[str, str | bytes] = MappingProxyType({})
    event_type: EventType | None = None
    trace_header: str | None = None
    cancellation: Cancellation = msgspec.field(default_factory=Cancellation)

    @property
    def cancelled(self) -> bool:
        """Whether the work has become pointless, because the message is delivered again whatever comes of it.

        Its receipt is lost, or it took longer than ``process_timeout`` or the grace period of a stop. Work that takes
        long should ask between its steps, and end by raising: whatever it raises then counts as ``RETRIABLE_ERROR``.
        """
        return self.cancellation.cancelled


_OUTSIDE: Final = MessageContext()

in_process: Final[ContextVar[MessageContext]] = ContextVar("mega_typed_message")


def current_message() -> MessageContext:
    """The message that the calling subscriber works on, in ``process`` and in what it calls.

    Threads that a subscriber starts do not inherit it. Outside of ``process`` it is an empty one, never cancelled, so
    that subscribers can be called by themselves in tests.
    """
    return in_process.get(_OUTSIDE)
