"""Patterns against generated classes: what the whole schema forbids, types or not, no pattern can ask for."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import re
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import new_class
from typing import Any

import pytest
from hypothesis import find
from jsonschema import Draft202012Validator
from mega_codegen import Report, generate, load, protocol
from mega_typed import EventSubscriber, Fault, ObjectState, PatternError
from mega_typed.match import (
    all_items,
    and_,
    any_item,
    between,
    contains,
    exists,
    gt,
    gte,
    length,
    lt,
    match,
    not_,
    one_of,
    prefix,
    suffix,
)
from mega_typed.sensitive import masked
from mega_typed.testing.strategies import events
from pydantic import ValidationError

from .making import event, imported, package

ATTRIBUTES: dict[str, Any] = {
    "price": {"type": "number", "multipleOf": 0.01, "minimum": 0, "exclusiveMaximum": 10},
    "step": {"type": "integer", "multipleOf": 5, "minimum": 3, "maximum": 1000},
    "ahead": {"type": "string", "pattern": "^(?=a)[a-z]+$", "minLength": 2, "maxLength": 5},
    "code": {"type": "string", "pattern": "^[A-Z]{3}-\\d+$"},
    "blanks": {"type": "string", "pattern": "^\\s+$"},
    "but": {"type": "integer", "not": {"const": 5}},
    "text_but": {"type": "string", "not": {"enum": ["x", "y"]}},
    "fixed": {"const": 7},
    "flag": {"type": "boolean", "not": {"const": False}},
    "set": {"type": "array", "items": {"type": "integer", "minimum": 0, "not": {"const": 3}}, "uniqueItems": True, "maxItems": 3},
    "names": {"type": "object", "propertyNames": {"pattern": "^x"}, "additionalProperties": {"type": "integer", "maximum": 9}},
    "closed": {"type": "object", "properties": {"a": {"type": "string", "not": {"const": "b"}}}, "dependentRequired": {"a": ["b"]}},
    "either": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "array", "maxItems": 1, "uniqueItems": True}]},
    "shared": {"allOf": [{"$ref": "#/$defs/word"}], "not": {"const": "bb"}},
    "loose": {"type": ["string", "integer"], "not": {"const": 1}, "minimum": 0, "minLength": 2},
    "anything": {"not": {"const": "x"}},
    "moment": {"type": "string", "format": "date-time", "minimum": 5, "not": {"const": "x"}},
    "lengths": {"type": ["string", "array"], "minLength": 2.0, "maxItems": 1, "maxProperties": 1, "not": {"const": "xx"}},
    "large": {"type": "number", "minimum": 9007199254740993, "not": {"const": 0}},
    "ratio": {"type": "number", "enum": [0.5, 2]},
    "vast": {"type": "number", "enum": [9007199254740993, 10.5]},
    "ratios": {"type": "array", "items": {"type": "number", "enum": [0.5, 2.5]}},
    "nothing_said": {"type": "object", "allOf": [{"properties": {"a": True}}], "maxProperties": 3, "dependentRequired": {"a": ["b"]}},
}  # fmt: skip
SCHEMA = {**event(ATTRIBUTES, domain="carried"), "$defs": {"word": {"type": "string", "minLength": 2}}}
SCHEMA["properties"]["event"]["properties"]["subject"] = {"type": "string", "pattern": "^[0-9]+$"}
SCALARS = [
    0,
    1,
    3,
    5,
    7,
    10,
    0.01,
    0.005,
    9.99,
    10.5,
    True,
    False,
    "",
    "x",
    "ab",
    "ba",
    "bb",
    "abcdef",
    "ABC-12",
    "ABC-x",
    " ",
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The generated subscriber."""
    imported(package({"shop/thing.schema.json": SCHEMA}), tmp_path_factory.mktemp("generated"), "carried_events")
    return importlib.import_module("carried_events.carried").ThingHappenedSubscriber


def stateful_schema(domain: str, required: list[str]) -> dict[str, Any]:
    """An event that requires parts of itself and of its object."""
    mixed = {"anyOf": [{"type": "string", "format": "decimal"}, {"type": "number", "multipleOf": 2}]}
    schema: dict[str, Any] = {**event({"mixed": mixed}, domain=domain), "required": ["object"]}
    section = schema["properties"]["event"]
    section["required"].append("subject")
    section["properties"] |= {"subject": {"type": "string", "minLength": 1}, "publisher": {"enum": ["a"]}}
    schema["properties"]["object"] = {
        "required": required,
        "properties": {
            "id": {"type": "string", "pattern": "^o-[12]$"},
            "type": {"enum": ["x", "y"]},
            "version": {"enum": [2, 3]},
            "current": {"type": "object", "properties": {"x": {"type": "integer", "maximum": 9}}},
        },
    }
    return schema


