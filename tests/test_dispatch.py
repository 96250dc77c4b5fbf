"""The pure core: from a record to an outcome, and the table that decides about the message."""

from __future__ import annotations

import json
from asyncio import CancelledError
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import (
    ConfigurationError,
    DataSubscriber,
    Dispatcher,
    Disposition,
    EventSubscriber,
    MegaPayload,
    MessageSubscriber,
    ProcessStatus,
    Reading,
    Record,
    RegistrationError,
    disposition,
)
from mega_typed.match import gt, match
from mega_typed.subscribers import Subscriber

from tests.samples import ITEM_ID, OrderCancelled, OrderPlaced, OrderPlacedV2, placed

DONE, LATER, RETRIABLE, FATAL = ProcessStatus


def collector(base: Any, seen: list[Any], *, result: object = None, **attributes: Any) -> Any:
    """A subscriber class that notes what it is given and returns, or raises, a result."""

    class Collector(base):  # type: ignore[misc]
        vars().update(attributes)

        def process(self, payload: Any) -> Any:
            seen.append(payload)
            if isinstance(result, BaseException):
                raise result
            return result

    return Collector


def dispatch(*subscribers: Any, body: str, **options: Any) -> Any:
    dispatcher = Dispatcher(**options)
    for subscriber in subscribers:
        dispatcher.register(subscriber)
    return dispatcher.handle(Record(body=body, message_id="m-1"))


PLACED = placed().to_json().decode()


@pytest.mark.parametrize(
    "body", [PLACED, b64encode(bson.encode(json.loads(PLACED))).decode()], ids=["json", "bson"]
)  # fmt: skip
def test_a_typed_subscriber_gets_the_validated_event(body: str) -> None:
    """A message becomes the typed event, in JSON and BSON."""
    seen: list[Any] = []
    outcome = dispatch(collector(EventSubscriber[OrderPlaced], seen, attributes={"quantity": gt(4)}), body=body)
    assert seen == [OrderPlaced.from_json(PLACED)]
    assert (outcome.disposition, outcome.reading) == (Disposition.DELETE, Reading.EVENT)
    assert outcome.event_type == OrderPlaced.__event_type__
    assert outcome.message_id == "m-1"


def test_a_subscriber_of_several_versions_gets_each_as_its_class() -> None:
    """One subscriber gets both versions, each as the class of its version, where its pattern matches."""
    seen: list[Any] = []
    both = collector(EventSubscriber[OrderPlaced | OrderPlacedV2], seen, attributes={"quantity": gt(4)})
    newer = [OrderPlacedV2(item_id=ITEM_ID, quantity=n, currency="CHF", priority=1) for n in (4, 5)]
    for body in (PLACED, *(event.to_json().decode() for event in newer)):
        assert dispatch(both, body=body).error is None
    assert seen == [OrderPlaced.from_json(PLACED), newer[1]]


def test_every_matching_subscriber_gets_the_message_in_order() -> None:
    """Typed, untyped and message subscribers all see it, in the order of registration."""
    seen: list[Any] = []
    outcome = dispatch(
        collector(MessageSubscriber, seen),
        collector(EventSubscriber, seen, event_name=match("order")),
        collector(EventSubscriber[OrderPlaced], seen),
        collector(EventSubscriber, seen, name="other"),
        collector(DataSubscriber, seen),
        body=PLACED,
    )
    assert [type(payload) for payload in seen] == [MegaPayload, MegaPayload, OrderPlaced]
    assert len(outcome.results) == 3


def test_data_objects_go_to_data_subscribers() -> None:
    """A document that is not MEGA is matched with the ancestor's conversions."""
    seen: list[Any] = []
    pattern = {"type": match("user:"), "user": {"id": gt(0), "price": gt(19)}}
    body = json.dumps({"type": "user:sms", "user": {"id": 5, "price": "19.99"}, "more": 1})
    dispatch(collector(DataSubscriber, seen, pattern=pattern), collector(EventSubscriber, seen), body=body)
    assert seen == [json.loads(body)]


@pytest.mark.parametrize(
    ("body", "reading", "payload"),
    [
        ("hello", Reading.TEXT, "hello"),
        ("", Reading.TEXT, ""),
        (b64encode(b"\x00\xff").decode(), Reading.BINARY, b"\x00\xff"),
    ],
)
def test_text_and_blobs_go_to_message_subscribers(body: str, reading: Reading, payload: object) -> None:
    """Plaintext and blobs are deleted when nobody takes them, and a MessageSubscriber can."""
    seen: list[Any] = []
    outcome = dispatch(collector(MessageSubscriber, seen), collector(DataSubscriber, seen), body=body)
    assert seen == [payload]
    assert outcome.reading is reading
    assert dispatch(collector(DataSubscriber, []), body=body).disposition is Disposition.DELETE
    assert dispatch(collector(MessageSubscriber, [], pattern="other"), body=body).results == ()


