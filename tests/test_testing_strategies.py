"""Strategies: what they draw is valid, or is not by one change; for every form that a schema can take."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import new_class
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from mega_typed import ConfigurationError, Dispatcher, Event, Reading, SqsPublisher
from mega_typed.registry import registered_class, registered_events
from mega_typed.schema_check import PATTERNS, compiled
from mega_typed.subscribers import EventSubscriber
from mega_typed.testing import InMemoryTransport, deliver, events, near_valid, payloads, register_strategies
from mega_typed.testing.drawing import documents
from pydantic import ValidationError

import generated
from generated.shopping_cart import ItemAdded

from .codegen.making import event, imported, package
from .codegen.test_checks import SCHEMAS
from .samples import OrderCancelled, OrderPlaced, Paid, Settled

assert generated.__name__
CLASSES: list[type[Event]] = [OrderPlaced, OrderCancelled, Paid, Settled]
CLASSES += [
    cls for cls in map(registered_class, registered_events()) if cls is not None and cls.__module__[:3] == "gen"
]

quick = settings(
    max_examples=2000, database=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)  # what is found is not made smaller
few = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> dict[str, type[Event]]:
    """A class for each schema that types cannot say."""
    folder, found = tmp_path_factory.mktemp("strategies"), dict[str, type[Event]]()
    for number, (case, schema) in enumerate(SCHEMAS.items()):
        definition = event({"x": schema}, name=f"drawn.{number}", domain="drawn", required=("x",))
        definition["$defs"] = {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}
        name = f"drawn_{number}"
        imported(package({"a.schema.json": definition}), folder, name)
        module = importlib.import_module(f"{name}.drawn")
        values = [getattr(module, each) for each in module.__all__]
        found[case] = next(each for each in values if hasattr(each, "__event_type__"))
    return found


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_is_drawn_is_valid(cls: type[Event]) -> None:
    """Every event survives its own wire, in both encodings, and is accepted by a publisher."""
    transport = InMemoryTransport()
    publisher = SqsPublisher(transport.queue(), client=transport.sqs)

    @few
    @given(events(cls), st.booleans())
    def check(drawn: Event, binary_encoding: bool) -> None:
        assert type(drawn) is cls
        assert cls.from_json(drawn.to_json()) == drawn
        publisher.publish(drawn, binary_encoding)

    check()


@pytest.mark.parametrize("case", SCHEMAS)
def test_what_a_carried_schema_says_is_drawn(case: str, carrying: dict[str, type[Event]]) -> None:
    """Classes that carry their schema are drawn, valid and nearly valid, without being searched for in vain."""
    cls = carrying[case]
    assert cls.__schema__ is not None

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(events(cls), near_valid(cls))
    def check(drawn: Event, broken: dict[str, Any]) -> None:
        assert type(drawn) is cls
        with pytest.raises(ValueError, match="valid"):
            cls.from_json(json.dumps(broken))

    check()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_is_nearly_valid_is_reported_as_invalid(cls: type[Event]) -> None:
    """A consumer of the event is asked, and the outcome is ``INVALID``."""
    body = {"process": lambda self, event: None}
    base = EventSubscriber[cls]  # type: ignore[valid-type]
    dispatcher = Dispatcher()
    dispatcher.register(new_class("Asking", (base,), exec_body=lambda namespace: namespace.update(body)))

    @few
    @given(near_valid(cls))
    def check(document: dict[str, Any]) -> None:
        assert deliver(dispatcher, document).reading is Reading.INVALID

    check()


NUMBERS: dict[str, Any] = {
    "above": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "below": {"type": "number", "minimum": 0.5, "exclusiveMaximum": 0.6},
    "whole": {"type": "integer", "exclusiveMinimum": 2, "exclusiveMaximum": 9, "multipleOf": 4},
    "steps": {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.05},
    "large": {"type": "integer", "minimum": 2**70},
    "text": {"type": "string", "minLength": 3, "maxLength": 4, "pattern": "^[a-z]+$"},
    "list": {"type": "array", "minItems": 2, "maxItems": 3, "uniqueItems": True, "items": {"type": "boolean"}},
    "object": {"type": "object", "minProperties": 2, "maxProperties": 3, "additionalProperties": {"type": "integer"}},
    "moments": {"type": "array", "items": {"anyOf": [{"type": "string", "format": each} for each in PATTERNS]}},
}


@pytest.mark.parametrize("case", [case for case in (NUMBERS | SCHEMAS) if case != "a list of lists"])
def test_documents_are_valid_before_a_class_judges(case: str) -> None:
    """What is drawn from a schema is accepted by a validator, keyword by keyword: nothing is left to luck."""
    schema = (NUMBERS | SCHEMAS)[case]
    validator = compiled(schema)

    @few
    @given(documents(schema))
    def check(document: Any) -> None:
        assert validator.is_valid(document), document

    check()


def test_what_is_nearly_valid_is_addressed() -> None:
    """No change takes the identity away: another consumer would be asked, or none."""
    for lost in (lambda d: not isinstance(d.get("event"), dict), lambda d: d["event"].get("name") != "item.added"):
        with pytest.raises(NoSuchExample):
            find(near_valid(ItemAdded), lost, settings=settings(quick, max_examples=500))


@few
@given(payloads(ItemAdded))
def test_payloads_are_documents(document: dict[str, Any]) -> None:
    """They are what the class reads."""
    assert ItemAdded.from_payload(document).quantity >= 1


@pytest.mark.parametrize(
    "what",
    [
        lambda event: event.price is None,
        lambda event: event.price is not None and event.price < 0,
        lambda event: event.quantity > 1000,
        lambda event: event.subject,
        lambda event: event.object is not None and event.object.current and event.object.current.items,
        lambda event: event.extra,
        lambda event: event.timestamp.utcoffset().total_seconds(),
    ],
)
def test_everything_optional_is_drawn(what: Any) -> None:
    """Absent and present parts, limits, nested models, other time zones: nothing is left out."""
    found = find(events(ItemAdded), what, settings=quick)
    assert what(found)


def test_fields_can_be_fixed() -> None:
    """By a value or a strategy, under their Python names; what the class refuses is refused."""

    @few
    @given(events(ItemAdded, quantity=st.integers(2, 3), subject="42"))
    def check(drawn: ItemAdded) -> None:
        assert (drawn.quantity in (2, 3), drawn.subject) == (True, "42")

    check()
    with pytest.raises(ConfigurationError, match=r"no field 'quantiy'; it has: .*quantity"):
        events(ItemAdded, quantiy=1)
    with pytest.raises(ConfigurationError, match="generated event class"):
        events(Event)
    with pytest.raises(ValidationError):
        find(events(ItemAdded, quantity=0), lambda event: True, settings=quick)


def test_from_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once registered, ``st.from_type`` and arguments by annotation draw events; of all packages without arguments."""
    register_strategies(ItemAdded)

    @few
    @given(...)
    def check(drawn: ItemAdded) -> None:
        assert isinstance(drawn, ItemAdded)

    check()
    known = [cls.__event_type__ for cls in CLASSES]  # other tests register what cannot be imported
    monkeypatch.setattr("mega_typed.testing.strategies.registered_events", lambda: known)
    register_strategies()
    assert find(st.from_type(CLASSES[-1]), lambda event: True, settings=quick)


def test_without_hypothesis() -> None:
    """The rest of the kit works, and a strategy names the line that installs what is missing."""
    script = """
import sys
sys.modules["hypothesis"] = None
from mega_typed.testing import InMemoryTransport, assert_published, deliver
InMemoryTransport().queue()
try:
    from mega_typed.testing import events
except ValueError as error:
    print(error)
assert "boto3" not in sys.modules and "botocore" not in sys.modules
"""
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=root, capture_output=True, text=True)
    assert done.stdout == "strategies need hypothesis: pip install 'mega-typed[testing]'\n", done.stderr
