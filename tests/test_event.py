"""Typed events: the constructor, the wire in both directions, value semantics, and nothing lost on the way through."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import Event, EventType, InvalidPayload, MegaPayload, ObjectState, register_events
from mega_typed.codecs import decode, encode_json_text
from mega_typed.errors import CodecError, DecodeError, EncodeError, RegistrationError
from mega_typed.event import Event as EventClass
from mega_typed.registry import registered_class
from pydantic import ValidationError

from tests.samples import (
    ITEM_ID,
    Branch,
    ByCard,
    ByTransfer,
    Card,
    Either,
    Negation,
    Order,
    OrderCancelled,
    OrderPlaced,
    Paid,
    Settled,
    order,
    placed,
)


def document(event: Event) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(event.to_json())
    return result


def read(changed: dict[str, Any], cls: type[Event] = OrderPlaced) -> Any:
    return cls.from_json(json.dumps(changed))


def test_what_is_written_is_the_protocol() -> None:
    """The flat constructor becomes the nested document, compact and without what is absent."""
    moment = datetime(2020, 5, 4, 15, 53, 23, 123000, tzinfo=UTC)
    event = OrderPlaced(item_id=ITEM_ID, quantity=5, timestamp=moment, subject="42", from_="x", subject_="y")
    assert document(event) == {
        "protocol": "mega",
        "version": 1,
        "event": {
            "name": "order.placed",
            "version": 1,
            "timestamp": "2020-05-04T15:53:23.123000Z",
            "domain": "sales",
            "subject": "42",
            "attributes": {
                "item_id": str(ITEM_ID),
                "quantity": 5,
                "currency": "USD",
                "channel": "web",
                "gift": False,
                "tags": [],
                "from": "x",
                "subject": "y",
            },
        },
    }
    assert b": " not in event.to_json()


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
def test_an_event_comes_back_equal(binary: bool) -> None:
    """JSON and BSON give back the same event, values, hash and all."""
    event = placed(tags=["a"], shipped_at=datetime(2020, 1, 1, tzinfo=UTC), labels={"a": 1}, anything=[1, {"x": None}])
    encoded = encode_json_text(event.to_json(), binary)
    back = OrderPlaced.from_json(decode(encoded.body, encoded.content_type).json_text())
    assert back == event
    assert back.object is not None
    assert back.object.current == order()
    assert back.shipped_at == event.shipped_at


def test_constants_are_filled_in() -> None:
    """What the schema fixes is never asked for: identity, object.type, object.version, a constant attribute."""
    event = placed()
    assert event.object is not None
    assert (event.object.type, event.object.version, event.channel) == ("order", 2, "web")
    assert document(event)["object"]["type"] == "order"


def test_an_entity_given_by_the_user_is_not_changed() -> None:
    """Filling in the object's type copies it."""
    state = ObjectState(id="1", current=order())
    placed(object=state)
    assert state.type is None


WRONG_ARGUMENTS: dict[str, dict[str, Any]] = {
    "misspelt": {"quantiy": 5},
    "string for int": {"quantity": "5"},
    "bool for int": {"quantity": True},
    "float for int": {"quantity": 5.0},
    "below minimum": {"quantity": 0},
    "above maximum": {"quantity": 101},
    "not in the enum": {"currency": "XXX"},
    "float for decimal": {"total": 19.99},
    "not a number": {"weight": float("nan")},
    "string for uuid": {"item_id": str(ITEM_ID)},
    "number for subject": {"subject": 42},
    "wire name": {"from": "x"},
    "the wire's nesting": {"event": {"attributes": {}}},
    "object of another type": {"object": order()},
    "constant": {"channel": "shop"},
    "another object type": {"object": ObjectState(type="teapot", current=order())},
    "another object version": {"object": {"version": 7, "current": order()}},
}


@pytest.mark.parametrize("arguments", WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS)
def test_the_constructor_refuses(arguments: dict[str, Any]) -> None:
    """The constructor holds the schema's constraints, strictly, and knows only its own arguments."""
    with pytest.raises(ValidationError):
        placed(**arguments)


def test_events_are_frozen() -> None:
    """An event cannot be changed."""
    with pytest.raises(ValidationError, match="frozen"):
        placed().quantity = 6