def test_text_can_be_turned_into_data() -> None:
    """to_data makes a data object, or a MEGA event, of what is none; patterns then apply."""
    seen: list[Any] = []

    def parse(text: str | bytes) -> dict[str, Any] | None:
        return dict(pair.split("=") for pair in str(text).split("&")) if "=" in str(text) else None

    outcome = dispatch(collector(DataSubscriber, seen, pattern={"a": gt(0)}), body="a=1&b=2", to_data=parse)
    assert (seen, outcome.reading) == ([{"a": "1", "b": "2"}], Reading.DATA)
    events: list[Any] = []
    dispatch(collector(EventSubscriber[OrderPlaced], events), body="x", to_data=lambda text: json.loads(PLACED))
    assert events == [OrderPlaced.from_json(PLACED)]
    assert dispatch(body="hello", to_data=parse).reading is Reading.TEXT


@pytest.mark.parametrize("broken", [lambda text: 1 / 0, lambda text: [1], lambda text: {"x": object()}])
def test_a_broken_to_data_keeps_the_message(broken: Callable[[Any], Any]) -> None:
    """When to_data raises or returns nonsense, the message is undecodable, and stays."""
    outcome = dispatch(collector(DataSubscriber, []), body="x", to_data=broken)
    assert (outcome.reading, outcome.disposition) == (Reading.UNDECODABLE, Disposition.RETRY)
    assert outcome.error.reason == "to_data"


@pytest.mark.parametrize(
    "body",
    [PLACED[:-1], PLACED.replace("5,", "NaN,", 1), b64encode(bson.encode(json.loads(PLACED))[:-4]).decode()],
    ids=["cut", "NaN", "cut BSON"],
)
def test_a_damaged_document_is_not_deleted_as_text(body: str) -> None:
    """Without a content type, a document that was damaged on the way is undecodable and stays, unless it is taken."""
    outcome = dispatch(collector(EventSubscriber[OrderPlaced], []), body=body)
    assert (outcome.reading, outcome.disposition) == (Reading.UNDECODABLE, Disposition.RETRY)
    assert outcome.error.reason in ("malformed_json", "truncated_bson")
    seen: list[Any] = []
    assert dispatch(collector(MessageSubscriber, seen), body=body).disposition is Disposition.DELETE
    assert len(seen) == 1


INVALID = json.dumps({**json.loads(PLACED), "object": {"type": "teapot"}})


def test_an_invalid_event_is_reported_before_matching() -> None:
    """An event that somebody asks for and that is not valid is invalid, not unmatched, and no subscriber sees it."""
    seen: list[Any] = []
    outcome = dispatch(
        collector(EventSubscriber[OrderPlaced], seen, attributes={"quantity": 77}),
        collector(EventSubscriber, seen),
        body=INVALID,
    )
    assert (seen, outcome.reading, outcome.disposition) == ([], Reading.INVALID, Disposition.RETRY)
    assert outcome.error.faults[0].path == "object.type"
    assert outcome.event_type == OrderPlaced.__event_type__


def test_an_event_that_nobody_asks_for_is_read_no_further_than_its_identity() -> None:
    """The rest of such a payload may be nonsense; it is unmatched, and deleted or kept as configured."""
    body = json.dumps({"protocol": "mega", "version": 1, "event": {"name": "other", "timestamp": "nonsense"}})
    subscribers = [collector(EventSubscriber[OrderPlaced], []), collector(EventSubscriber, [], name="x")]
    assert dispatch(*subscribers, body=body).disposition is Disposition.DELETE
    kept = dispatch(*subscribers, body=body, unmatched="keep")
    assert (kept.reading, kept.disposition) == (Reading.EVENT, Disposition.RETRY)


@pytest.mark.parametrize(
    ("result", "options", "status"),
    [
        (None, {}, DONE),
        (DONE, {}, DONE),
        (LATER, {}, LATER),
        (RETRIABLE, {}, RETRIABLE),
        (FATAL, {}, FATAL),
        (ValueError("x"), {}, FATAL),
        (SystemExit(1), {}, FATAL),
        (ConnectionResetError(), {"retriable": (ConnectionError,)}, RETRIABLE),
        (ConnectionResetError(), {"retriable": ConnectionError}, RETRIABLE),
        (CancelledError(), {}, FATAL),
        ("done", {}, FATAL),
        (False, {}, FATAL),
    ],
)
def test_what_a_subscriber_says(result: object, options: dict[str, Any], status: ProcessStatus) -> None:
    """None is DONE; an exception is fatal unless its type is declared retriable, for all or for the subscriber."""
    subscriber = collector(EventSubscriber[OrderPlaced], [], result=result)
    outcome = dispatch(subscriber, body=PLACED, **options)
    assert outcome.results[0].status is status
    assert (outcome.results[0].error is not None) == (not isinstance(result, ProcessStatus | None))
    if options:
        own = collector(EventSubscriber[OrderPlaced], [], result=result, **options)
        assert dispatch(own, body=PLACED).results[0].status is RETRIABLE


