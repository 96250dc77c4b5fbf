"""What can be said of subscribers without a message: explanations, and a report on all of them together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import new_class
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import DataSubscriber, Dispatcher, EventSubscriber, MegaPayload, MessageSubscriber, Record, explain
from mega_typed.cli import main
from mega_typed.explanation import explain_pattern
from mega_typed.inspection import inspect_subscribers
from mega_typed.match import all_items, and_, any_, any_item, gt, gte, lt, match, matches, not_, one_of, or_, prefix
from mega_typed.payload import EventType

from .samples import OrderCancelled, OrderPlaced, placed
from .test_possible import PATTERNS

pytestmark = pytest.mark.filterwarnings("ignore::mega_typed.PatternWarning")


def of(base: Any, called: str = "Asking", /, **patterns: Any) -> Any:
    """A subscriber class with patterns."""
    body = {"__module__": __name__, "process": lambda self, payload: None, **patterns}
    return new_class(called, (base,), exec_body=lambda namespace: namespace.update(body))


# --- explanations -----------------------------------------------------------------------------------------------------

PATTERN: Any = {
    "a": and_(gt(5), not_(gt(10))),
    "b": or_("x", prefix("y")),
    "c": any_item(gt(3)),
    "d": {"e": all_items(lt(2))},
    "f": lambda value: value / 0,
}


def test_an_explanation_names_every_part() -> None:
    """Each part says what was expected, what was there and whether it matched; elements and fields have their path."""
    found = explain(PATTERN, {"a": 12, "b": "yes", "c": [1, 5], "f": 1})
    assert str(found).splitlines() == [
        "no  fields",
        "  no  a: and of",
        "    yes a: gt(5), found 12",
        "    no  a: not of",
        "      yes a: gt(10), found 12",
        "  yes b: or of",
        "    no  b: 'x', found 'yes'",
        "    yes b: prefix('y'), found 'yes'",
        "  yes c: any_item of",
        "    no  c[0]: gt(3), found 1",
        "    yes c[1]: gt(3), found 5",
        "  no  d: {'e': all_items(lt(2))}, found nothing",
        "  no  f: <lambda>, found 1, raised ZeroDivisionError('division by zero')",
    ]
    assert [leaf.path for leaf in found.leaves()] == ["a", "a", "b", "b", "c[0]", "c[1]", "d", "f"]


@given(
    PATTERNS["deep"] | PATTERNS["list int"],
    st.sampled_from([None, 5, {"a": 1}, {"a": 2, "inner": {"c": True}}, [1, None], []]),
)
def test_an_explanation_says_what_the_evaluator_says(pattern: object, value: object) -> None:
    """The verdict of the whole, and of every leaf about its own value, is that of ``matches``."""
    found = explain_pattern(pattern, value)
    assert found.matched == matches(pattern, value)
    assert all(leaf.matched == matches(leaf.expected, leaf.found) for leaf in found.leaves())


class Shy:
    """A value that cannot be shown."""

    def __repr__(self) -> str:
        raise ValueError


def test_what_cannot_be_shown_is_named_by_its_type() -> None:
    """A value nested more deeply than the stack, and one whose ``repr`` raises, are no reason to raise."""
    deep: dict[str, Any] = {}
    for _ in range(200_000):
        deep = {"a": deep}
    assert str(explain(prefix("x"), deep)) == ("no  prefix('x'), found a dict that cannot be shown: RecursionError")
    assert str(explain({"a": Shy()}, {"a": Shy()})).splitlines()[1] == (
        "  no  a: a Shy that cannot be shown: ValueError, found a Shy that cannot be shown: ValueError"
    )


def test_a_subscriber_is_explained_with_the_event_that_it_receives() -> None:
    """Typed, untyped, data and message subscribers: each is read as dispatch reads it."""
    typed = of(
        EventSubscriber[OrderPlaced], subject="42", attributes={"quantity": gt(5)}, object_current={"currency": "EUR"}
    )
    found = explain(typed, placed())
    assert (found.matched, found.expected) == (False, typed)
    assert [(leaf.path, leaf.matched) for leaf in found.leaves()] == [
        ("subject", True),
        ("quantity", False),
        ("object.current.currency", True),
    ]
    assert explain(typed, placed(quantity=6)).matched
    assert not explain(of(EventSubscriber[OrderCancelled]), placed()).matched
    untyped = of(EventSubscriber, name=match("order"), attributes={"quantity": gt("x")})
    payload = MegaPayload.from_document(json.loads(placed().to_json()))
    assert [(leaf.path, leaf.matched) for leaf in explain(untyped, payload).leaves()] == [
        ("name", True),
        ("event_attributes.quantity", False),
    ]
    assert explain(of(DataSubscriber, pattern={"a": 1}), {"a": "1"}).matched
    assert not explain(of(DataSubscriber), "text").matched
    assert explain(of(MessageSubscriber, pattern=prefix("a")), "abc").matched


def test_a_dispatcher_explains_a_record() -> None:
    """Every subscriber that a record could be for is explained, and none processes it."""
    calls: list[object] = []
    dispatcher = Dispatcher()
    asking = of(EventSubscriber[OrderPlaced], "Big", attributes={"quantity": gt(50)})
    asking.process = lambda self, payload: calls.append(payload)
    others = [of(EventSubscriber, "Untyped"), of(MessageSubscriber, "All"), of(DataSubscriber, "Data")]
    for each in (asking, of(EventSubscriber[OrderCancelled], "Other"), *others):
        dispatcher.register(each)
    record = Record(placed().to_json().decode())
    found = {getattr(each.expected, "__name__", ""): each.matched for each in dispatcher.explain(record)}
    assert found == {"Big": False, "Untyped": True, "All": True}
    assert [each.matched for each in dispatcher.explain(Record('{"a": 1}'))] == [True, True]
    assert calls == []


# --- a report on all --------------------------------------------------------------------------------------------------

PLACED = OrderPlaced.__event_type__
UNKNOWN = EventType("sales", "order.lost", 1)


def reported(*classes: type[Any]) -> dict[str, Any]:
    return inspect_subscribers(classes, [PLACED, OrderCancelled.__event_type__, UNKNOWN]).as_json()


def named(*names: str) -> list[str]:
    return [f"{__name__}.{name}" for name in names]


def test_what_is_unhandled_unreachable_and_unconditional() -> None:
    """Known events that nobody asks for, subscribers without a known event, subscribers without a condition."""
    found = reported(
        of(EventSubscriber[OrderPlaced], "Every"),
        of(EventSubscriber, "Lost", name="no.such.event"),
        of(EventSubscriber, "Cancelled", name=match(r"order\.c"), attributes={"reason": "x"}),
        of(MessageSubscriber, "All"),
        of(DataSubscriber, "Data", pattern={}),
    )
    assert found["unhandled"] == [str(UNKNOWN)]
    assert list(found["unreachable"]) == named("Lost")
    assert found["everything"] == named("Every", "All", "Data")
    assert found["subscribers"][named("Cancelled")[0]] == [str(OrderCancelled.__event_type__)]
    assert found["subscribers"][named("Lost")[0]] == []
    assert found["subscribers"][named("All")[0]] == ["*"]


PREDICATE: Callable[[Any], bool] = bool.__call__
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the same in other words": ({"attributes": {"quantity": gt(5)}}, {"attributes": {"quantity": not_(lt(6))}}, "equal"),
    "nothing asked in other words": ({}, {"attributes": {"quantity": gte(1)}}, "equal"),
    "one within the other": ({"attributes": {"quantity": gt(5)}}, {}, "overlapping"),
    "crossing": ({"attributes": {"quantity": gt(5)}}, {"attributes": {"currency": "EUR"}}, "overlapping"),
    "apart": ({"attributes": {"quantity": gt(5)}}, {"attributes": {"quantity": lt(5)}}, ""),
    "apart by an expression": ({"subject": match(r"\d+$")}, {"subject": match("[a-z]")}, ""),
    "one function": ({"attributes": {"quantity": PREDICATE}}, {"attributes": {"quantity": PREDICATE}}, "equal"),
    "a function and a value": ({"attributes": {"quantity": lambda q: q == 1}}, {"attributes": {"quantity": 2}}, "overlapping"),
    "present and absent": ({"attributes": {"coupon": None}}, {"attributes": {"coupon": not_("x")}}, ""),
    "entity": ({"object_current": {"currency": "EUR"}}, {"object_current": None}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "relation"), PAIRS.values(), ids=PAIRS)
def test_two_subscribers_of_an_event(first: dict[str, Any], second: dict[str, Any], relation: str) -> None:
    """Two receive the same, may both receive something, or never do; in either order."""
    for one, other in ((first, second), (second, first)):
        found = reported(of(EventSubscriber[OrderPlaced], "A", **one), of(EventSubscriber[OrderPlaced], "B", **other))
        expected = [(*named("A", "B"), str(PLACED))]
        assert (found["equal"], found["overlapping"]) == (
            expected if relation == "equal" else [],
            expected if relation == "overlapping" else [],
        )


def test_untyped_subscribers_are_compared_too() -> None:
    """By identity and parts, and data and message subscribers by their pattern; kinds are kept apart."""
    found = reported(
        of(EventSubscriber, "A", name="a", attributes={"x": "5"}),
        of(EventSubscriber, "B", name=one_of("a", "b")),
        of(EventSubscriber, "C", name="b"),
        of(DataSubscriber, "D", pattern={"x": gt(5)}),
        of(DataSubscriber, "E", pattern={"x": gte(6)}),
        of(MessageSubscriber, "F", pattern=prefix("a")),
        of(MessageSubscriber, "G", pattern=and_(prefix("a"), match("a"))),
    )
    assert [(a[-1], b[-1]) for a, b, _ in found["overlapping"]] == [("A", "B"), ("B", "C"), ("D", "E")]
    assert [(a[-1], b[-1]) for a, b, _ in found["equal"]] == [("F", "G")]


def test_what_nothing_matches_is_unreachable_and_overlaps_nobody() -> None:
    """An object that is there and is not has no subscribers, and nobody shares what it receives."""
    found = inspect_subscribers(
        [
            of(EventSubscriber, "A", subject="x"),
            of(EventSubscriber, "C", object_version=None, object_id="x"),
            of(EventSubscriber[OrderPlaced], "D", object_version=None, object_current={"currency": "EUR"}),
            of(EventSubscriber, "G", object_version=None),
            of(EventSubscriber, "H", object_id=prefix("x")),
        ]
    ).as_json()
    assert found["unreachable"] == dict.fromkeys(named("C", "D"), "nothing matches its pattern")
    assert [(a[-1], b[-1]) for a, b, _ in found["overlapping"]] == [("A", "G"), ("A", "H")]
    assert found["equal"] == []


def test_what_says_nothing_of_a_value_that_is_never_absent_is_no_difference() -> None:
    """An event has a name and a version, and data is an object, whatever is asked of them."""
    found = reported(
        of(EventSubscriber, "A"),
        of(EventSubscriber, "B", name=not_(None), version=not_("x")),
        of(DataSubscriber, "C", pattern={}),
        of(DataSubscriber, "D", pattern={"x": any_()}),
    )
    assert [(a[-1], b[-1]) for a, b, _ in found["equal"]] == [("A", "B"), ("C", "D")]
    assert found["everything"] == named("A", "C", "D")


def test_classes_of_one_name_are_told_apart() -> None:
    """What a factory makes is listed one by one, and in pairs."""
    found = reported(*(of(EventSubscriber, "Made", name=f"order.{name}") for name in ("placed", "cancelled", "p")))
    made = [f"{__name__}.Made{number}" for number in ("", " (2)", " (3)")]
    assert [found["subscribers"][each] for each in made] == [[str(PLACED)], [str(OrderCancelled.__event_type__)], []]
    assert list(found["unreachable"]) == made[2:]


def test_many_subscribers_of_an_event_are_not_all_compared() -> None:
    """A crowd is left out and named, rather than compared for minutes."""
    crowd = [of(EventSubscriber[OrderPlaced], f"S{n}", attributes={"quantity": n % 100 + 1}) for n in range(300)]
    assert reported(*crowd)["truncated"] == [str(PLACED)]


# --- the command ------------------------------------------------------------------------------------------------------

HANDLERS = """
from abc import ABC, abstractmethod
from generated.shopping_cart import ItemAdded, ItemAddedSubscriber
from mega_typed import EventSubscriber, MegaPayload
from mega_typed.match import gt, gte