def test_events_compare_by_value_and_hash() -> None:
    """Equal events have equal hashes; an event with a list does not hash."""
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    one, same, other = (OrderCancelled(timestamp=moment, reason=r, object=ObjectState(id="1")) for r in ("a", "a", "b"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert len({one, same, other}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(placed(tags=["a"]))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2020-05-04T15:53:23.123", datetime(2020, 5, 4, 15, 53, 23, 123000, tzinfo=UTC)),
        ("2020-05-04T15:53:23.123Z", datetime(2020, 5, 4, 15, 53, 23, 123000, tzinfo=UTC)),
        ("2020-05-04T17:53:23+02:00", datetime(2020, 5, 4, 17, 53, 23, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_timestamps_are_aware(written: str, meant: datetime) -> None:
    """A timestamp without offset is UTC, one with an offset keeps it; in the constructor too."""
    changed = document(placed())
    changed["event"]["timestamp"] = written
    assert read(changed).timestamp == meant
    assert placed(timestamp=datetime.fromisoformat(written)).timestamp == meant
    assert placed().timestamp.tzinfo is not None


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of a document at a dotted path; ``...`` removes the key."""

    def apply(changed: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            changed = changed[parent]
        if value is ...:
            del changed[last]
        else:
            changed[last] = value

    return apply


TOLERATED = {
    "null subject": change("event.subject", None),
    "null publisher": change("event.publisher", None),
    "null version": change("event.version", None),
    "no version": change("event.version", ...),
    "null object": change("object", None),
    "no object": change("object", ...),
    "null extra": change("extra", None),
    "no extra": change("extra", ...),
    "null previous": change("object.previous", None),
    "null object id": change("object.id", None),
    "null object type": change("object.type", None),
    "no object version": change("object.version", ...),
    "null object version": change("object.version", None),
    "null where the schema admits it": change("event.attributes.coupon", None),
    "version as a float": change("event.version", 1.0),
    "version of the protocol as a string": change("version", "1"),
    "unknown attribute": change("event.attributes.colour", "red"),
    "unknown key of event": change("event.colour", "red"),
    "unknown section": change("trace", {"id": 1}),
    "unknown key of object": change("object.region", "eu"),
    "unknown key of the entity": change("object.current.region", "eu"),
}


@pytest.mark.parametrize("tolerated", TOLERATED.values(), ids=TOLERATED)
def test_readers_are_tolerant(tolerated: Callable[[dict[str, Any]], None]) -> None:
    """Optional parts may be null or missing, and unknown keys are no error (protocol.md)."""
    changed = document(placed())
    tolerated(changed)
    event = read(changed)
    assert event.quantity == 5
    if event.object is not None:
        assert (event.object.type, event.object.version) == ("order", 2)
    assert isinstance(event.extra, dict)


INVALID = {
    "event.attributes.item_id": change("event.attributes.item_id", ...),
    "event.attributes.quantity": change("event.attributes.quantity", "5"),
    "event.attributes.total": change("event.attributes.total", None),
    "event.attributes.currency": change("event.attributes.currency", "XXX"),
    "event.attributes.weight": change("event.attributes.weight", "heavy"),
    "event.attributes.channel": change("event.attributes.channel", ...),
    "event.attributes.gift": change("event.attributes.gift", 0),
    "event.timestamp": change("event.timestamp", "yesterday"),
    "event.subject": change("event.subject", 42),
    "object.type": change("object.type", "teapot"),
    "object.version": change("object.version", 9),
    "object.current.lines[0].quantity": lambda d: change("quantity", 0)(d["object"]["current"]["lines"][0]),
    "object.current.placed_on": change("object.current.placed_on", None),
}


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        *((name, text) for name in ("shipped_at", "due") for text in ("20200101", "1577836800", "1", "5.", "-1")),
        ("shipped_at", "2020-05-04_15:53:23Z"),
        ("shipped_at", "2020-05-04"),
        ("shipped_at", "2020-02-30T00:00:00Z"),
        ("due", "2020-05-04T00:00:00"),
        *(("total", text) for text in (" 5", "5_0", "\u0665", "1.", ".5", "NaN", "Infinity", "")),
    ],
)
def test_text_of_another_form_is_refused(attribute: str, text: str) -> None:
    """A number in a string is no moment and no day, and a decimal has its form; none is read as something else."""
    changed = document(placed())
    changed["event"]["attributes"][attribute] = text
    with pytest.raises(InvalidPayload, match=attribute):
        read(changed)


@pytest.mark.parametrize(
    "text", ["2020-05-04T15:53", "2020-05-04 15:53:23.5", "2020-05-04t15:53:23z", "2020-05-04T15:53:23+0200"]
)
def test_other_forms_of_a_moment_are_read(text: str) -> None:
    """ISO 8601 has more forms than one; all are read as aware moments."""
    changed = document(placed())
    changed["event"]["timestamp"] = text
    assert read(changed).timestamp.tzinfo is not None


@pytest.mark.parametrize(("path", "invalid"), INVALID.items(), ids=INVALID)
def test_an_invalid_event_names_the_place(path: str, invalid: Callable[[dict[str, Any]], None]) -> None:
    """What the schema forbids is an InvalidPayload with the path; null is not absence unless the schema says so."""
    changed = document(placed())
    invalid(changed)
    with pytest.raises(InvalidPayload) as raised:
        read(changed)
    assert [fault.path for fault in raised.value.faults] == [path]


def test_all_faults_are_reported() -> None:
    """One error lists everything that is wrong."""
    changed = document(placed())
    changed["event"]["attributes"] = {"quantity": 0, "currency": "XXX"}
    with pytest.raises(InvalidPayload) as raised:
        read(changed)
    places = {fault.path.rpartition(".")[2] for fault in raised.value.faults}
    assert places == {"item_id", "quantity", "currency", "channel"}


def test_a_timestamp_is_required_on_the_wire() -> None:
    """The constructor's default is no excuse for a payload without timestamp."""
    changed = document(placed())
    del changed["event"]["timestamp"]
    with pytest.raises(InvalidPayload, match="timestamp"):
        read(changed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "malformed_json"),
        ('{"a": 1}', "not_mega"),
        ('{"protocol": "mega", "version": 1}', "invalid_payload"),
        ('{"protocol": "mega", "version": 1, "event": {"name": "other", "timestamp": "2020-01-01"}}', "other_event"),
        (b"\xff", "malformed_json"),
        ('{"protocol":"mega","version":1,"event":{"name":"order.placed","domain":"sales","attributes":' + '{"anything":' * 500 + "1" + "}" * 502, "invalid_payload"),
    ],
)  # fmt: skip
def test_what_is_not_this_event_has_a_reason(text: str | bytes, reason: str) -> None:
    """Every text that is not this event raises a typed error with a stable reason."""
    with pytest.raises((InvalidPayload, CodecError)) as raised:
        OrderPlaced.from_json(text)
    assert raised.value.reason == reason


def test_attributes_may_stand_in_the_event_section() -> None:
    """Keys of event that the protocol does not list are attributes; attributes wins where both are there."""
    changed = document(placed())
    changed["event"].update({**changed["event"].pop("attributes"), "colour": "red"})
    assert read(changed) == read({**changed, "event": {**changed["event"], "attributes": {"colour": "red"}}})
    changed["event"]["attributes"] = {"quantity": 7}
    assert read(changed).quantity == 7


def test_nothing_is_lost_on_the_way_through() -> None:
    """Attributes, sections and nested keys that the schema does not know survive a re-publish, in order of meaning."""
    changed = document(placed())
    changed["event"]["spread"] = 1
    changed["event"]["attributes"]["colour"] = {"deep": [1, None]}
    changed["trace"] = {"id": 2**70}
    changed["object"]["region"] = "eu"
    changed["object"]["current"]["lines"][0]["unit"] = "kg"
    again = document(read(changed))
    changed["event"]["attributes"]["spread"] = changed["event"].pop("spread")
    assert again == changed


@pytest.mark.parametrize("value", [..., None, "x"])
def test_absent_null_and_a_value_stay_what_they_are(value: Any) -> None:
    """A nullable field that is absent is not written as null, nor a null left out, at any depth; built or consumed."""
    changed = document(placed())
    for path in ("event.attributes.coupon", "object.current.note"):
        if value is not ...:
            change(path, value)(changed)
    assert document(read(changed)) == changed
    given = {} if value is ... else {"note": value}
    state = ObjectState(current=Order(lines=[], currency="EUR", **given))
    again = document(placed(object=state, **({} if value is ... else {"coupon": value})))
    assert again["event"]["attributes"].get("coupon", ...) == value
    assert again["object"]["current"].get("note", ...) == value


def test_a_required_null_is_written() -> None:
    """A required attribute that may be null is written as null and read back."""

    class Noted(Event):
        __event_type__: ClassVar[EventType] = EventType("sales", "noted", 1)

        note: str | None

    assert document(Noted(note=None))["event"]["attributes"] == {"note": None}
    assert Noted.from_json(Noted(note=None).to_json()).note is None


def test_a_required_constant_of_a_nested_model_is_not_invented() -> None:
    """The constructor fills it in and writes it; a payload must have it, which also tells the members of a union apart."""
    card, cash = {"kind": "card", "digits": 4}, {"kind": "cash"}
    for way in (card, cash):
        changed = document(Paid(way=Card(digits=4)))
        assert changed["event"]["attributes"]["way"] == card
        changed["event"]["attributes"]["way"] = way
        assert document(read(changed, Paid)) == changed
    for wrong in ({}, {"digits": 4}, {"kind": "other"}):
        changed["event"]["attributes"]["way"] = wrong
        with pytest.raises(InvalidPayload):
            read(changed, Paid)


def test_nested_fields_have_their_wire_names_on_the_wire() -> None:
    """The Python name of a nested field is an unknown key on the wire, and the only one in the constructor."""
    changed = document(placed())
    changed["object"]["current"]["class_"] = "x"
    state = read(changed).object.current
    assert (state.class_, state.model_extra) == (None, {"class_": "x"})
    assert document(placed(object=ObjectState(current=Order(lines=[], currency="EUR", class_="x"))))["object"][
        "current"
    ] == {"lines": [], "currency": "EUR", "class": "x"}
    arguments: dict[str, Any] = {"lines": [], "currency": "EUR", "class": "x"}
    with pytest.raises(ValidationError):
        Order(**arguments)


def test_a_number_that_only_text_can_hold_is_a_typed_error() -> None:
    """1e400 in a part without schema is refused when the event is written, or closed, and equality does not raise."""
    text = placed().to_json().decode().replace('"extra":{', '"trace":{"x":1e400},"extra":{')
    event = OrderPlaced.from_json(text)
    assert event != OrderPlaced.from_json(placed().to_json())
    with pytest.raises(EncodeError):
        event.to_json()
    closed = OrderCancelled(object=ObjectState(id="1")).to_json().decode()
    with pytest.raises(DecodeError):
        OrderCancelled.from_json(closed.replace('"attributes":{', '"attributes":{"x":1e400,'))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_keep_what_the_schema_does_not_know(copied: Callable[[Any], Any]) -> None:
    """Copying and pickling a consumed event keeps its unknown attributes and its value."""
    changed = document(placed())
    changed["event"]["attributes"]["colour"] = "red"
    event = read(changed)
    assert copied(event) == event
    assert copied(event).to_json() == event.to_json()
    assert event != placed(timestamp=event.timestamp)


def test_a_changed_copy_writes_its_changes() -> None:
    """model_copy(update=...) keeps the unknown attributes and writes the new value."""
    changed = document(placed())
    changed["event"]["attributes"]["colour"] = "red"
    again = document(read(changed).model_copy(update={"quantity": 9}))["event"]["attributes"]
    assert (again["quantity"], again["colour"]) == (9, "red")


def test_a_closed_event_refuses_unlisted_attributes() -> None:
    """additionalProperties: false on the attributes holds on the wire, also for keys beside them."""
    event = OrderCancelled(object=ObjectState(id="1"))
    for path in ("event.attributes.colour", "event.colour"):
        changed = document(event)
        change(path, "red")(changed)
        with pytest.raises(InvalidPayload, match=r"event\.attributes\.colour"):
            read(changed, OrderCancelled)


def test_a_required_object_is_required() -> None:
    """An event whose schema requires an object has one."""
    with pytest.raises(ValidationError):
        OrderCancelled(reason="x")  # type: ignore[call-arg]
    changed = document(OrderCancelled(object=ObjectState(id="1")))
    for value in (None, ...):
        broken = copy.deepcopy(changed)
        change("object", value)(broken)
        with pytest.raises(InvalidPayload, match="object"):
            read(broken, OrderCancelled)


def test_payloads_in_both_directions() -> None:
    """An event becomes an untyped payload and comes back from it and from its document."""
    event = placed()
    payload = event.to_payload()
    assert isinstance(payload, MegaPayload)
    assert payload.event.item_id == str(ITEM_ID)
    assert OrderPlaced.from_payload(payload) == event
    assert OrderPlaced.from_payload(payload.to_document()) == event


def test_extra_that_json_cannot_say_is_an_encode_error() -> None:
    """NaN, and values of no JSON type, are refused when the event is written."""
    for value in (float("nan"), float("inf"), object()):
        with pytest.raises(EncodeError):
            placed(extra={"x": value}).to_json()
    assert document(placed(extra={"x": "NaN"}))["extra"] == {"x": "NaN"}


def test_the_base_class_reads_registered_events() -> None:
    """Event.from_json finds the class by identity, imports it only then, and says when no package has it."""
    with pytest.raises(InvalidPayload, match="import its package"):
        EventClass.from_json(OrderCancelled(object=ObjectState(id="1")).to_json())
    register_events("tests", {("sales", "order.placed", 1): "samples:OrderPlaced"})
    assert EventClass.from_json(placed().to_json()).__class__ is OrderPlaced
    assert registered_class(OrderPlaced.__event_type__) is OrderPlaced


def test_an_event_type_is_registered_once() -> None:
    """Two places for one identity are an error, and nothing of the second package is registered."""
    register_events("one", {("d", "twice", 1): "a:A"})
    register_events("one", {("d", "twice", 1): "a:A"})
    with pytest.raises(RegistrationError, match="defined twice"):
        register_events("two", {("d", "other", 1): "a:B", ("d", "twice", 1): "a:A"})
    assert registered_class(OrderPlaced.__event_type__._replace(domain="d", name="other")) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.sampled_from(["event", "object", "extra", "protocol", "version", "trace"]), JSON)
def test_any_section_leads_to_an_event_or_a_typed_error(section: str, value: Any) -> None:
    """Whatever stands in a section, reading gives an event that survives the way through, or a typed error."""
    changed = document(placed())
    changed[section] = value
    try:
        event = read(changed)
    except InvalidPayload:
        return
    assert read(document(event)) == event


@given(JSON)
def test_values_of_extra_and_untyped_attributes_survive(value: Any) -> None:
    """What has no type in the schema comes back as it was sent."""
    event = placed(extra={"value": value}, anything=value)
    back = OrderPlaced.from_json(event.to_json())
    assert back.extra == {"value": value}
    assert back.anything == value


def test_decimals_travel_as_strings() -> None:
    """A decimal keeps its digits, and a JSON number is not one."""
    assert document(placed(total=Decimal("1.50")))["event"]["attributes"]["total"] == "1.50"
    changed = document(placed())
    changed["event"]["attributes"]["total"] = 1.5
    with pytest.raises(InvalidPayload, match="total"):
        read(changed)


SETTLED = Settled(
    how=ByCard(number="5"),
    many=[ByTransfer(kind_="sepa", iban="x"), ByCard(number="2")],
    node=Branch(child=Branch(child=ByCard(number="1"))),
)


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        ('"number":"5"', '"number":5', {"event.attributes.how", "event.attributes.how.number"}),
        ('"iban":"x"', '"iban":7', {"event.attributes.many[0].iban"}),
        (',"iban":"x"', "", {"event.attributes.many[0].iban"}),
        ('"kind":"sepa",', "", {"event.attributes.many[0]"}),
        ('"number":"1"', '"number":1', {"event.attributes.node.child.child.number"}),
        ('"kind":"card","number":"1"', '"kind":"cart"', {"event.attributes.node.child.child"}),
    ],
)
def test_a_constant_leads_to_the_member_of_a_union(before: str, after: str, faults: set[str]) -> None:
    """Only the member that has the tag is blamed, and a path names keys and indexes of the payload, nothing else."""
    text = SETTLED.to_json().decode()
    assert Settled.from_json(text) == SETTLED
    assert before in text
    with pytest.raises(InvalidPayload) as raised:
        Settled.from_json(text.replace(before, after))
    assert {fault.path for fault in raised.value.faults} == faults


def test_types_that_refer_to_each_other_keep_their_names_on_the_wire() -> None:
    """A field whose type is defined later is read and written under its wire name, and null is no value of it."""
    event = Settled(rule=Either(or_=[Negation(not_=Either())], not_=Negation(not_=Either())))
    text = event.to_json().decode()
    assert '"rule":{"or":[{"not":{}}],"not":{"not":{}}}' in text
    assert Settled.from_json(text) == event
    with pytest.raises(InvalidPayload, match=r"event\.attributes\.rule\.not"):
        Settled.from_json(text.replace('"not":{"not":{}}', '"not":null'))
