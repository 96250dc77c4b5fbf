"""Publishing to Amazon SQS and SNS: one mechanism, two destinations.

A payload becomes a checked message (body, attributes, size) before a client is touched; what the service would refuse
is a typed error here. The two services differ in names, limits and options: `_Service` holds the differences, the two
public classes give them their signatures, and everything else is written once. A publisher knows nothing of
subscribers, and itself sends again only entries that the service says it did not accept; botocore's own retries, after
a broken connection, may deliver a message twice.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, ClassVar, Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from mega_typed.aws import AwsSession, ClientSource, SnsClient, SqsClient, describe, service_errors
from mega_typed.codecs import (
    CONTENT_TYPE_ATTRIBUTE,
    ContentType,
    Encoded,
    encode_blob,
    encode_document,
    encode_json_text,
    encode_text,
)
from mega_typed.errors import ConfigurationError, EncodeError, MegaError, PublishError
from mega_typed.payload import EventType, MegaPayload, is_mega

DOMAIN_ATTRIBUTE: Final = "mega-domain"
NAME_ATTRIBUTE: Final = "mega-name"
VERSION_ATTRIBUTE: Final = "mega-version"
SUBJECT_ATTRIBUTE: Final = "mega-subject"
PUBLISHER_ATTRIBUTE: Final = "mega-publisher"
"""Message attributes of a MEGA message, for filter policies; the version is a Number, the others are Strings."""

RESERVED_ATTRIBUTES: Final = frozenset(
    {
        CONTENT_TYPE_ATTRIBUTE,
        DOMAIN_ATTRIBUTE,
        NAME_ATTRIBUTE,
        VERSION_ATTRIBUTE,
        SUBJECT_ATTRIBUTE,
        PUBLISHER_ATTRIBUTE,
    }
)

MAX_ATTRIBUTES: Final = 10
MAX_BATCH_ENTRIES: Final = 10
SQS_MAX_BYTES: Final = 1_048_576
SNS_DEFAULT_MAX_BYTES: Final = 262_144
SNS_MAX_BYTES: Final = 1_048_576

Attributes: TypeAlias = Mapping[str, str | int | float | bytes]
"""Message attributes that a caller adds: text, a number or bytes, none of them empty."""


@runtime_checkable
class TypedEvent(Protocol):
    """What a publisher needs of a typed event; ``mega_typed.Event`` has it.

    Its ``subject`` and ``publisher``, where it has them, travel as message attributes as well.
    """

    __event_type__: ClassVar[EventType]

    def to_json(self) -> bytes:
        """The whole MEGA payload as JSON text."""
        ...


Publishable: TypeAlias = TypedEvent | MegaPayload | Mapping[str, Any] | str | bytes
"""What can be published: an event, typed or not, a data object, a text or a binary blob."""

PerPayload: TypeAlias = str | Callable[[Any], str]
"""One value for all payloads, or a function that is given each payload."""


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
class _Service:
    """What tells one destination from the other: AWS's names for the same things."""

    name: str
    argument: str
    target: str
    body: str
    entries: str
    send: str
    send_batch: str


_SQS: Final = _Service(
    "sqs", "queue_url", "QueueUrl", "MessageBody", "Entries", send="send_message", send_batch="send_message_batch"
)
_SNS: Final = _Service(
    "sns", "topic_arn", "TopicArn", "Message", "PublishBatchRequestEntries", send="publish", send_batch="publish_batch"
)