class Base(ItemAddedSubscriber):
    subject = "x"

class Abstract(Base, ABC):
    @abstractmethod
    def process(self, event: ItemAdded) -> None: ...

class First(Base):
    attributes = {"quantity": gt(5)}
    def process(self, event: ItemAdded) -> None: ...

class Second(Base):
    attributes = {"quantity": gte(6)}
    def process(self, event: ItemAdded) -> None: ...

class Lost(EventSubscriber):
    name = "no.such.event"
    def process(self, payload: MegaPayload) -> None: ...

class Nameless(Lost): ...
Nameless.__module__ = None
"""


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of subscribers."""
    (tmp_path / "some_handlers.py").write_text(HANDLERS)
    monkeypatch.syspath_prepend(tmp_path)
    return "some_handlers"


def test_the_command_reports(handlers: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``mega-typed subscribers`` reports for people and for programs, and ends with what ``--fail-on`` asks for."""
    assert main(["subscribers", handlers, "--events", "generated"]) == 0
    text = capsys.readouterr().out
    assert "some_handlers.First and some_handlers.Second, of shopping_cart item.added v1" in text
    assert "some_handlers.Lost: no known event has this domain, name and version" in text
    assert not re.search("Base|Abstract|Nameless", text)
    assert main(["subscribers", handlers, "--events", "generated", "--format", "json", "--fail-on", "equal"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["equal"] == [["some_handlers.First", "some_handlers.Second", "shopping_cart item.added v1"]]
    assert "shopping_cart checkout v1" in report["unhandled"]
    assert main(["subscribers", handlers, "--fail-on", "truncated"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such_module"], "cannot import no_such_module"),
        (["json"], "json defines no subscribers"),
        (["raising_module"], "cannot import raising_module: Odd: "),
    ],
)
def test_the_command_says_what_it_cannot_look_at(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A module that is not there, has none, or raises whatever it likes, is said with status 2."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "raising_module.py").write_text("class Odd(BaseException): ...\nraise Odd")
    assert main(["subscribers", *arguments]) == 2
    assert said in capsys.readouterr().err
