"""Every error that this library raises on purpose.

::

    MegaError
    ├── ConfigurationError (ValueError)    an argument is missing, contradictory or out of range
    ├── EncodeError (ValueError)           a value cannot be put on the wire
    │   └── TooLargeError                  ... because the service takes no message of this size
    ├── DecodeError (ValueError)           what came in cannot be read
    │   ├── EnvelopeError                  ... at the envelope (SNS, EventBridge)
    │   ├── CodecError                     ... at the body (JSON, BSON, base64)
    │   └── InvalidPayload                 ... it was read and is not what its schema or the protocol says
    ├── PatternError (TypeError)           a subscriber's pattern cannot be right
    ├── RegistrationError (ValueError)     a subscriber or an event type cannot be registered
    ├── PublishError (RuntimeError)        the service did not accept a message
    ├── FetchError (RuntimeError)          an offloaded payload cannot be fetched now
    ├── IdempotencyError (RuntimeError)    nobody can say whether a message was processed already
    ├── ProcessTimeoutError (TimeoutError) a subscriber took too long
    ├── LambdaRetry (RuntimeError)         tells Lambda to deliver a message again
    └── RetryLater                         raised by a subscriber: not now, deliver the message again

    PatternWarning (UserWarning)           a subscriber's pattern matches everything; a warning, not raised

This file knows nothing of the rest of the library. Messages name the place and the remedy; a ``DecodeError`` carries
a ``reason``, a short stable word that programs may compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class MegaError(Exception):
    """Base of all errors of this library."""


class ConfigurationError(MegaError, ValueError):
    """An argument is missing, contradictory or out of range."""


class EncodeError(MegaError, ValueError):
    """A value cannot be put on the wire."""


class TooLargeError(EncodeError):
    """A message is larger than its destination takes.

    Attributes:
        size: the bytes of the message, attributes included.
        limit: the bytes that are taken.
    """

    def __init__(self, size: int, limit: int, message: str) -> None:
        super().__init__(message)
        self.size = size
        self.limit = limit

    def __reduce__(self) -> tuple[type[TooLargeError], tuple[int, int, str]]:
        return type(self), (self.size, self.limit, str(self))


class DecodeError(MegaError, ValueError):
    """What came in cannot be read.

    Attributes:
        reason: a short stable word, such as ``truncated_bson`` or ``not_mega``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str]]:
        return type(self), (self.reason, str(self))


class EnvelopeError(DecodeError):
    """The envelope around a body cannot be opened."""


class CodecError(DecodeError):
    """A body cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    Attributes:
        path: dotted path from the root of what was checked, ``""`` for the root itself.
        message: what is wrong, and the remedy where there is one.
        masked: whether what was found there must not be shown.
    """

    path: str
    message: str
    masked: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def _listing(title: str, faults: tuple[Fault, ...]) -> str:
    return "\n".join([title, *(f"  - {fault}" for fault in faults)])


class InvalidPayload(DecodeError):  # noqa: N818 - named for what it reports, as the outcome table does
    """A payload was read and is not what its schema, or the protocol, says.

    Attributes:
        title: what was checked, the name of the event class for instance.
        faults: all faults, each with its path in the payload.
    """

    def __init__(self, title: str, faults: Iterable[Fault], reason: str = "invalid_payload") -> None:
        self.title = title
        self.faults = tuple(faults)
        super().__init__(reason, _listing(f"{title} is not valid:", self.faults))

    def __reduce__(self) -> tuple[type[InvalidPayload], tuple[str, tuple[Fault, ...], str]]:  # type: ignore[override]
        return type(self), (self.title, self.faults, self.reason)


class PatternError(MegaError, TypeError):
    """A subscriber's pattern cannot be right.

    Attributes:
        subject: the class whose pattern was checked.
        faults: all faults, each with its path in the pattern.
    """

    def __init__(self, subject: str, faults: Iterable[Fault]) -> None:
        self.subject = subject
        self.faults = tuple(faults)
        super().__init__(_listing(f"{subject} has a pattern that cannot be right:", self.faults))

    def __reduce__(self) -> tuple[type[PatternError], tuple[str, tuple[Fault, ...]]]:
        return type(self), (self.subject, self.faults)


class PatternWarning(UserWarning):
    """A pattern always matches where something was meant to be filtered."""


class RegistrationError(MegaError, ValueError):
    """A subscriber or an event type cannot be registered."""


class IdempotencyError(MegaError, RuntimeError):
    """Nobody can say whether a message was processed already: its store failed (the cause), or it has no key."""


class LambdaRetry(MegaError, RuntimeError):  # noqa: N818 - a request to Lambda, whose cause is the error
    """Tells Lambda to deliver a message again, where a trigger knows no other answer."""


class PublishError(MegaError, RuntimeError):
    """The service did not accept a message.

    Attributes:
        code: the service's error code, such as ``InvalidParameterValue``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[PublishError], tuple[str, str]]:
        return type(self), (self.code, str(self))


class FetchError(MegaError, RuntimeError):
    """The store of an offloaded payload did not hand it over; the message itself may be fine, and should be kept.

    Attributes:
        code: the service's error code, such as ``AccessDenied``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[FetchError], tuple[str, str]]:
        return type(self), (self.code, str(self))


class ProcessTimeoutError(MegaError, TimeoutError):
    """A subscriber took longer than ``process_timeout``; counts as ``ProcessStatus.RETRIABLE_ERROR``."""


class RetryLater(MegaError):  # noqa: N818 - a wish, not a mistake
    """Raised by a subscriber that cannot process a message now; counts as ``ProcessStatus.RETRY_LATER``.

    Attributes:
        after: seconds until the next delivery, up to 43,200; ``None`` leaves it to the listener's back-off.
    """

    def __init__(self, after: float | None = None) -> None:
        if after is not None and not 0 <= after <= 43_200:
            raise ConfigurationError(f"RetryLater(after=...) takes 0 to 43,200 seconds, not {after!r}")
        super().__init__("not now" if after is None else f"not for {after:g} s")
        self.after = after

    def __reduce__(self) -> tuple[type[RetryLater], tuple[float | None]]:
        return type(self), (self.after,)