class _Message(NamedTuple):
    body: str
    attributes: Mapping[str, Mapping[str, str | bytes]]
    size: int


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One place in a batch: what to send, or the error that stands in its place."""

    index: int
    size: int = 0
    parameters: dict[str, Any] | None = None
    error: MegaError | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    """Where messages go and how: checked once, for one call of a publisher."""

    target: str
    group_id: PerPayload | None
    deduplication_id: PerPayload | None
    delay_seconds: int | None

    @property
    def fifo(self) -> bool:
        return self.target.endswith(".fifo")

    def parameters(self, payload: object) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        if self.group_id is not None:
            parameters["MessageGroupId"] = _for_payload("group_id", self.group_id, payload)
        if self.deduplication_id is not None:
            parameters["MessageDeduplicationId"] = _for_payload("deduplication_id", self.deduplication_id, payload)
        if self.delay_seconds is not None:
            parameters["DelaySeconds"] = self.delay_seconds
        return parameters


_RETRIES: Final = 2
_RETRY_SECONDS: Final = 0.2
_HELD: Final = 100  # places, sent or refused, that are held back at most so that results come in order

Client = TypeVar("Client", SqsClient, SnsClient)


class _Publisher(Generic[Client]):
    """The mechanism. `_Service` says which of the two destinations it is."""

    def __init__(
        self, service: _Service, target: str | None, max_message_bytes: int, clients: ClientSource[Client]
    ) -> None:
        self._service = service
        self._target = target
        self._max_message_bytes = max_message_bytes
        self._clients: ClientSource[Client] = clients

    def _route(
        self,
        target: str | None,
        group_id: PerPayload | None,
        deduplication_id: PerPayload | None,
        delay_seconds: int | None = None,
    ) -> _Route:
        argument = self._service.argument
        route = _Route(target or self._target or "", group_id, deduplication_id, delay_seconds)
        if not route.target:
            raise ConfigurationError(f"no {argument}: give one to the publisher or to this call")
        for name, value in (("group_id", group_id), ("deduplication_id", deduplication_id)):
            if value is not None and not callable(value):
                _alphabetic(name, value)
        if route.fifo and group_id is None:
            raise ConfigurationError(f"{argument} is FIFO (it ends in .fifo): group_id is required")
        if not route.fifo and deduplication_id is not None:
            raise ConfigurationError(f"deduplication_id needs a FIFO {argument}, one that ends in .fifo")
        if delay_seconds is not None:
            if route.fifo:
                raise ConfigurationError("a FIFO queue has no delay_seconds per message: set it on the queue")
            if type(delay_seconds) is not int or not 0 <= delay_seconds <= 900:
                raise ConfigurationError(f"delay_seconds must be an integer from 0 to 900, not {delay_seconds!r}")
        return route

    def _send(self, route: _Route, payload: object, message: _Message) -> str:
        parameters = {self._service.target: route.target, **self._entry(route, payload, message)}
        send = getattr(self._clients.get(), self._service.send)
        try:
            answer = send(**parameters)
        except service_errors() as error:
            failure = describe(error)
            raise PublishError(failure.code, f"{failure.message} ({failure.code})") from error
        if "MessageId" not in answer:
            raise _unanswered()
        return str(answer["MessageId"])

    def _entry(self, route: _Route, payload: object, message: _Message) -> dict[str, Any]:
        """The parameters of one message, which are the same for one call and for an entry of a batch."""
        self._check_size(message)
        parameters = {self._service.body: message.body, **route.parameters(payload)}
        if message.attributes:
            parameters["MessageAttributes"] = message.attributes
        return parameters

    def _check_size(self, message: _Message) -> None:
        if message.size > self._max_message_bytes:
            raise EncodeError(
                f"the message has {message.size} bytes with its attributes; {self._service.name.upper()} takes "
                f"{self._max_message_bytes}"
            )

    def _send_many(
        self, route: _Route, payloads: Iterable[object], binary_encoding: bool, added: _WireAttributes
    ) -> Iterator[PublishResult]:
        """Read, pack, send, report, in order. What the iterable raises is raised after what was read is sent."""
        held: list[_Attempt] = []
        entries = size = 0
        source = iter(payloads)
        index = 0
        broken: Exception | None = None
        while True:
            try:
                attempt = self._attempt(index, route, next(source), binary_encoding, added)
            except StopIteration:
                break
            except Exception as error:
                broken = error
                break
            index += 1
            if entries and (size + attempt.size > self._max_message_bytes or len(held) >= _HELD):
                yield from self._send_batch(route, held)
                held, entries, size = [], 0, 0
            held.append(attempt)
            size += attempt.size
            entries += attempt.parameters is not None
            if entries in (0, MAX_BATCH_ENTRIES):
                yield from self._send_batch(route, held)
                held, entries, size = [], 0, 0
        yield from self._send_batch(route, held)
        if broken is not None:
            raise broken

    def _attempt(
        self, index: int, route: _Route, payload: object, binary_encoding: bool, added: _WireAttributes
    ) -> _Attempt:
        try:
            message = _message(payload, binary_encoding, added)
            return _Attempt(index, message.size, self._entry(route, payload, message))
        except (EncodeError, ConfigurationError) as error:
            return _Attempt(index, error=error)

    def _send_batch(self, route: _Route, held: list[_Attempt]) -> Iterator[PublishResult]:
        """One call for the entries held, and more for those that the service says are its own fault.

        On FIFO destinations nothing is sent again: it would overtake what was accepted after it.
        """
        waiting = {str(place): attempt.parameters for place, attempt in enumerate(held) if attempt.parameters}
        results = {attempt.index: PublishResult(attempt.index, error=attempt.error) for attempt in held}
        for retry in range(1 if route.fifo else 1 + _RETRIES):
            if not waiting:
                break
            if retry:
                time.sleep(_RETRY_SECONDS * 2**retry * random.random())  # noqa: S311 - spreads the load
            answers = self._call_batch(route, waiting)
            for entry_id in tuple(waiting):
                answer = answers.get(entry_id) or _Answer(error=_unanswered())
                index = held[int(entry_id)].index
                results[index] = PublishResult(index, answer.message_id, answer.error)
                if not answer.again:
                    del waiting[entry_id]
        return iter(results.values())

    def _call_batch(self, route: _Route, waiting: Mapping[str, dict[str, Any]]) -> dict[str, _Answer]:
        entries = [{"Id": entry_id, **parameters} for entry_id, parameters in waiting.items()]
        send = getattr(self._clients.get(), self._service.send_batch)
        try:
            response = send(**{self._service.target: route.target, self._service.entries: entries})
        except service_errors() as error:
            failure = describe(error)
            refusal = PublishError(failure.code, f"{failure.message} ({failure.code})")
            refusal.__cause__ = error
            return dict.fromkeys(waiting, _Answer(error=refusal))
        answers = {entry["Id"]: _Answer(entry["MessageId"]) for entry in response.get("Successful", ())}
        for entry in response.get("Failed", ()):
            code = str(entry.get("Code", "Unknown"))
            refusal = PublishError(code, f"{entry.get('Message') or 'the entry was refused'} ({code})")
            answers[entry["Id"]] = _Answer(error=refusal, again=entry.get("SenderFault") is False)
        return answers


class _Answer(NamedTuple):
    message_id: str | None = None
    error: PublishError | None = None
    again: bool = False


def _unanswered() -> PublishError:
    return PublishError("Unanswered", "the service did not say what became of the message; it may have been accepted")


class SqsPublisher(_Publisher[SqsClient]):
    """Publishes to Amazon SQS queues.

    The client is built on first use; one publisher may be used by many threads.

    Args:
        queue_url: the queue, unless a call names another.
        aws_access_key_id: with ``aws_secret_access_key``; when omitted, credentials come from the environment, the AWS
            configuration files or the instance role.
        aws_secret_access_key: see above.
        region_name: when omitted, from the environment or the AWS configuration files.
        endpoint_url: another endpoint, for a local server or a VPC endpoint.
        session: a ``boto3.Session`` to build the client with.
        client: a ready SQS client, instead of all of the above.

    Raises:
        ConfigurationError: the arguments contradict each other.
    """

    def __init__(
        self,
        queue_url: str | None = None,
        *,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: SqsClient | None = None,
    ) -> None:
        clients = ClientSource[SqsClient](
            "sqs",
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
        )
        super().__init__(_SQS, queue_url, SQS_MAX_BYTES, clients)

    def publish(
        self,
        payload: Publishable,
        binary_encoding: bool = False,
        queue_url: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send one payload.

        Args:
            payload: a typed event, a `MegaPayload`, a mapping (data object), a text or bytes (sent as base64).
            binary_encoding: send BSON instead of JSON. Not for text.
            queue_url: instead of the publisher's.
            group_id: message group, 1 to 128 characters; required on FIFO queues, "fair queues" on others.
            deduplication_id: FIFO only; 1 to 128 characters.
            delay_seconds: 0 to 900; not on FIFO.
            attributes: message attributes beside the library's own (up to six); ten in all.

        Returns:
            The message id.

        Raises:
            EncodeError: the payload or an attribute cannot be put on the wire, or is too large. Nothing was sent.
            ConfigurationError: an argument is missing or does not fit the queue. Nothing was sent.
            PublishError: the service did not accept the message, or did not answer.
        """
        route = self._route(queue_url, group_id, deduplication_id, delay_seconds)
        return self._send(route, payload, _message(payload, binary_encoding, _added_attributes(attributes)))

    def publish_raw_message(
        self,
        body: str,
        queue_url: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send a body as it is, without the library's message attributes; the rest is as in `publish`."""
        route = self._route(queue_url, group_id, deduplication_id, delay_seconds)
        return self._send(route, body, _raw_message(body, attributes))

    def publish_many(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        queue_url: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> list[PublishResult]:
        """Send payloads in batches of up to ten messages and 1 MiB.

        Results come in the order of the payloads. An entry that the service reports as failed by its own fault is
        sent up to twice more, on standard queues only. For more payloads than the results of which fit into memory,
        see `publish_stream`.

        Args:
            payloads: any iterable. An exception that it raises is raised after what was read before is sent.
            binary_encoding: as in `publish`.
            queue_url: as in `publish`.
            group_id: one for all, or a function of the payload.
            deduplication_id: a function of the payload; FIFO only.
            delay_seconds: as in `publish`.
            attributes: as in `publish`; the same for all.

        Raises:
            ConfigurationError: an argument is missing or does not fit the queue; raised at once.
        """
        route = self._route(queue_url, group_id, deduplication_id, delay_seconds)
        return list(self._send_many(route, payloads, binary_encoding, _added_attributes(attributes)))

    def publish_stream(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        queue_url: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> Iterator[PublishResult]:
        """The same as `publish_many`, in constant memory: batches are sent as the results are read.

        **Nothing is sent until the results are read**: loop over them. A loop that stops early sends no further batch.
        """
        route = self._route(queue_url, group_id, deduplication_id, delay_seconds)
        return self._send_many(route, payloads, binary_encoding, _added_attributes(attributes))


class SnsPublisher(_Publisher[SnsClient]):
    """Publishes to Amazon SNS topics.

    Args:
        topic_arn: the topic, unless a call names another.
        max_message_bytes: 1 to 1,048,576; SNS takes 262,144 unless the topic's ``MaximumMessageSize`` is raised.
        aws_access_key_id: this and the arguments below are those of `SqsPublisher`.
        aws_secret_access_key: see there.
        region_name: see there.
        endpoint_url: see there.
        session: see there.
        client: a ready SNS client.

    Raises:
        ConfigurationError: the arguments contradict each other.
    """

    def __init__(
        self,
        topic_arn: str | None = None,
        *,
        max_message_bytes: int = SNS_DEFAULT_MAX_BYTES,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: SnsClient | None = None,
    ) -> None:
        if type(max_message_bytes) is not int or not 1 <= max_message_bytes <= SNS_MAX_BYTES:
            raise ConfigurationError(f"max_message_bytes must be from 1 to {SNS_MAX_BYTES}, not {max_message_bytes!r}")
        clients = ClientSource[SnsClient](
            "sns",
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
        )
        super().__init__(_SNS, topic_arn, max_message_bytes, clients)

    def publish(
        self,
        payload: Publishable,
        binary_encoding: bool = False,
        topic_arn: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send one payload to a topic; the arguments and errors are those of `SqsPublisher.publish`."""
        route = self._route(topic_arn, group_id, deduplication_id)
        return self._send(route, payload, _message(payload, binary_encoding, _added_attributes(attributes)))

    def publish_raw_message(
        self,
        body: str,
        topic_arn: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send a body as it is, without the library's message attributes; the rest is as in `publish`."""
        route = self._route(topic_arn, group_id, deduplication_id)
        return self._send(route, body, _raw_message(body, attributes))

    def publish_many(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        topic_arn: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        attributes: Attributes | None = None,
    ) -> list[PublishResult]:
        """Send payloads in batches of up to ten messages and ``max_message_bytes``; see `SqsPublisher.publish_many`."""
        route = self._route(topic_arn, group_id, deduplication_id)
        return list(self._send_many(route, payloads, binary_encoding, _added_attributes(attributes)))

    def publish_stream(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        topic_arn: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        attributes: Attributes | None = None,
    ) -> Iterator[PublishResult]:
        """The same in constant memory: **nothing is sent until the results are read**."""
        route = self._route(topic_arn, group_id, deduplication_id)
        return self._send_many(route, payloads, binary_encoding, _added_attributes(attributes))


def _message(payload: object, binary_encoding: bool, added: _WireAttributes) -> _Message:
    encoded, claims = _encode(payload, binary_encoding)
    own = _own_attributes(encoded.content_type, claims.event_type)
    about = _about(claims) if claims.subject or claims.publisher else _NO_ATTRIBUTES
    values = {**own.values, **about.values, **added.values}
    return _whole(encoded.body, _WireAttributes(values, own.size + about.size + added.size))


def _raw_message(body: str, attributes: Attributes | None) -> _Message:
    if not isinstance(body, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
        raise EncodeError(f"a raw message is a str, not {type(body).__name__}")
    return _whole(_checked_text(body, "the body"), _wire_attributes(attributes or {}))


def _whole(body: str, attributes: _WireAttributes) -> _Message:
    if len(attributes.values) > MAX_ATTRIBUTES:
        raise ConfigurationError(
            f"{len(attributes.values)} message attributes with the library's own; the service takes {MAX_ATTRIBUTES}"
        )
    return _Message(body, attributes.values, _bytes_of(body) + attributes.size)


_NONCHARACTERS: Final = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
_REFUSED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Claims(NamedTuple):
    """What a payload says about itself that travels as message attributes; nothing for what is no MEGA event."""

    event_type: EventType | None = None
    subject: object = None
    publisher: object = None


def _encode(payload: object, binary_encoding: bool) -> tuple[Encoded, _Claims]:
    claims = _Claims()
    match payload:
        case None:
            raise EncodeError("None cannot be published: give an event, a mapping, a str or bytes")
        case str():
            if binary_encoding:
                raise EncodeError("a text has no binary encoding: leave out binary_encoding, or give bytes")
            encoded = encode_text(_checked_text(payload, "the text"))
        case bytes() | bytearray() | memoryview():
            encoded = encode_blob(bytes(cast("bytes", payload)))
        case MegaPayload():
            event = payload.event
            claims = _Claims(EventType(event.domain, event.name, event.version), event.subject, event.publisher)
            encoded = encode_document(payload.to_document(), binary_encoding=binary_encoding)
        case Mapping():
            document = cast("Mapping[str, Any]", payload)
            claims = _claims(document)
            encoded = encode_document(document, binary_encoding=binary_encoding)
        case TypedEvent() if not isinstance(payload, type):
            subject, publisher = getattr(payload, "subject", None), getattr(payload, "publisher", None)
            claims = _Claims(payload.__event_type__, subject, publisher)
            encoded = encode_json_text(payload.to_json(), binary_encoding)
        case _:
            raise EncodeError(
                f"{type(payload).__name__} cannot be published: give an event (an instance), a mapping, a str or bytes"
            )
    if not encoded.body:
        raise EncodeError("an empty message cannot be published: the service refuses it")
    if encoded.content_type is ContentType.JSON and not encoded.body.isascii():
        # JSON escapes the control characters by itself; these two it may hold raw, and the service refuses them.
        encoded = encoded._replace(body=_escape_noncharacters(encoded.body))
    return encoded, claims


def _escape_noncharacters(text: str) -> str:
    return text.translate(_NONCHARACTERS) if "\ufffe" in text or "\uffff" in text else text


def _claims(document: Mapping[str, Any]) -> _Claims:
    """What a mapping states, as far as it can be read: it only serves filter policies."""
    event = document.get("event") if is_mega(document) else None
    if not isinstance(event, Mapping):
        return _Claims()
    parts = cast("Mapping[str, Any]", event)
    name, domain, version = parts.get("name"), parts.get("domain"), parts.get("version")
    if not isinstance(name, str):
        return _Claims()
    if isinstance(version, float) and version.is_integer():  # read as an integer, as JSON Schema has it
        version = int(version)
    event_type = EventType(domain if isinstance(domain, str) else None, name, version if type(version) is int else 1)
    return _Claims(event_type, parts.get("subject"), parts.get("publisher"))


def _checked_text(text: str, what: str) -> str:
    if not text:
        raise EncodeError(f"{what} is empty: the service refuses it")
    if bad := _REFUSED.search(text):
        raise EncodeError(f"{what} holds U+{ord(bad[0]):04X} at {bad.start()}, which the service refuses; use bytes")
    return text


def _bytes_of(body: str) -> int:
    return len(body) if body.isascii() else len(body.encode())


class _WireAttributes(NamedTuple):
    """Message attributes as AWS spells them, and the bytes that they count for: name, type and value."""

    values: dict[str, Mapping[str, str | bytes]]
    size: int


_NO_ATTRIBUTES: Final = _WireAttributes({}, 0)
_ATTRIBUTE_NAME: Final = re.compile(r"(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_MAX_DIGITS: Final = 38


@lru_cache(maxsize=4096)
def _own_attributes(content_type: ContentType, event_type: EventType | None) -> _WireAttributes:
    own: dict[str, str | int | float | bytes] = {CONTENT_TYPE_ATTRIBUTE: str(content_type)}
    if event_type is not None:
        own |= {NAME_ATTRIBUTE: event_type.name, VERSION_ATTRIBUTE: event_type.version}
        if event_type.domain:
            own[DOMAIN_ATTRIBUTE] = event_type.domain
    return _wire_attributes(own)


def travels_as_attribute(text: object) -> bool:
    """Whether a subject or publisher is carried as a message attribute too, beside the body.

    One that the service refuses (an empty one, one with control characters) or that is longer than 256 characters is
    not: the message is published without that attribute.
    """
    return isinstance(text, str) and 0 < len(text) <= _MAX_CARRIED and not _REFUSED.search(text)


_MAX_CARRIED: Final = 256


def _about(claims: _Claims) -> _WireAttributes:
    said = {SUBJECT_ATTRIBUTE: claims.subject, PUBLISHER_ATTRIBUTE: claims.publisher}
    return _wire_attributes({name: cast("str", text) for name, text in said.items() if travels_as_attribute(text)})


def _added_attributes(attributes: Attributes | None) -> _WireAttributes:
    if not attributes:
        return _NO_ATTRIBUTES
    if taken := sorted(RESERVED_ATTRIBUTES & attributes.keys()):
        raise ConfigurationError(f"message attribute {taken[0]!r} is the library's own; choose another name")
    return _wire_attributes(attributes)


def _wire_attributes(attributes: Attributes) -> _WireAttributes:
    wire: dict[str, Mapping[str, str | bytes]] = {}
    size = 0
    for name, value in attributes.items():
        if not isinstance(name, str) or not _ATTRIBUTE_NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EncodeError(
                f"message attribute {name!r}: a name has 1 to 256 of A-Z a-z 0-9 _ - . with no dot at its ends or "
                "twice in a row, and does not begin with AWS. or Amazon."
            )
        data_type, wired = _wire_value(name, value)
        key = "BinaryValue" if isinstance(wired, bytes) else "StringValue"
        wire[name] = {"DataType": data_type, key: wired}
        size += len(name) + len(data_type) + (len(wired) if isinstance(wired, bytes) else _bytes_of(wired))
    return _WireAttributes(wire, size)


def _wire_value(name: str, value: object) -> tuple[str, str | bytes]:
    what = f"message attribute {name!r}"
    match value:
        case str():
            return "String", _checked_text(value, what)
        case bytes():
            if not value:
                raise EncodeError(f"{what} is empty: the service refuses it")
            return "Binary", value
        case bool():
            raise EncodeError(f"{what} is a bool, which the service does not know: give a str")
        case int():
            if abs(value) >= 10**_MAX_DIGITS:
                raise EncodeError(f"{what} has more than {_MAX_DIGITS} digits: give a str")
            return "Number", str(int(value))
        case float():
            if not isfinite(value) or (value and not 1e-128 <= abs(value) < 1e126):
                raise EncodeError(f"{what} is outside of what the service takes as a number (1e-128 to 1e126)")
            return "Number", repr(float(value))
        case _:
            raise EncodeError(f"{what} is {type(value).__name__}: give str, int, float or bytes")


_ALPHABET: Final = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")


def _for_payload(argument: str, value: PerPayload, payload: object) -> str:
    return _alphabetic(argument, value(payload)) if callable(value) else value


def _alphabetic(argument: str, text: str) -> str:
    """A group or deduplication id: letters, digits and ASCII punctuation."""
    if not isinstance(text, str) or not _ALPHABET.fullmatch(text):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"{argument} must have 1 to 128 characters, letters, digits and ASCII punctuation, not {text!r}"
        )
    return text