@pytest.fixture(scope="module")
def stateful(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The generated subscriber of an event that requires parts of its object."""
    schema = stateful_schema("stateful", ["id", "current"])
    imported(package({"shop/thing.schema.json": schema}), tmp_path_factory.mktemp("generated"), "stateful_events")
    return importlib.import_module("stateful_events.stateful").ThingHappenedSubscriber


def refused(base: Any, **patterns: Any) -> bool:
    """Whether a subscriber with these patterns is refused because nothing can match it."""
    faults: tuple[Fault, ...] = ()
    try:
        new_class("Subscriber", (base,), exec_body=lambda body: body.update(patterns))
    except PatternError as error:
        faults = error.faults
    assert all("can never match" in fault.message for fault in faults), faults
    return bool(faults)


IMPOSSIBLE: list[dict[str, Any]] = [
    {"price": 0.005},
    {"price": and_(gt(0.01), lt(0.02))},
    {"price": gte(10.0)},
    {"step": 4},
    {"step": and_(gt(5), lt(10))},
    {"ahead": "ba"},
    {"ahead": length(6)},
    {"code": match("a")},
    {"code": suffix("x")},
    {"code": match(r"ABC-\u0663")},
    {"but": 5},
    {"text_but": "x"},
    {"flag": False},
    {"set": length(4)},
    {"set": contains(3)},
    {"set": any_item(lt(0))},
    {"set": and_(contains(1), contains(2), length(1))},
    {"names": {"y": 1}},
    {"names": {"x": 10}},
    {"closed": {"a": "b"}},
    {"shared": "bb"},
    {"shared": "b"},
    {"loose": 1},
    {"loose": "a"},
    {"anything": "x"},
    {"lengths": "a"},
    {"lengths": ["a", "b"]},
    {"large": 5.0},
    {"ratio": not_(one_of(0.5, 2.0))},
    {"ratio": between(0.6, 1.9)},
    {"ratios": any_item(gt(2.5))},
]
POSSIBLE: list[dict[str, Any]] = [
    {"price": 0.05},
    {"price": and_(gt(0.01), lt(0.04))},
    {"step": and_(gt(5), lt(11))},
    {"ahead": prefix("a")},
    {"code": match(r"ABC-\d")},
    {"blanks": match("\ufeff")},
    {"but": gt(4)},
    {"set": and_(contains(1), contains(2), all_items(gt(0)))},
    {"names": {"x": 9}},
    {"either": length(2)},
    {"loose": "ab"},
    {"anything": "y"},
    {"moment": gt(datetime(2020, 1, 1, tzinfo=UTC))},
    {"lengths": length(5)},
    {"lengths": [1]},
    {"large": 9007199254740992.0},
    {"ratio": not_(0.5)},
    {"vast": not_(10.5)},
    {"ratios": all_items(not_(0.5))},
    {"nothing_said": {"a": "x"}},
]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [*((each, True) for each in IMPOSSIBLE), *((each, False) for each in POSSIBLE)],
    ids=repr,
)
def test_what_the_schema_forbids_no_pattern_can_ask_for(base: Any, attributes: dict[str, Any], expected: bool) -> None:
    """Keywords that types leave to the carried check count as well, and only where nothing can match."""
    assert refused(base, attributes=attributes) == expected


def test_the_envelope_counts_as_well(base: Any) -> None:
    """What an event's schema says of the subject is known."""
    assert refused(base, subject="x")
    assert not refused(base, subject="5")


@pytest.mark.filterwarnings("ignore::mega_typed.PatternWarning")
@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ({"subject": None}, True),
        ({"publisher": None}, False),
        ({"publisher": "b"}, True),
        ({"object_id": "o-3"}, True),
        ({"object_id": "o-1"}, False),
        ({"object_id": exists(False)}, True),
        ({"object_current": None}, True),
        ({"object_current": {"x": 10}}, True),
        ({"object_current": {"x": 9}}, False),
        ({"object_previous": None}, False),
        ({"object_type": "z"}, True),
        ({"object_type": "x"}, False),
        ({"object_type": None}, False),
        ({"object_version": 4}, True),
        ({"object_version": 3}, False),
        ({"object_version": 1}, False),
        ({"object_version": None}, True),
        ({"attributes": {"mixed": 1.5}}, False),  # of the text "1.5"
    ],
    ids=repr,
)
def test_parts_that_the_schema_requires_are_never_absent(
    stateful: Any, patterns: dict[str, Any], expected: bool
) -> None:
    """What is required of an event and its object, and what it may be, counts; a version that is not there is 1."""
    assert refused(stateful, **patterns) is expected