@pytest.mark.parametrize("raised", [SystemExit(1), CancelledError(), GeneratorExit(), ValueError("x")])
def test_a_predicate_may_raise_anything(raised: BaseException) -> None:
    """Whatever a predicate or to_data raises stays with its subscriber or its message."""

    def broken(value: object) -> bool:
        raise raised

    outcome = dispatch(collector(EventSubscriber[OrderPlaced], [], attributes={"quantity": broken}), body=PLACED)
    assert [type(defect.error) for defect in outcome.defects] == [type(raised)]
    assert dispatch(body="x", to_data=broken).reading is Reading.UNDECODABLE


def test_one_failing_subscriber_does_not_stop_the_others() -> None:
    """All matching subscribers process the message, whatever one of them raises."""
    seen: list[Any] = []
    failing = collector(EventSubscriber, seen, result=RuntimeError("x"))
    outcome = dispatch(failing, collector(EventSubscriber, seen), body=PLACED)
    assert [result.status for result in outcome.results] == [FATAL, DONE]


def test_a_predicate_that_raises_harms_only_its_own_subscriber() -> None:
    """It is a non-match, reported as a defect, also below not_; and a message that nobody else took is kept."""
    broken = collector(EventSubscriber[OrderPlaced], [], attributes={"quantity": lambda q: q.upper()})
    outcome = dispatch(broken, body=PLACED)
    assert outcome.results == ()
    assert [(defect.subscriber, type(defect.error)) for defect in outcome.defects] == [(broken, AttributeError)]
    assert outcome.disposition is Disposition.RETRY
    seen: list[Any] = []
    together = dispatch(broken, collector(EventSubscriber[OrderPlaced], seen), body=PLACED)
    assert len(seen) == 1
    assert together.disposition is Disposition.DELETE


TABLE = [
    (Reading.UNDECODABLE, (), {}, Disposition.RETRY),
    (Reading.INVALID, (), {}, Disposition.RETRY),
    (Reading.CONFIRMATION, (), {}, Disposition.RETRY),
    (Reading.EVENT, (), {}, Disposition.DELETE),
    (Reading.EVENT, (), {"unmatched": "keep"}, Disposition.RETRY),
    (Reading.EVENT, (), {"defects": True}, Disposition.RETRY),
    (Reading.DATA, (DONE, DONE), {}, Disposition.DELETE),
    (Reading.TEXT, (DONE, FATAL), {}, Disposition.DELETE),
    (Reading.EVENT, (DONE, LATER), {}, Disposition.RETRY),
    (Reading.EVENT, (FATAL, RETRIABLE), {}, Disposition.RETRY),
    (Reading.BINARY, (DONE,), {"defects": True}, Disposition.DELETE),
    (Reading.UNDECODABLE, (), {"dead_letters": True}, Disposition.DEAD_LETTER),
    (Reading.INVALID, (), {"dead_letters": True}, Disposition.DEAD_LETTER),
    (Reading.CONFIRMATION, (), {"dead_letters": True}, Disposition.RETRY),
    (Reading.CONFIRMATION, (), {"dead_letters": True, "last_attempt": True}, Disposition.DEAD_LETTER),
    (Reading.EVENT, (), {"dead_letters": True}, Disposition.DELETE),
    (Reading.EVENT, (), {"dead_letters": True, "unmatched": "keep", "last_attempt": True}, Disposition.RETRY),
    (Reading.EVENT, (), {"dead_letters": True, "unmatched": "dead_letter"}, Disposition.DEAD_LETTER),
    (Reading.EVENT, (), {"dead_letters": True, "defects": True}, Disposition.RETRY),
    (Reading.EVENT, (), {"dead_letters": True, "defects": True, "last_attempt": True}, Disposition.DEAD_LETTER),
    (Reading.DATA, (DONE, DONE), {"dead_letters": True, "last_attempt": True}, Disposition.DELETE),
    (Reading.TEXT, (DONE, FATAL), {"dead_letters": True}, Disposition.DEAD_LETTER),
    (Reading.EVENT, (DONE, LATER), {"dead_letters": True}, Disposition.RETRY),
    (Reading.EVENT, (FATAL, RETRIABLE), {"dead_letters": True, "last_attempt": True}, Disposition.DEAD_LETTER),
    (Reading.UNREAD, (), {"dead_letters": True, "last_attempt": True}, Disposition.DEAD_LETTER),
]


