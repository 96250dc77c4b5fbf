"""A kit for tests of publishers and subscribers: an SNS and SQS in memory, events to try, and what to assert."""

from mega_typed.testing.clock import Clock
from mega_typed.testing.s3 import InMemoryS3
from mega_typed.testing.sns import InMemorySns
from mega_typed.testing.sqs import InMemorySqs
from mega_typed.testing.transport import InMemoryTransport, PublishedMessage, ServerTransport, Transport

__all__ = [
    "Clock",
    "InMemoryS3",
    "InMemorySns",
    "InMemorySqs",
    "InMemoryTransport",
    "PublishedMessage",
    "ServerTransport",
    "Transport",
]