def test_a_version_that_is_required_is_not_made_up(tmp_path: Path) -> None:
    """Where the schema requires a version of the object, 1 does not stand for one that is not there."""
    schema = stateful_schema("versioned", ["id", "current", "version"])
    imported(package({"shop/thing.schema.json": schema}), tmp_path, "versioned_events")
    versioned = importlib.import_module("versioned_events.versioned").ThingHappenedSubscriber
    assert refused(versioned, object_version=1)
    assert not refused(versioned, object_version=2)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_named_value_is_refused_exactly_if_the_schema_rejects_it(base: Any, name: str) -> None:
    """Of values that a field's type admits, a pattern may name those that the schema admits."""
    document = {"$defs": SCHEMA["$defs"], **ATTRIBUTES[name]}
    for value in SCALARS:
        try:
            never = refused(base, attributes={name: value})
        except AssertionError:
            continue  # of another type
        assert never != Draft202012Validator(document).is_valid(value), value


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The golden package of events whose objects have states of two types."""
    schemas = Path(__file__).parent / "golden" / "states" / "schemas"
    imported(generate(load(schemas, Report()), protocol()), tmp_path_factory.mktemp("generated"), "desk_events")
    return importlib.import_module("desk_events.desk")


def test_states_of_two_types_are_read_and_written(desk: Any) -> None:
    """Each state is of its own type, on the way in and out, and in a pickle."""
    moved = desk.TicketMoved(object=ObjectState(id="t", current=desk.Ticket(state="open"), previous={"a": [1]}))
    again = desk.TicketMoved.from_json(moved.to_json())
    assert again == moved == pickle.loads(pickle.dumps(again))
    assert type(again.object.current) is desk.Ticket
    assert again.object.previous == {"a": [1]}
    merged = desk.TicketMerged.from_json(
        desk.TicketMerged(object=ObjectState(previous={"tickets": [{"state": "closed"}]})).to_json()
    )
    assert merged.object.previous.tickets == [desk.Ticket(state="closed")]
    with pytest.raises(ValidationError):
        desk.TicketDeleted(object=ObjectState(current={"state": "open"}))


def test_states_of_two_types_are_shown_without_their_secrets(desk: Any) -> None:
    """Each state hides what its own type calls sensitive: in a representation, in a document, in a copy."""
    ticket = desk.Ticket(state="open", note="hush")
    merged = desk.TicketMerged(object=ObjectState(current=ticket, previous={"tickets": [ticket]}))
    document = json.loads(merged.to_json())
    assert json.dumps(document).count("hush") == 2
    copied = copy.deepcopy(merged)
    assert copied == merged
    for shown in (repr(copied), json.dumps(masked(desk.TicketMerged, document))):
        assert "hush" not in shown
        assert shown.count("***") == 2


@pytest.mark.parametrize("name", ["TicketMoved", "TicketMerged", "TicketDeleted"])
def test_states_of_two_types_are_drawn(desk: Any, name: str) -> None:
    """The strategies of the testing kit make both states, each of its type."""
    event_class = getattr(desk, name)
    previous = {"TicketMoved": dict, "TicketMerged": desk.TicketMergedPrevious, "TicketDeleted": desk.Ticket}[name]
    drawn = find(events(event_class), lambda made: made.object is not None and made.object.previous is not None)
    assert type(drawn.object.previous) is previous


@pytest.mark.parametrize(
    ("event_class", "patterns", "fault"),
    [
        ("TicketMoved", {"object_current": {"stat": "open"}}, "did you mean `state`?"),
        ("TicketMoved", {"object_current": {"state": "lost"}}, "expected 'open' or 'closed'"),
        ("TicketMoved", {"object_previous": {"anything": gt(5)}}, ""),
        ("TicketMerged", {"object_previous": {"tickets": any_item({"state": "lost"})}}, "expected 'open' or 'closed'"),
        ("TicketMerged", {"object_previous": {"tickets": any_item({"state": "open"})}}, ""),
        ("TicketDeleted", {"object_current": {"state": "open"}}, "can never match"),
        ("TicketDeleted", {"object_previous": {"state": "open"}}, ""),
    ],
)
def test_patterns_know_each_state(desk: Any, event_class: str, patterns: dict[str, Any], fault: str) -> None:
    """A pattern on the current state is held against its type, one on the state before against that one's."""
    base: Any = EventSubscriber[getattr(desk, event_class)]  # type: ignore[misc]
    with pytest.raises(PatternError, match=re.escape(fault)) if fault else nullcontext():
        new_class("Subscriber", (base,), exec_body=lambda body: body.update(patterns))


def test_an_untyped_subscriber_knows_no_schema() -> None:
    """Without an event class nothing is held against a pattern but itself."""
    assert not refused(EventSubscriber, attributes={"fixed": 8}, subject="x")