@pytest.mark.parametrize(("reading", "statuses", "options", "expected"), TABLE)
def test_the_table_of_outcomes(
    reading: Reading, statuses: tuple[ProcessStatus, ...], options: dict[str, Any], expected: Disposition
) -> None:
    """What happens to the message, row by row; docs/outcomes.md shows the same table."""
    assert disposition(reading, statuses, **options) is expected


@pytest.mark.parametrize(
    ("subscriber", "why"),
    [
        (object, "subclass of"),
        ("x", "subclass of"),
        (Subscriber, "does not define process"),
        (collector(EventSubscriber, [])(), "not an instance"),
        (type("NoProcess", (EventSubscriber,), {}), "does not define process"),
        (type("NoArgument", (MessageSubscriber,), {"process": lambda self: None}), "must take self and one payload"),
        (type("NotAMethod", (MessageSubscriber,), {"process": 5}), "must take self and one payload"),
        (type("Retriable", (MessageSubscriber,), {"process": print, "retriable": (5,)}), "tuple of exception types"),
        (type("Asks", (MessageSubscriber,), {"__init__": lambda self, x: None, "process": print}), "without arguments"),
        (type("Base", (Subscriber,), {"process": print}), "must be a MessageSubscriber"),
    ],
)
def test_what_cannot_be_registered(subscriber: Any, why: str) -> None:
    """Registering anything but a usable subscriber class is a clear error."""
    with pytest.raises(RegistrationError, match=why):
        Dispatcher().register(subscriber)


@pytest.mark.parametrize("options", [{"unmatched": "kep"}, {"envelope": "xml"}, {"retriable": 5}])
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    """A misspelt option does not quietly become another one."""
    with pytest.raises(ConfigurationError):
        Dispatcher(**options)


def test_a_class_is_registered_once() -> None:
    """Registering the same type twice is an error."""
    dispatcher = Dispatcher()
    subscriber = collector(EventSubscriber, [])
    dispatcher.register(subscriber)
    with pytest.raises(RegistrationError, match="registered already"):
        dispatcher.register(subscriber)
    assert dispatcher.subscribers == (subscriber,)


def test_what_returns_an_awaitable_of_its_own_is_not_lost() -> None:
    """A process that hands back something that never runs has not processed the message; it stays."""

    class Later:
        def __await__(self) -> Iterator[None]:
            yield

    subscriber = collector(EventSubscriber[OrderPlaced], [])
    subscriber.process = lambda self, payload: Later()
    outcome = dispatch(subscriber, body=PLACED)
    assert (outcome.results[0].status, outcome.disposition) == (RETRIABLE, Disposition.RETRY)


def test_a_generator_is_refused() -> None:
    """A process that is a generator function, asynchronous or not, would never run; it is refused when registered."""

    def generator(self: Any, payload: Any) -> Any:
        yield payload

    async def asynchronous(self: Any, payload: Any) -> Any:
        yield payload

    for process in (generator, asynchronous):
        with pytest.raises(RegistrationError, match="never run"):
            Dispatcher().register(type("Yields", (MessageSubscriber,), {"process": process}))


class Everything(MessageSubscriber):
    """Takes whatever comes."""

    seen: ClassVar[list[Any]] = []

    def process(self, payload: Any) -> None:
        pass


BODIES = st.one_of(
    st.text(),
    st.binary().map(lambda data: b64encode(data).decode()),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.sampled_from(["protocol", "version", "event", "Type", "Message", "TopicArn", "detail"]), inner)).map(json.dumps),
    st.integers(0, len(PLACED)).flatmap(lambda at: st.text(max_size=3).map(lambda junk: PLACED[:at] + junk + PLACED[at:])),
    st.integers(0, len(PLACED)).map(lambda at: PLACED[:at]),
    st.sampled_from(["[" * 100_000, '{"a":' * 100_000, '{"a":1e999}', "\ud800", "null", "0123", '{"protocol":"mega","version":1,"event":{"name":"order.placed","domain":"sales","timestamp":1e999}}']),
)  # fmt: skip


@given(BODIES)
def test_whatever_a_queue_holds_leads_to_an_outcome(body: str) -> None:
    """No body makes handle raise; what cannot be read or is not valid says why and stays."""
    outcome = dispatch(
        Everything,
        collector(EventSubscriber[OrderPlaced], []),
        collector(EventSubscriber[OrderCancelled], []),
        body=body,
    )
    assert (outcome.error is not None) == (outcome.reading in (Reading.INVALID, Reading.UNDECODABLE))
    assert outcome.error is None or outcome.disposition is Disposition.RETRY
