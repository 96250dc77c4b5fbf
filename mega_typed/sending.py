"""Sending messages to SQS or SNS: one mechanism, two destinations.

The two services differ in names, limits and options: `Service` holds the differences, everything else is written once.
Messages are packed into batches by count and bytes, one batch is one call, and what the service says that it did not
accept, by its own fault, is sent again: `unsettled` decides what. botocore's own retries, after a broken connection,
may deliver a message twice. This file knows clients and nothing of subscribers.
"""

from __future__ import annotations

import inspect
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, cast

from mega_typed.aws import ClientSource, SnsClient, SqsClient, describe, service_errors
from mega_typed.calls import on_event_loop, prepare, run_coroutine
from mega_typed.errors import ConfigurationError, EncodeError, MegaError, PublishError
from mega_typed.fitting import Ladder, deduplication_id
from mega_typed.layers import is_coroutine_function, layered
from mega_typed.message_context import TRACE_HEADER, current_message
from mega_typed.messages import (
    MAX_ATTRIBUTES,
    POINTER_ATTRIBUTE,
    Message,
    WireAttributes,
    added_attributes,
    message_of,
)
from mega_typed.outgoing import ADDED_BYTES, OutgoingMessage, PublishCall, PublishMiddleware, PublishResult

MAX_BATCH_ENTRIES: Final = 10
SQS_MAX_BYTES: Final = 1_048_576
SQS_MIN_BYTES: Final = 1_024
SNS_DEFAULT_MAX_BYTES: Final = 262_144
SNS_MAX_BYTES: Final = 1_048_576

PerPayload: TypeAlias = str | Callable[[Any], str]
"""One value for all payloads, or a function that is given each payload."""


@dataclass(frozen=True, slots=True)
class Service:
    """What tells one destination from the other: AWS's names for the same things."""

    name: str
    argument: str
    target: str
    body: str
    entries: str
    send: str
    send_batch: str


