"""Typed, schema-first events for Amazon SQS and SNS.

Everything that users and generated code need is exported here, and pattern operators from ``mega_typed.match``.
Importing this package imports no AWS client: boto3 is loaded when the first publisher or listener makes one.
"""

from mega_typed.backoff import Backoff
from mega_typed.buffered import BufferedPublisher, Delivery
from mega_typed.dispatch import Defect, Dispatcher, Disposition, Outcome, Reading, SubscriberResult, disposition
from mega_typed.envelopes import Envelope, EnvelopeKind, Record, open_envelope
from mega_typed.errors import (
    CodecError,
    ConfigurationError,
    DecodeError,
    EncodeError,
    EnvelopeError,
    Fault,
    FetchError,
    IdempotencyError,
    InvalidPayload,
    LambdaRetry,
    MegaError,
    PatternError,
    PatternWarning,
    ProcessTimeoutError,
    PublishError,
    RegistrationError,
    RetryLater,
    TooLargeError,
)
from mega_typed.event import DecimalString, Event, Model, ObjectState, Timestamp
from mega_typed.explanation import Explanation
from mega_typed.filter_policy import FilterPolicy, Residual, filter_policy
from mega_typed.health import Health
from mega_typed.idempotency import IdempotencyStore
from mega_typed.listener import SqsListener
from mega_typed.message_context import MessageContext, current_message
from mega_typed.middleware import AsyncProceed, Proceed, ProcessCall, ProcessMiddleware
from mega_typed.offload import S3Payloads
from mega_typed.outgoing import (
    AsyncPublishProceed,
    OutgoingMessage,
    PublishCall,
    PublishMiddleware,
    PublishProceed,
    PublishResult,
)
from mega_typed.payload import EventType, MegaPayload, PayloadBuilder
from mega_typed.publishers import SnsPublisher, SqsPublisher
from mega_typed.registry import lazy_exports, register_events, registered_class, registered_events
from mega_typed.sensitive import masked
from mega_typed.subscribers import DataSubscriber, EventSubscriber, MessageSubscriber, Payload, ProcessStatus
from mega_typed.subscriptions import explain

__version__ = "0.1.0"

__all__ = [
    "AsyncProceed",
    "AsyncPublishProceed",
    "Backoff",
    "BufferedPublisher",
    "CodecError",
    "ConfigurationError",
    "DataSubscriber",
    "DecimalString",
    "DecodeError",
    "Defect",
    "Delivery",
    "Dispatcher",
    "Disposition",
    "EncodeError",
    "Envelope",
    "EnvelopeError",
    "EnvelopeKind",
    "Event",
    "EventSubscriber",
    "EventType",
    "Explanation",
    "Fault",
    "FetchError",
    "FilterPolicy",
    "Health",
    "IdempotencyError",
    "IdempotencyStore",
    "InvalidPayload",
    "LambdaRetry",
    "MegaError",
    "MegaPayload",
    "MessageContext",
    "MessageSubscriber",
    "Model",
    "ObjectState",
    "Outcome",
    "OutgoingMessage",
    "PatternError",
    "PatternWarning",
    "Payload",
    "PayloadBuilder",
    "Proceed",
    "ProcessCall",
    "ProcessMiddleware",
    "ProcessStatus",
    "ProcessTimeoutError",
    "PublishCall",
    "PublishError",
    "PublishMiddleware",
    "PublishProceed",
    "PublishResult",
    "Reading",
    "Record",
    "RegistrationError",
    "Residual",
    "RetryLater",
    "S3Payloads",
    "SnsPublisher",
    "SqsListener",
    "SqsPublisher",
    "SubscriberResult",
    "Timestamp",
    "TooLargeError",
    "current_message",
    "disposition",
    "explain",
    "filter_policy",
    "lazy_exports",
    "masked",
    "open_envelope",
    "register_events",
    "registered_class",
    "registered_events",
]
