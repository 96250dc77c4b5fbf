"""A kit for tests of publishers and subscribers: an SNS and SQS in memory, events to try, and what to assert.

See docs/testing.md. Importing it imports neither boto3, nor pytest, nor hypothesis: `events`, `payloads`, `near_valid`
and `register_strategies` load hypothesis (extra ``testing``) when they are first used.
"""

from typing import TYPE_CHECKING

from mega_typed.registry import lazy_exports
from mega_typed.testing.assertions import assert_published, published_events
from mega_typed.testing.clock import Clock
from mega_typed.testing.delivery import deliver, record_of, run_until_idle
from mega_typed.testing.s3 import InMemoryS3
from mega_typed.testing.sns import InMemorySns
from mega_typed.testing.sqs import InMemorySqs
from mega_typed.testing.transport import (
    InMemoryTransport,
    PublishedMessage,
    ServerTransport,
    Transport,
    server_transport,
)

if TYPE_CHECKING:
    from mega_typed.testing.strategies import events, near_valid, payloads, register_strategies

__all__ = [
    "Clock",
    "InMemoryS3",
    "InMemorySns",
    "InMemorySqs",
    "InMemoryTransport",
    "PublishedMessage",
    "ServerTransport",
    "Transport",
    "assert_published",
    "deliver",
    "events",
    "near_valid",
    "payloads",
    "published_events",
    "record_of",
    "register_strategies",
    "run_until_idle",
    "server_transport",
]

__getattr__, __dir__ = lazy_exports(
    __name__, dict.fromkeys(["events", "near_valid", "payloads", "register_strategies"], ".strategies")
)