SQS: Final = Service(
    "sqs", "queue_url", "QueueUrl", "MessageBody", "Entries", send="send_message", send_batch="send_message_batch"
)
SNS: Final = Service(
    "sns", "topic_arn", "TopicArn", "Message", "PublishBatchRequestEntries", send="publish", send_batch="publish_batch"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in a batch: what to send, or the error that stands in its place."""

    index: int
    size: int = 0
    parameters: dict[str, Any] | None = None
    error: MegaError | None = None
    payload: object = None
    context: Context | None = None
    """Both for middleware only."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where messages go and how: checked once, for one call of a publisher."""

    target: str
    group_id: PerPayload | None
    deduplication_id: PerPayload | None
    delay_seconds: int | None

    @property
    def fifo(self) -> bool:
        """Whether the destination keeps the order of a group."""
        return self.target.endswith(".fifo")

    def check_group(self, payload: object) -> None:
        """Raise ``ConfigurationError`` if the destination needs a group and nothing says which."""
        if self.fifo and self.group_id is None and _own_group(payload) is None:
            raise ConfigurationError(
                f"{self.target} is FIFO (it ends in .fifo): group_id is required; give one to this call, or let the "
                'schema of the event say where it comes from, with "x-mega-group"'
            )

    def parameters(self, payload: object) -> dict[str, Any]:
        """What it adds to the parameters of a message; the event's own group where the call gives none."""
        parameters: dict[str, Any] = {}
        if self.group_id is not None:
            parameters["MessageGroupId"] = _for_payload("group_id", self.group_id, payload)
        elif (group_id := _own_group(payload)) is not None:
            parameters["MessageGroupId"] = _alphabetic("the group of this event, by its schema,", group_id)
        else:
            self.check_group(payload)
        if self.deduplication_id is not None:
            parameters["MessageDeduplicationId"] = _for_payload("deduplication_id", self.deduplication_id, payload)
        if self.delay_seconds is not None:
            parameters["DelaySeconds"] = self.delay_seconds
        return parameters


_END: Final = object()
_RETRIES: Final = 2
_RETRY_SECONDS: Final = 0.2
_HELD: Final = 100  # places, sent or refused, that are held back at most so that results come in order

Client = TypeVar("Client", SqsClient, SnsClient)


class Batch:
    """The next call: entries in order, within ten and within the bytes that the service takes in one call."""

    def __init__(self, max_bytes: int) -> None:
        self.held: list[Entry] = []
        self._max_bytes = max_bytes
        self._sent = self._size = 0

    def takes(self, entry: Entry) -> bool:
        """Whether the entry fits in as well; an empty batch takes any."""
        return not self._sent or (self._size + entry.size <= self._max_bytes and len(self.held) < _HELD)

    def add(self, entry: Entry) -> None:
        """Put it at the end."""
        self.held.append(entry)
        self._size += entry.size
        self._sent += entry.parameters is not None

    @property
    def full(self) -> bool:
        """Whether waiting for more is pointless: there are ten, or nothing but refusals, which wait for nothing."""
        return self._sent in (0, MAX_BATCH_ENTRIES)


class Sender(Generic[Client]):
    """The mechanism. `Service` says which of the two destinations it is."""

    def __init__(
        self,
        service: Service,
        target: str | None,
        ladder: Ladder,
        max_batch_bytes: int,
        clients: ClientSource[Client],
        middleware: Sequence[PublishMiddleware] = (),
    ) -> None:
        if middleware:  # room for what it adds
            ladder = replace(ladder, limit=max(1, ladder.limit - ADDED_BYTES))
            max_batch_bytes = max(1, max_batch_bytes - MAX_BATCH_ENTRIES * ADDED_BYTES)
        self._layered = layered(_carry_out, middleware, _described, _as_it_is) if middleware else None
        self._needs_loop = any(map(is_coroutine_function, middleware))
        self._service = service
        self._target = target
        self._ladder = ladder
        self._quick = ladder.limit if ladder.compress_above is None else min(ladder.limit, ladder.compress_above)
        self._max_batch_bytes = max_batch_bytes
        self._clients: ClientSource[Client] = clients

    def prepare_for_exit(self) -> None:
        """Have ready what sending needs; whoever sends when the interpreter exits calls this before it registers."""
        if self._needs_loop:
            prepare()

    def needs_this_thread(self) -> bool:
        """Whether nothing can be sent while the caller waits: it is on the event loop, and middleware runs there."""
        return self._needs_loop and on_event_loop()

    def target(self, target: str | None) -> str:
        """The one that a call names, else the publisher's. Raises ``ConfigurationError``."""
        if chosen := target or self._target:
            return chosen
        raise ConfigurationError(f"no {self._service.argument}: give one to the publisher or to this call")

    def route(
        self,
        target: str | None,
        group_id: PerPayload | None,
        deduplication_id: PerPayload | None,
        delay_seconds: int | None = None,
    ) -> Route:
        """Check what is known before any payload. Raises ``ConfigurationError``."""
        argument = self._service.argument
        route = Route(self.target(target), group_id, deduplication_id, delay_seconds)
        for name, value in (("group_id", group_id), ("deduplication_id", deduplication_id)):
            if value is not None and not callable(value):
                _alphabetic(name, value)
        if not route.fifo and deduplication_id is not None:
            raise ConfigurationError(f"deduplication_id needs a FIFO {argument}, one that ends in .fifo")
        if delay_seconds is not None:
            if route.fifo:
                raise ConfigurationError("a FIFO queue has no delay_seconds per message: set it on the queue")
            if self._service is SNS:
                raise ConfigurationError("a topic has no delay_seconds")
            if type(delay_seconds) is not int or not 0 <= delay_seconds <= 900:
                raise ConfigurationError(f"delay_seconds must be an integer from 0 to 900, not {delay_seconds!r}")
        return route

    def send(self, route: Route, payload: object, message: Message) -> str:
        """Send one message by a call of its own and give its id."""
        if self._layered is None:
            return self._send_alone(route, self._parcel(route, payload, message).parameters)
        (result,) = self._through(self._layered, route, [self.entry(0, route, payload, message)], self._result_alone)
        if result.error is not None:
            raise result.error
        return str(result.message_id)

    def _send_alone(self, route: Route, parameters: Mapping[str, Any]) -> str:
        send = getattr(self._clients.get(), self._service.send)
        try:
            answer = send(**{self._service.target: route.target, **parameters})
        except service_errors() as error:
            failure = describe(error)
            raise PublishError(failure.code, f"{failure.message} ({failure.code})") from error
        except Exception as error:  # of botocore's parser, over an answer that is none
            raise _unanswered() from error
        if "MessageId" not in answer:
            raise _unanswered()
        return str(answer["MessageId"])

    def _result_alone(self, route: Route, held: Sequence[Entry]) -> list[PublishResult]:
        (entry,) = held
        if entry.parameters is None:
            return [PublishResult(entry.index, error=entry.error)]
        try:
            return [PublishResult(entry.index, self._send_alone(route, entry.parameters))]
        except PublishError as error:
            return [PublishResult(entry.index, error=error)]

    def send_many(
        self, route: Route, payloads: Iterable[object], binary_encoding: bool, added: WireAttributes
    ) -> Iterator[PublishResult]:
        """Read, pack, send, report, in order. What the iterable raises is raised after what was read is sent."""
        batch = self.batch()
        source = iter(payloads)
        broken: Exception | None = None
        for index in count():
            try:
                payload = next(source, _END)
                if payload is _END:
                    break
                if index == 0:  # without a group, the call is wrong; later payloads are errors of their own
                    route.check_group(payload)
                entry = self._entry(index, route, payload, binary_encoding, added)
            except Exception as error:
                broken = error
                break
            if not batch.takes(entry):
                yield from self.send_batch(route, batch.held)
                batch = self.batch()
            batch.add(entry)
            if batch.full:
                yield from self.send_batch(route, batch.held)
                batch = self.batch()
        yield from self.send_batch(route, batch.held)
        if broken is not None:
            raise broken

    def batch(self) -> Batch:
        """An empty batch for this service."""
        return Batch(self._max_batch_bytes)

    def entry(self, index: int, route: Route, payload: object, message: Message) -> Entry:
        """One message as an entry of a batch. Raises ``EncodeError``, ``ConfigurationError`` or ``PublishError``."""
        parcel = self._parcel(route, payload, message)
        if self._layered is None:
            return Entry(index, parcel.size, parcel.parameters)
        return Entry(index, parcel.size, parcel.parameters, payload=payload, context=copy_context())

    def _entry(self, index: int, route: Route, payload: object, binary_encoding: bool, added: WireAttributes) -> Entry:
        try:
            return self.entry(index, route, payload, message_of(payload, binary_encoding, added))
        except (EncodeError, ConfigurationError, PublishError) as error:
            return Entry(index, error=error)

    def _parcel(self, route: Route, payload: object, message: Message) -> Parcel:
        """The parameters of one message, which are the same for one call and for an entry of a batch."""
        options = route.parameters(payload)
        if message.size > self._quick:
            whole, message = message, self._ladder.fit(message)
            if route.fifo and POINTER_ATTRIBUTE in message.attributes:
                options.setdefault("MessageDeduplicationId", deduplication_id(whole))
        parameters = {self._service.body: message.body, **options}
        if message.attributes:
            parameters["MessageAttributes"] = message.attributes
        if self._service is SQS and (trace := current_message().trace_header):
            header = {"DataType": "String", "StringValue": trace}
            parameters["MessageSystemAttributes"] = {TRACE_HEADER: header}
        return Parcel(parameters, message.size)

    def send_batch(self, route: Route, held: Sequence[Entry]) -> Iterator[PublishResult]:
        """One call for the entries held, and up to two more, after a pause, for those of which `unsettled` tells."""
        if self._layered is None:
            return iter(self._send_together(route, held))
        return iter(self._through(self._layered, route, held, self._send_together))

    def _through(
        self,
        layers: Callable[[Any], object],
        route: Route,
        held: Sequence[Entry],
        send: Callable[[Route, Sequence[Entry]], Sequence[PublishResult]],
    ) -> Sequence[PublishResult]:
        """Send through all middleware; what cannot be sent is not shown to it."""
        fit = [entry for entry in held if entry.parameters is not None]
        if not fit:
            return send(route, held)
        messages = tuple(OutgoingMessage(each.index, each.payload, each.context or copy_context()) for each in fit)

        def proceed() -> Sequence[PublishResult]:
            return send(route, [_with_added(*each) for each in zip(fit, messages, strict=True)])

        said = layers(_Transfer(PublishCall(route.target, messages), proceed))
        results = cast("Sequence[PublishResult]", run_coroutine(said) if inspect.iscoroutine(said) else said)
        by_index = {result.index: result for result in results}
        if by_index.keys() != {each.index for each in fit}:
            raise ConfigurationError("a middleware returned other results than one for each message of its call")
        return [by_index.get(entry.index) or PublishResult(entry.index, error=entry.error) for entry in held]

    def _send_together(self, route: Route, held: Sequence[Entry]) -> Sequence[PublishResult]:
        waiting = {str(place): entry.parameters for place, entry in enumerate(held) if entry.parameters}
        results = {entry.index: PublishResult(entry.index, error=entry.error) for entry in held}
        for retry in range(1 + _RETRIES):
            if not waiting:
                break
            if retry:
                time.sleep(_RETRY_SECONDS * 2**retry * random.random())  # noqa: S311 - spreads the load
            answers = self._call_batch(route, waiting)
            for entry_id in waiting:
                index = held[int(entry_id)].index
                results[index] = PublishResult(index, answers[entry_id].message_id, answers[entry_id].error)
            waiting = unsettled(waiting, answers, ordered=route.fifo)
        return list(results.values())

    def _call_batch(self, route: Route, waiting: Mapping[str, dict[str, Any]]) -> dict[str, Answer]:
        entries = [{"Id": entry_id, **parameters} for entry_id, parameters in waiting.items()]
        send = getattr(self._clients.get(), self._service.send_batch)
        try:
            response = send(**{self._service.target: route.target, self._service.entries: entries})
            return {**dict.fromkeys(waiting, Answer(error=_unanswered())), **_answers(response)}
        except service_errors() as error:
            failure = describe(error)
            refusal = PublishError(failure.code, f"{failure.message} ({failure.code})")
            refusal.__cause__ = error
        except Exception as error:  # of botocore's parser, or of ours, over an answer that is none
            refusal = _unanswered()
            refusal.__cause__ = error
        return dict.fromkeys(waiting, Answer(error=refusal))


class _Transfer(NamedTuple):
    call: PublishCall
    proceed: Callable[[], Sequence[PublishResult]]


def _carry_out(transfer: _Transfer) -> Sequence[PublishResult]:
    return transfer.proceed()


def _described(transfer: _Transfer) -> PublishCall:
    return transfer.call


def _as_it_is(results: object) -> object:
    return results


def _with_added(entry: Entry, message: OutgoingMessage) -> Entry:
    """An entry with the attributes that middleware adds; or an error in its place."""
    if not message.attributes or entry.parameters is None:
        return entry
    try:
        added = added_attributes(message.attributes)
    except (EncodeError, ConfigurationError) as error:
        return Entry(entry.index, error=error)
    attributes = {**entry.parameters.get("MessageAttributes", {}), **added.values}
    if added.size > ADDED_BYTES or len(attributes) > MAX_ATTRIBUTES:
        text = (
            f"a middleware adds {added.size} bytes and makes it {len(attributes)} message attributes; it may add "
            f"{ADDED_BYTES} bytes, and the service takes {MAX_ATTRIBUTES} attributes"
        )
        return Entry(entry.index, error=ConfigurationError(text))
    return replace(entry, parameters={**entry.parameters, "MessageAttributes": attributes})


class Parcel(NamedTuple):
    """The parameters of a message, and its size."""

    parameters: dict[str, Any]
    size: int


class Answer(NamedTuple):
    """What the service says of one entry; ``again``: it failed, by the service's own fault."""

    message_id: str | None = None
    error: PublishError | None = None
    again: bool = False


def unsettled(
    waiting: Mapping[str, dict[str, Any]], answers: Mapping[str, Answer], *, ordered: bool
) -> dict[str, dict[str, Any]]:
    """The entries to send again, in order: those that failed by the service's fault.

    Where order counts, only the last ones of their group: an entry must not overtake one that was accepted after it, or
    that may have been.
    """
    again: dict[str, dict[str, Any]] = {}
    closed: set[object] = set()
    for entry_id in reversed(tuple(waiting)):
        group = waiting[entry_id].get("MessageGroupId")
        if not answers[entry_id].again:
            closed.add(group)
        elif not ordered or group not in closed:
            again[entry_id] = waiting[entry_id]
    return {entry_id: again[entry_id] for entry_id in reversed(again)}


def _answers(response: Mapping[str, Any]) -> dict[str, Answer]:
    """What the service says of the entries of a batch, by their ids."""
    answers: dict[str, Answer] = {}
    for entry in response.get("Successful", ()):
        answers[entry["Id"]] = Answer(entry["MessageId"])
    for entry in response.get("Failed", ()):
        code = str(entry.get("Code", "Unknown"))
        refusal = PublishError(code, f"{entry.get('Message') or 'the entry was refused'} ({code})")
        answers[entry["Id"]] = Answer(error=refusal, again=entry.get("SenderFault") is False)
    return answers


def _unanswered() -> PublishError:
    return PublishError("Unanswered", "the service did not say what became of the message; it may have been accepted")


_ALPHABET: Final = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")


def _own_group(payload: object) -> str | None:
    """The group that a typed event says it belongs to."""
    own: Callable[[], str | None] | None = getattr(payload, "__group_id__", None)
    return own() if own is not None and not isinstance(payload, type) else None


def _for_payload(argument: str, value: PerPayload, payload: object) -> str:
    return _alphabetic(argument, value(payload)) if callable(value) else value


def _alphabetic(argument: str, text: str) -> str:
    """A group or deduplication id: letters, digits and ASCII punctuation."""
    if not isinstance(text, str) or not _ALPHABET.fullmatch(text):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"{argument} must have 1 to 128 characters, letters, digits and ASCII punctuation, not {text!r}"
        )
    return text
