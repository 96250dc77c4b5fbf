"""MEGA payloads without a schema: what counts as one, its identity, reading, writing, building."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.codecs import decode, encode_document
from mega_typed.errors import CodecError, ConfigurationError, InvalidPayload
from mega_typed.payload import (
    EventSection,
    EventType,
    MegaPayload,
    ObjectSection,
    PayloadBuilder,
    identity_of,
    is_mega,
)

NOON = datetime(2020, 5, 4, 12, 0, tzinfo=UTC)
STAMP = "2020-05-04T12:00:00Z"
FULL: dict[str, Any] = {
    "protocol": "mega",
    "version": 1,
    "event": {
        "name": "item.added",
        "timestamp": STAMP,
        "version": 2,
        "domain": "shopping_cart",
        "subject": "987650",
        "publisher": "shop",
        "attributes": {"item_id": "a", "quantity": 5},
    },
    "object": {
        "current": {"items": [1]},
        "previous": {"items": []},
        "id": "18a3",
        "type": "cart",
        "version": 3,
        "etag": "x",
    },
    "extra": {"channel": "web"},
    "trace": None,
}
ADDED = EventType("shopping_cart", "item.added", 2)


def changed(path: str, value: object) -> dict[str, Any]:
    """The full document with one part replaced, or removed by ``...``."""
    document = copy.deepcopy(FULL)
    *parents, last = path.split(".")
    part = document
    for parent in parents:
        part = part[parent]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return document


MEGA: list[tuple[object, object]] = [("mega", 1), ("mega", 1.0), ("mega", True), ("mega", "1")]
NOT_MEGA: list[tuple[object, object]] = [
    ("mega", 2),
    ("mega", None),
    ("mega", "1.0"),
    ("mega", [1]),
    ("MEGA", 1),
    (None, 1),
    (["mega"], 1),
    ({}, {}),
]


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize(("protocol", "version"), MEGA + NOT_MEGA)
def test_what_is_mega(protocol: object, version: object, binary: bool) -> None:
    """Protocol "mega" and a version that equals 1 (or is "1") make a MEGA payload; anything else is ordinary data."""
    document = FULL | {"protocol": protocol, "version": version}
    expected = (protocol, version) in MEGA
    assert is_mega(document) is expected
    content = decode(encode_document(document, binary_encoding=binary).body)
    assert (identity_of(content) == ADDED) is expected


DATA: list[dict[str, Any]] = [
    {},
    {"event": "order.created", "object": "page", "extra": 5},
    {"event": {"name": 5}},
    {"event": {"name": "", "version": "x", "attributes": []}, "protocol": "http"},
    {"version": 1, "event": FULL["event"]},
]


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize("document", DATA, ids=range(len(DATA)))
def test_ordinary_data(document: dict[str, Any], binary: bool) -> None:
    """A document that does not say MEGA has no identity and no faults, whatever its keys resemble."""
    assert identity_of(decode(encode_document(document, binary_encoding=binary).body)) is None


TOLERATED = [
    ("event.version", ..., EventType("shopping_cart", "item.added", 1)),
    ("event.version", None, EventType("shopping_cart", "item.added", 1)),
    ("event.version", 2.0, ADDED),
    ("event.domain", ..., EventType(None, "item.added", 2)),
    ("event.domain", None, EventType(None, "item.added", 2)),
    ("event.name", "user:login:web", EventType("shopping_cart", "user:login:web", 2)),
    ("event.attributes", ..., ADDED),
    ("event.attributes", None, ADDED),
    ("object", ..., ADDED),
    ("object", None, ADDED),
    ("object.current", None, ADDED),
    ("object.version", None, ADDED),
    ("object.version", 3.0, ADDED),
    ("extra", ..., ADDED),
    ("extra", None, ADDED),
    ("event.timestamp", "2020-05-04T12:00:00.123", ADDED),
    ("event.timestamp", "2020-05-04T12:00:00.123456789+05:30", ADDED),
    ("event.subject", None, ADDED),
    ("event.unheard", [1], ADDED),
]


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize(("path", "value", "expected"), TOLERATED, ids=range(len(TOLERATED)))
def test_tolerated(path: str, value: object, expected: EventType, binary: bool) -> None:
    """Absent and null optional parts, unknown keys and integral floats are read, at the first look as in full."""
    document = changed(path, value)
    assert identity_of(decode(encode_document(document, binary_encoding=binary).body)) == expected
    assert MegaPayload.from_document(document).event_type == expected


SEEN_AT_A_GLANCE: list[tuple[str, object]] = [
    ("event", ...),
    ("event", None),
    ("event", "item.added"),
    ("event", []),
    ("event.name", ...),
    ("event.name", None),
    ("event.name", ""),
    ("event.name", 5),
    ("event.version", "2"),
    ("event.version", True),
    ("event.version", 1.5),
    ("event.version", [1]),
    ("event.domain", 5),
    ("event.attributes", [1]),
    ("event.attributes", "x"),
]
SEEN_ON_READING: list[tuple[str, object]] = [
    ("object", [1]),
    ("object", "cart"),
    ("extra", 5),
    ("extra", False),
    ("event.timestamp", ...),
    ("event.timestamp", None),
    ("event.timestamp", "yesterday"),
    ("event.timestamp", 1588593600),
    ("event.subject", 987650),
    ("event.publisher", 5),
    ("object.current", [1]),
    ("object.previous", "x"),
    ("object.id", 5),
    ("object.type", {}),
    ("object.version", "3"),
]


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize(("path", "value"), SEEN_AT_A_GLANCE, ids=range(len(SEEN_AT_A_GLANCE)))
def test_unidentifiable(path: str, value: object, binary: bool) -> None:
    """What says MEGA and has no identity, or a section that is no object, is invalid at the first look, by its path."""
    with pytest.raises(InvalidPayload) as caught:
        identity_of(decode(encode_document(changed(path, value), binary_encoding=binary).body))
    assert any(fault.path.startswith(path) for fault in caught.value.faults)


@pytest.mark.parametrize(("path", "value"), SEEN_AT_A_GLANCE + SEEN_ON_READING)
def test_faults_are_named(path: str, value: object) -> None:
    """Reading a payload names each part that is not what the protocol says."""
    with pytest.raises(InvalidPayload) as caught:
        MegaPayload.from_document(changed(path, value))
    assert any(fault.path.startswith(path) for fault in caught.value.faults)


def test_all_faults_at_once() -> None:
    """One error lists every fault of a payload."""
    event = {"name": 5, "timestamp": "x", "domain": 1, "attributes": 2}
    with pytest.raises(InvalidPayload) as caught:
        MegaPayload.from_document({"protocol": "mega", "version": 1, "event": event, "object": {"id": 1}, "extra": 1})
    assert sorted(fault.path for fault in caught.value.faults) == [
        "event.attributes",
        "event.domain",
        "event.name",
        "event.timestamp",
        "extra",
        "object.id",
    ]


def test_not_mega_is_said() -> None:
    """Reading an ordinary document as MEGA is an error of its own reason."""
    with pytest.raises(InvalidPayload) as caught:
        MegaPayload.from_document({"event": FULL["event"]})
    assert caught.value.reason == "not_mega"


BROKEN = [
    ('{"protocol":"mega","version":1,"event":{"name":"a"}', "malformed_json"),
    ('{"protocol":"mega","version":1,"event":{"name":"a"}}x', "malformed_json"),
    ('{"protocol":"mega","version":1,"event":{"name":"a"},"extra":{"a":NaN}}', "malformed_json"),
    ('{"protocol":"mega","version":1,"event":{"name":"a"},"extra":{"a":"\ud800"}}', "malformed_json"),
    ('{"protocol":1e999}', "number_out_of_range"),
    ('{"extra":' + '{"a":' * 100_000, "too_deep"),
]


@pytest.mark.parametrize(("body", "reason"), BROKEN, ids=range(len(BROKEN)))
def test_malformed_text(body: str, reason: str) -> None:
    """The look at the identity checks the syntax of the whole text and reports it as the codec does."""
    with pytest.raises(CodecError) as caught:
        identity_of(decode(body, "application/json"))
    assert caught.value.reason == reason


def test_identity_does_not_parse() -> None:
    """The identity is found without building the document: a number that no float can hold does not disturb it."""
    body = '{"protocol":"mega","version":1,"event":{"name":"a","attributes":{"n":1e999}}}'
    assert identity_of(decode(body)) == EventType(None, "a", 1)


def test_event_types() -> None:
    """An event type is a value: readable, hashable, comparable."""
    assert str(ADDED) == "shopping_cart item.added v2"
    assert str(EventType(None, "user.created")) == "user.created v1"
    assert {EventType("a", "b"): 1}[EventType(domain="a", name="b", version=1)] == 1


def test_nothing_is_lost() -> None:
    """A full payload with unknown keys comes back as the same document."""
    assert MegaPayload.from_document(FULL).to_document() == FULL


def test_parts() -> None:
    """Every part of a payload has its name."""
    payload = MegaPayload.from_document(FULL)
    assert payload == MegaPayload(
        event=EventSection(
            name="item.added",
            timestamp=NOON,
            version=2,
            domain="shopping_cart",
            subject="987650",
            publisher="shop",
            attributes={"item_id": "a", "quantity": 5},
        ),
        object=ObjectSection(
            current={"items": [1]}, previous={"items": []}, id="18a3", type="cart", version=3, unknown={"etag": "x"}
        ),
        extra={"channel": "web"},
        unknown={"trace": None},
    )
    assert (payload.protocol, payload.version) == ("mega", 1)
    assert "item.added" in repr(payload)
    assert payload != MegaPayload.from_document(changed("event.attributes.quantity", 6))


def test_smallest() -> None:
    """Keys of the event that the protocol does not list are attributes; the writer leaves out what is absent."""
    event = {"name": "user.created", "timestamp": "2020-05-04T15:53:27.823", "username": "john.doe", "age": None}
    payload = MegaPayload.from_document({"protocol": "mega", "version": 1, "event": event})
    assert payload.event.attributes == {"username": "john.doe", "age": None}
    assert payload.event.username == "john.doe"
    assert payload.to_document() == {
        "protocol": "mega",
        "version": 1,
        "event": {
            "name": "user.created",
            "timestamp": "2020-05-04T15:53:27.823000Z",
            "version": 1,
            "attributes": {"username": "john.doe", "age": None},
        },
    }


def test_attributes_win() -> None:
    """Where a key stands beside and inside ``attributes``, the inner one counts."""
    document = changed("event.quantity", 6)
    assert MegaPayload.from_document(document).event.quantity == 5


def test_attribute_access() -> None:
    """Attributes read like fields; a field wins over an attribute of its name; a wrong name lists the right ones."""
    section = EventSection("a", NOON, attributes={"name": "inner", "b": 1})
    assert (section.b, section.name, section.attributes["name"]) == (1, "a", "inner")
    with pytest.raises(AttributeError, match=r"no attribute 'c'; it has: b, name"):
        _ = section.c


def test_payloads_can_be_copied() -> None:
    """Payloads survive copy, deepcopy and pickle, attribute access notwithstanding."""
    payload = MegaPayload.from_document(FULL)
    assert copy.copy(payload) == copy.deepcopy(payload) == pickle.loads(pickle.dumps(payload)) == payload
    assert not hasattr(EventSection.__new__(EventSection), "item_id")


TIMESTAMPS: list[tuple[object, datetime]] = [
    (STAMP, NOON),
    ("2020-05-04T12:00:00", NOON),
    ("2020-05-04 12:00:00+00:00", NOON),
    ("2020-05-04T14:00:00+02:00", NOON),
    (NOON, NOON),
    (NOON.replace(tzinfo=None), NOON),
    (NOON.astimezone(timezone(timedelta(hours=2))), NOON),
]


@pytest.mark.parametrize(("value", "expected"), TIMESTAMPS)
def test_timestamps(value: object, expected: datetime) -> None:
    """A timestamp is read from ISO-8601 or a native date, and is always aware."""
    moment = MegaPayload.from_document(changed("event.timestamp", value)).event.timestamp
    assert (moment, moment.utcoffset() is not None) == (expected, True)


def test_builder() -> None:
    """The builder makes the payload that its calls describe; numbers become the strings that keys are."""
    payload = (
        PayloadBuilder()
        .with_event(
            name="item.added",
            domain="shopping_cart",
            version=2,
            timestamp=STAMP,
            subject=987650,
            publisher="shop",
            attributes={"item_id": "b", "name": "inner"},
            item_id="a",
        )
        .with_object({"items": [1]}, type="cart", id=UUID(int=1), version=3, previous={})
        .with_extra(a=1, b=1)
        .with_extra(b=2)
        .build()
    )
    assert payload == MegaPayload(
        event=EventSection("item.added", NOON, 2, "shopping_cart", "987650", "shop", {"item_id": "a", "name": "inner"}),
        object=ObjectSection({"items": [1]}, {}, str(UUID(int=1)), "cart", 3),
        extra={"a": 1, "b": 2},
    )


def test_builder_defaults() -> None:
    """The name is enough; the time is now, in UTC."""
    before = datetime.now(UTC)
    payload = PayloadBuilder().with_event("a").build()
    assert before <= payload.event.timestamp <= datetime.now(UTC)
    assert (payload.event_type, payload.object, payload.extra) == (EventType(None, "a", 1), None, {})


def test_built_payloads_are_separate() -> None:
    """What a builder has built does not change when the builder goes on."""
    builder = PayloadBuilder().with_event("a").with_extra(a=1)
    first = builder.build()
    second = builder.with_extra(b=2).build()
    assert (first.extra, second.extra) == ({"a": 1}, {"a": 1, "b": 2})


WRONG_ARGUMENTS: list[dict[str, Any]] = [
    {"name": ""},
    {"name": None},
    {"name": 5},
    {"name": "a", "version": "2"},
    {"name": "a", "version": True},
    {"name": "a", "timestamp": "yesterday"},
    {"name": "a", "timestamp": 5},
]


@pytest.mark.parametrize("arguments", WRONG_ARGUMENTS, ids=repr)
def test_builder_refuses(arguments: dict[str, Any]) -> None:
    """An event without a name, or with a version or timestamp that is none, is an error where it is given."""
    with pytest.raises(ConfigurationError, match=r"event\."):
        PayloadBuilder().with_event(**arguments)


def test_builder_refuses_objects() -> None:
    """A state that is no mapping is an error where it is given; so is building without an event."""
    wrong: Any = [1]
    with pytest.raises(ConfigurationError, match=r"object\.current"):
        PayloadBuilder().with_object(wrong)
    with pytest.raises(ConfigurationError, match="with_event"):
        PayloadBuilder().with_extra(a=1).build()


LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([1.0, 1.5, "", "a", "mega", STAMP])
KEYS = st.sampled_from(
    [
        "protocol",
        "version",
        "event",
        "object",
        "extra",
        "name",
        "timestamp",
        "domain",
        "attributes",
        "id",
        "current",
        "x",
    ]
)
ODD = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=16
)


def saying_mega(event: object, rest: dict[str, Any]) -> dict[str, Any]:
    return rest | {"event": event, "protocol": "mega", "version": 1}


SAYING_MEGA = st.builds(
    saying_mega,
    ODD | st.dictionaries(KEYS, ODD).map(lambda event: {"name": "a", "timestamp": STAMP} | event),
    st.dictionaries(KEYS, ODD, max_size=4),
)


@given(st.dictionaries(KEYS, ODD, max_size=6) | SAYING_MEGA)
def test_near_payloads(document: dict[str, Any]) -> None:
    """JSON and BSON agree on the identity; what reads has that identity; what is written reads back equal."""
    identities: list[object] = []
    for binary in (False, True):
        try:
            identities.append(identity_of(decode(encode_document(document, binary_encoding=binary).body)))
        except InvalidPayload as error:
            identities.append(sorted(fault.path for fault in error.faults))
    assert identities[0] == identities[1]
    try:
        payload = MegaPayload.from_document(document)
    except InvalidPayload:
        return
    assert payload.event_type == identities[0]
    written = json.loads(encode_document(payload.to_document()).body)
    assert MegaPayload.from_document(written) == payload
