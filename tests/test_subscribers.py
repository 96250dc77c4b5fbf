"""The check at class definition: every fault with its path and a remedy, and no false alarm."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import new_class
from typing import Annotated, Any, TypeVar
from uuid import UUID

import pytest
from mega_typed import (
    DataSubscriber,
    Event,
    EventSubscriber,
    MegaPayload,
    MessageSubscriber,
    PatternError,
    PatternWarning,
)
from mega_typed.match import (
    Pattern,
    all_items,
    and_,
    any_,
    any_item,
    between,
    contains,
    empty,
    eq,
    exists,
    gt,
    gte,
    ignore_case,
    in_,
    length,
    lt,
    match,
    neq,
    not_,
    one_of,
    or_,
    prefix,
    suffix,
)

from tests.samples import ITEM_ID, Line, OrderCancelled, OrderPlaced, OrderPlacedV2


def define(base: Any = None, /, **attributes: Any) -> type[Any]:
    """Define a subscriber class with these class attributes."""
    body = {"process": lambda self, event: None, **attributes}
    return new_class(
        "Subscriber", (base or EventSubscriber[OrderPlaced],), {}, lambda namespace: namespace.update(body)
    )


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown attribute": ({"attributes": {"quantiy": 5}}, "attributes.quantiy: the event has no such field; did you mean `quantity`?"),
    "wire name": ({"attributes": {"from": "x"}}, "did you mean `from_`?"),
    "unknown key of the entity": ({"object_current": {"curency": "USD"}}, "object_current.curency: Order has no such field; did you mean `currency`?"),
    "unknown key of an element": ({"object_current": {"lines": any_item({"skew": "x"})}}, "object_current.lines[].skew: Line has no such field"),
    "unknown key below not_": ({"attributes": {"best_line": not_({"skew": "x"})}}, "attributes.best_line.skew"),
    "misspelt class attribute": ({"atributes": {"quantity": 5}}, "did you mean `attributes`?"),
    "string for int": ({"attributes": {"quantity": "5"}}, "expected int, got '5' (str); write 5"),
    "bool for int": ({"attributes": {"quantity": True}}, "expected int, got True (bool)"),
    "int for bool": ({"attributes": {"gift": 1}}, "expected bool, got 1 (int)"),
    "float for int": ({"attributes": {"quantity": gt(5.5)}}, "expected int, got 5.5 (float)"),
    "int for decimal": ({"attributes": {"total": gt(5)}}, 'write Decimal("5")'),
    "string for uuid": ({"attributes": {"item_id": str(ITEM_ID)}}, f'write UUID("{ITEM_ID}")'),
    "date for date-time": ({"attributes": {"shipped_at": gt(date(2020, 1, 1))}}, "attributes.shipped_at: expected datetime"),
    "date-time for date": ({"attributes": {"due": datetime(2020, 1, 1, tzinfo=UTC)}}, "attributes.due: expected date"),
    "nested operand": ({"attributes": {"quantity": and_(gt(1), or_(not_(lt("9")), 3))}}, "expected int, got '9'"),
    "not in the enum": ({"attributes": {"currency": "XXX"}}, "expected 'USD' or 'EUR', got 'XXX'"),
    "not in the enum, below": ({"attributes": {"currency": not_(one_of("USD", "XXX"))}}, "got 'XXX'"),
    "misspelt enum value": ({"attributes": {"currency": in_(["EURO"])}}, "did you mean `EUR`?"),
    "None for a required field": ({"attributes": {"quantity": None}}, "never absent or null"),
    "order of a bool": ({"attributes": {"gift": gt(False)}}, "needs a bound that has an order"),
    "order of a list": ({"attributes": {"tags": gt("a")}}, "has no gt"),
    "order of an enum": ({"attributes": {"currency": gt("USD")}}, "has no gt"),
    "match on a number": ({"attributes": {"quantity": match("5")}}, "int has no match; it is for strings"),
    "match on an enum": ({"attributes": {"currency": match("U")}}, "name the values with one_of"),
    "prefix on a uuid": ({"attributes": {"item_id": prefix("61")}}, "UUID has no prefix"),
    "prefix of a number": ({"subject": Pattern("prefix", 5)}, "prefix takes a string, got 5 (int)"),
    "length of a number": ({"attributes": {"quantity": length(3)}}, "int has no length"),
    "length of a string": ({"attributes": {"tags": Pattern("length", "3")}}, "attributes.tags.length: expected int"),
    "contains on a string": ({"attributes": {"coupon": contains("x")}}, "str has no contains"),
    "contains on a number": ({"attributes": {"quantity": contains(1)}}, "int has no contains"),
    "contains of another type": ({"attributes": {"tags": contains(5)}}, "expected str, got 5"),
    "element of another type": ({"attributes": {"tags": all_items(gt(5))}}, "expected str, got 5"),
    "list for a scalar": ({"attributes": {"quantity": [1, 2]}}, "use one_of"),
    "list of other elements": ({"attributes": {"tags": ["a", 5]}}, "attributes.tags[1]: expected str"),
    "mapping for a scalar": ({"attributes": {"quantity": {"x": 1}}}, "a mapping matches the fields of an object"),
    "mapping for a choice": ({"attributes": {"currency": {"x": 1}}}, "a mapping matches the fields of an object, and this is 'USD' or 'EUR'"),
    "value of a mapping": ({"attributes": {"labels": {"a": "x"}}}, "attributes.labels.a: expected int"),
    "attributes not a mapping": ({"attributes": gt(5)}, "expected a mapping of field names"),
    "invalid regular expression": ({"subject": match("(")}, "subject: invalid regular expression '('"),
    "predicate without argument": ({"attributes": {"quantity": lambda: True}}, "a predicate takes one argument"),
    "predicate of two": ({"attributes": {"quantity": lambda a, b: True}}, "a predicate takes one argument"),
    "a class for a predicate": ({"attributes": {"quantity": int}}, "int is a class, not a predicate"),
    "an operator that is not called": ({"attributes": {"quantity": gt}}, "gt is an operator, and was not called; write gt(...)"),
    "an operator in another that is not called": ({"attributes": {"tags": any_item(exists)}}, "exists is an operator"),
    "one of nothing": ({"attributes": {"quantity": one_of()}}, "can never match"),
    "any of nothing": ({"attributes": {"quantity": or_()}}, "can never match"),
    "all of nothing": ({"attributes": {"quantity": and_()}}, "nothing to combine"),
    "not a number": ({"attributes": {"weight": gt(float("nan"))}}, "not-a-number"),
    "bounds of two types": ({"attributes": {"quantity": between(1, "b")}}, "expected int, got 'b'"),
    "number for subject": ({"subject": 5}, "subject: expected str, got 5"),
    "string for timestamp": ({"timestamp": gt("2020-01-01")}, "timestamp: expected datetime"),
    "a text operator with a compiled expression": ({"subject": Pattern("prefix", re.compile("x"))}, "prefix takes a string"),
    "an invalid name": ({"name": match("(")}, "name: invalid regular expression"),
    "a signalling not-a-number": ({"attributes": {"total": gt(Decimal("sNaN"))}}, "not-a-number"),
    "contains itself": ({"attributes": {"anything": CIRCLE}}, "contains itself"),
    "a lambda by a misspelt name": ({"subjct": lambda value: True}, "did you mean `subject`?"),
    "another name": ({"name": "order.cancelled"}, "name: 'order.cancelled' can never match: the schema admits 'order.placed'"),
    "another version": ({"event_version": gt(1)}, "event_version: gt(1) can never match: the schema admits 1"),
    "another domain": ({"domain": one_of("a", "b")}, "domain: in_('a', 'b') can never match: the schema admits 'sales'"),
    "another object type": ({"object_type": "cart"}, "object_type: 'cart' can never match: the schema admits 'order' or nothing"),
    "another object version": ({"object_version": 1}, "object_version: 1 can never match: the schema admits 2 or nothing"),
    "exists of a string": ({"subject": Pattern("exists", "no")}, "exists takes True or False"),
}  # fmt: skip


@pytest.mark.parametrize(("attributes", "fault"), WRONG.values(), ids=WRONG)
def test_a_wrong_pattern_is_refused(attributes: dict[str, Any], fault: str) -> None:
    """The class does not come to exist, and the error names the place and the remedy; one fault for one mistake."""
    with pytest.raises(PatternError) as raised:
        define(**attributes)
    assert fault in str(raised.value)
    assert len(raised.value.faults) == 1


def test_all_faults_are_reported_at_once() -> None:
    """One error lists every fault of the class."""
    with pytest.raises(PatternError) as raised:
        define(subject=5, atributes={}, attributes={"quantity": gt("5"), "total": 5, "nope": 1}, name="other")
    assert [fault.path for fault in raised.value.faults] == [
        "name",
        "subject",
        "attributes.quantity",
        "attributes.total",
        "attributes.nope",
        "atributes",
    ]


IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "beyond the maximum": ({"quantity": gt(100)}, "quantity: gt(100) can never match: the schema admits int from 1, up to 100"),
    "a contradiction": ({"quantity": and_(gt(5), lt(3))}, "quantity: and_(gt(5), lt(3)) can never match: nothing is all of that"),
    "no integer between": ({"quantity": and_(gt(5), lt(6))}, "the schema admits int from 1"),
    "a value and its negation": ({"coupon": and_(one_of("a"), not_("a"))}, "nothing is all of that at once"),
    "an expression and a literal": ({"coupon": and_(match("^b"), "abc")}, "nothing is all of that at once"),
    "two expressions": ({"coupon": and_(match(r"\d+$"), match("[a-z]"))}, "nothing is all of that at once"),
    "an expression and an order": ({"coupon": and_(match("b"), lt("a"))}, "nothing is all of that at once"),
    "absent and present": ({"coupon": and_(exists(False), "a")}, "nothing is all of that at once"),
    "an empty number": ({"quantity": empty()}, "the schema admits int"),
    "a range upside down": ({"weight": between(2, 1)}, "nothing is all of that at once"),
    "decimals": ({"total": and_(gt(Decimal("1.5")), not_(gt(Decimal("1.50"))))}, "nothing is all of that at once"),
    "the instants of two zones": ({"shipped_at": and_(lt(datetime(2020, 1, 1)), gt(datetime(2020, 1, 1, tzinfo=UTC)))}, "can never"),
    "days": ({"due": and_(gt(date(2020, 1, 1)), lt(date(2020, 1, 2)))}, "nothing is all of that at once"),
    "UUIDs": ({"item_id": lt(UUID(int=0))}, "nothing is all of that at once"),
    "in an element": ({"tags": any_item(and_("a", "b"))}, "tags[]: and_('a', 'b') can never match"),
    "in an element's field": ({"best_line": {"quantity": lt(1)}}, "best_line.quantity: lt(1) can never match: the schema admits int from 1"),
    "between elements": ({"tags": and_(all_items("a"), contains("b"))}, "can never match: nothing is all of that"),
    "more elements than the length": ({"tags": and_(length(1), contains("a"), contains("b"))}, "can never match"),
    "a function twice": ({"quantity": and_(bool.__call__, not_(bool.__call__))}, "can never match"),
    "below or_": ({"quantity": or_(gt(100), and_(1, 2))}, "can never match"),
    "in a dictionary": ({"labels": {"a": and_(1, 2)}}, "labels.a: and_(1, 2) can never match"),
    "a cost without bound": ({"coupon": match(r"(?!x)(a+)+$")}, "cost cannot be bounded"),
}  # fmt: skip


@pytest.mark.parametrize(("attributes", "fault"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_pattern_that_nothing_can_match_is_refused(attributes: dict[str, Any], fault: str) -> None:
    """Bounds, contradictions and impossible combinations are one fault each, at the place that cannot match."""
    with pytest.raises(PatternError) as raised:
        define(attributes=attributes)
    assert fault in str(raised.value)
    assert len(raised.value.faults) == 1


ALWAYS: list[tuple[Any, dict[str, Any], str]] = [
    (None, {"attributes": {"quantity": gte(1)}}, "attributes.quantity"),
    (None, {"attributes": {"channel": "web"}}, "attributes.channel"),
    (None, {"object_current": {"currency": one_of("USD", "EUR")}}, "object_current.currency"),
    (None, {"subject": or_(prefix(""), None)}, "subject"),
    (EventSubscriber, {"attributes": {"a": or_(exists(), None)}}, "attributes.a"),
    (DataSubscriber, {"pattern": {"a": or_(5, not_(5), None)}}, "pattern.a"),
]


@pytest.mark.parametrize(("base", "attributes", "path"), ALWAYS)
def test_a_pattern_that_always_matches_is_a_warning(base: Any, attributes: dict[str, Any], path: str) -> None:
    """Where something was meant to be filtered and nothing is, a warning of its own category names the place."""
    with pytest.warns(PatternWarning, match=rf"^Subscriber: {path}: .* always matches"):
        define(base, **attributes)


def test_the_warning_points_to_the_class_statement() -> None:
    """A warning names the file and the line of the subscriber, not of the library."""
    with pytest.warns(PatternWarning) as caught:

        class Idle(EventSubscriber[OrderPlaced]):
            attributes = {"quantity": gte(1)}

    assert Idle.__wanted__.parts
    assert caught[0].filename == __file__


RIGHT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "the tour": {"subject": match(r"^\d+$"), "attributes": {"quantity": and_(gt(5), not_(gt(100))), "item_id": not_(empty())}},
    "entity": {"object_current": {"currency": one_of("USD"), "lines": any_item({"quantity": gt(1), "tags": contains("x")})}},
    "no entity before": {"object_previous": None},
    "entity as a predicate": {"object_current": lambda state: len(state.lines) > 1},
    "entity by combination": {"object_current": or_(None, {"currency": "EUR"}, not_({"currency": "USD"}))},
    "optional": {"attributes": {"total": None, "coupon": or_(None, prefix("X")), "due": exists(False)}},
    "float takes ints": {"attributes": {"weight": between(1, 2.5)}},
    "decimal": {"attributes": {"total": gte(Decimal("1.5"))}},
    "uuid": {"attributes": {"item_id": in_({ITEM_ID, UUID(int=0)})}},
    "dates": {"attributes": {"due": gt(date(2020, 1, 1)), "shipped_at": lt(datetime(2020, 1, 1))}, "timestamp": gt(datetime(2020, 1, 1, tzinfo=UTC))},
    "lists": {"attributes": {"tags": ["a", "b"]}},
    "length": {"attributes": {"tags": length(gt(2)), "coupon": length(between(1, 5)), "labels": length(1)}},
    "text": {"attributes": {"coupon": or_(suffix("x"), ignore_case("y"), match("z"), eq("a"), neq("b"))}},
    "mapping of a dictionary": {"attributes": {"labels": {"any key": gt(1)}}},
    "anything": {"attributes": {"anything": {"x": [1, {"y": gt(2)}]}}},
    "a model by its fields": {"attributes": {"best_line": {"sku": "a"}}},
    "a model by value": {"attributes": {"best_line": Line(sku="a", quantity=1, price=Decimal(1))}},
    "identity repeated": {"domain": "sales", "name": match("order"), "version": one_of(1, 2), "object_type": "order", "object_version": 2},
    "a function": {"attributes": {"quantity": bool.__call__}},
    "an absent key of a dictionary": {"attributes": {"labels": {"a": None, "b": or_(None, gt(1))}}},
    "any": {"subject": any_(), "attributes": {}, "object_id": not_(None)},
    "other class attributes": {"retries": 3, "LIMIT": 5, "retriable": (OSError,)},
}  # fmt: skip


@pytest.mark.parametrize("attributes", RIGHT.values(), ids=RIGHT)
def test_a_right_pattern_is_accepted(attributes: dict[str, Any]) -> None:
    """No false alarm."""
    define(**attributes)


@pytest.mark.parametrize(
    ("base", "attributes", "fault"),
    [
        (EventSubscriber, {"subject": match("(")}, "invalid regular expression"),
        (EventSubscriber, {"attributes": {"a": {"b": lambda: 1}}}, "attributes.a.b: a predicate takes one argument"),
        (EventSubscriber, {"atributes": {}}, "did you mean `attributes`?"),
        (EventSubscriber, {"attributes": {"a": Pattern("gt", None)}}, "needs a bound that has an order"),
        (DataSubscriber, {"pattern": {"a": one_of()}}, "pattern.a: no value to choose from"),
        (DataSubscriber, {"patern": {"a": 1}}, "did you mean `pattern`?"),
        (MessageSubscriber, {"pattern": match("[")}, "invalid regular expression"),
        (EventSubscriber[OrderCancelled], {"attributes": {"quantity": 1}}, "no such field; it has `reason`"),
        (EventSubscriber, {"attributes": 5}, "attributes: 5 can never match: the protocol admits dict[str, Any]"),
        (EventSubscriber, {"version": "1"}, "version: '1' can never match: the protocol admits int"),
        (EventSubscriber, {"timestamp": prefix("2020")}, "timestamp: prefix('2020') can never match"),
        (EventSubscriber, {"name": None}, "name: None can never match"),
        (EventSubscriber, {"attributes": {"a": gt}}, "attributes.a: gt is an operator, and was not called"),
        (DataSubscriber, {"pattern": "text"}, "pattern: 'text' can never match"),
        (DataSubscriber, {"pattern": all_items(5)}, "pattern: all_items(5) can never match"),
    ],
)
def test_untyped_patterns_are_checked_too(base: Any, attributes: dict[str, Any], fault: str) -> None:
    """What is wrong whatever the type is, is a fault of an untyped subscriber as well."""
    with pytest.raises(PatternError) as raised:
        define(base, **attributes)
    assert fault in str(raised.value)


def test_a_subclass_of_a_subscriber_is_checked_with_what_it_inherits() -> None:
    """Patterns are inherited, and the event class is found through the bases."""
    base = define(subject="42")
    child: Any = define(base, attributes={"quantity": 5})
    assert child.__wanted__.event_classes == (OrderPlaced,)
    assert child.__wanted__.parts == {"event_subject": "42", "event_attributes": {"quantity": 5}}
    with pytest.raises(PatternError):
        define(base, attributes={"quantity": "5"})


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"event_subject": "a", "subject": "b"}, {"event_subject": "a"}),
        ({"subject": "b"}, {"event_subject": "b"}),
        ({"event_subject": any_(), "subject": "b"}, {}),
        ({"current_object": {"currency": "USD"}}, {"object_current": {"currency": "USD"}}),
        ({"object_current": {"currency": "EUR"}, "current_object": {"currency": "USD"}}, {"object_current": {"currency": "EUR"}}),
        ({"event_attributes": {"quantity": 1}, "attributes": {"quantity": 2}}, {"event_attributes": {"quantity": 1}}),
        ({"attributes": {}, "object_current": {}}, {}),
    ],
)  # fmt: skip
def test_an_alias_is_ignored_beside_its_name(attributes: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The ancestor's table of aliases: the longer name counts."""
    subscriber: Any = define(**attributes)
    assert subscriber.__wanted__.parts == wanted


def test_the_nearest_class_counts() -> None:
    """A subclass's alias counts before the longer name that it inherits."""
    parent = define(EventSubscriber, event_name="zz", subject="a")
    child: Any = define(parent, name="item.added", event_subject="b")
    assert child.__wanted__.identity == {"name": "item.added"}
    assert child.__wanted__.parts == {"event_subject": "b"}


@pytest.mark.parametrize("name", ["subjects", "versions", "object_current_cache", "attribute_names"])
def test_a_name_of_its_own_is_no_misspelling(name: str) -> None:
    """A class attribute that continues a pattern's name, or merely resembles one, is the subscriber's own business."""
    define(**{name: [1]})


def test_the_base_class_of_events_is_no_event() -> None:
    """EventSubscriber[Event] is refused with a remedy, and in_ with a string as well."""
    with pytest.raises(PatternError, match="leave the brackets out"):
        define(EventSubscriber[Event])
    with pytest.raises(PatternError, match="use one_of"):
        in_("987650")


BOTH = EventSubscriber[OrderPlaced | OrderPlacedV2]


def test_a_subscriber_of_several_versions_wants_each() -> None:
    """``EventSubscriber[A | B]`` is accepted with what is right for both, and dispatch is told of both."""
    subscriber = define(
        BOTH, attributes={"quantity": gt(5), "currency": "EUR"}, version=one_of(1, 2), name="order.placed"
    )
    assert subscriber.__wanted__.event_classes == (OrderPlaced, OrderPlacedV2)


@pytest.mark.parametrize(
    ("attributes", "faults"),
    [
        ({"quantity": "5"}, ["attributes.quantity: expected int, got '5' (str); write 5"]),
        ({"currency": "XXX"}, ["attributes.currency: expected 'USD' or 'EUR', got 'XXX' (str) (of OrderPlaced)"]),
        (
            {"currency": match("E")},
            ["attributes.currency: 'USD' or 'EUR' has no match; name the values with one_of(...) (of OrderPlaced)"],
        ),
        ({"priority": 1}, ["attributes.priority: the event has no such field"]),
        (
            {"total": None, "priority": 1},
            ["attributes.priority: the event has no", "attributes.total: the event has no"],
        ),
    ],
)
def test_a_pattern_must_be_right_for_each_version(attributes: dict[str, Any], faults: list[str]) -> None:
    """What one of the classes has not is refused with its name, what none has is said once."""
    with pytest.raises(PatternError) as raised:
        define(BOTH, attributes=attributes)
    said = [str(fault) for fault in raised.value.faults]
    assert all(text.startswith(start) for text, start in zip(sorted(said), faults, strict=True))


def test_an_identity_must_leave_each_version_possible() -> None:
    """A version that a subscriber names and excludes is a mistake; so is a union with what is no event class."""
    with pytest.raises(PatternError, match=r"version: 2 can never match: the schema admits 1 \(of OrderPlaced\)"):
        define(BOTH, version=2)
    with pytest.raises(PatternError, match="every one of OrderPlaced, str must be an event class"):
        define(EventSubscriber[OrderPlaced | str])  # type: ignore[type-var]


@pytest.mark.parametrize("what", [str, "OrderPlaced", EventSubscriber[OrderPlaced], type(None), list[OrderPlaced]])
def test_a_subscriber_of_what_is_no_event_class_is_refused(what: Any) -> None:
    """Brackets around something else than an event class would make an untyped subscriber, which receives every event."""
    with pytest.raises(PatternError, match="must be an event class"):
        define(EventSubscriber[what])


@pytest.mark.parametrize("what", [MegaPayload, Any, TypeVar("Some", bound=Event)])
def test_a_subscriber_may_leave_its_events_open(what: Any) -> None:
    """A base class over a type variable, and a subscriber of payloads, are untyped."""
    assert define(EventSubscriber[what]).__wanted__.event_classes == ()


@pytest.mark.parametrize("some", [TypeVar("Some", bound=Event)])
def test_the_process_of_an_open_base_is_held_against_what_its_subclasses_receive(some: Any) -> None:
    """A base over a type variable may take any event; what a subclass receives decides whether that is right."""
    for_all, for_one = (define(EventSubscriber[some], process=taking(each)) for each in (Event, OrderCancelled))
    new_class("Right", (for_all[OrderPlaced],))
    with pytest.raises(PatternError, match="process: it takes OrderCancelled, and receives OrderPlaced"):
        new_class("Wrong", (for_one[OrderPlaced],))


def test_what_always_matches_in_one_version_may_filter_another() -> None:
    """A pattern is warned of only where it matches every event of every version."""
    define(BOTH, attributes={"currency": one_of("USD", "EUR")})
    with pytest.warns(PatternWarning, match="attributes.quantity"):
        define(BOTH, attributes={"quantity": gte(1)})


def taking(annotation: object) -> Any:
    """A ``process`` whose event is annotated."""

    def process(self: object, event: Any) -> None: ...

    process.__annotations__["event"] = annotation
    return process


@pytest.mark.parametrize(
    ("base", "annotation"),
    [
        (EventSubscriber[OrderPlaced], OrderCancelled),
        (EventSubscriber[OrderPlaced], "OrderCancelled | str"),
        (BOTH, OrderPlaced),
        (EventSubscriber, OrderPlaced),
        (EventSubscriber[OrderPlaced], dict[str, Any]),
        (EventSubscriber[OrderPlaced], Annotated[OrderCancelled, "note"]),
        (EventSubscriber[OrderPlaced], Annotated[OrderCancelled | None, "note"]),
        (DataSubscriber, OrderPlaced),
        (DataSubscriber, list[Any]),
    ],
)
def test_a_process_for_something_else_is_refused(base: Any, annotation: object) -> None:
    """A ``process`` whose annotation admits not all that it is called with, or without an event, is refused."""
    with pytest.raises(PatternError, match=r"process: it takes .*, and receives"):
        define(base, process=taking(annotation))
    with pytest.raises(PatternError, match="process: must take self and one payload"):
        define(base, process=lambda self: None)
    with pytest.raises(PatternError, match="process: is a staticmethod"):
        define(base, process=staticmethod(lambda payload: None))
    mixin = type("Mixin", (), {"process": taking(annotation)})
    with pytest.raises(PatternError, match=r"process: it takes .*, and receives"):
        new_class("Mixed", (mixin, base))


@pytest.mark.parametrize(
    "annotation",
    [OrderPlaced, Event, object, Any, "OrderPlaced", "OrderPlaced | OrderPlacedV2", "OnlyForTypeCheckers", "5", None],
)
def test_a_process_that_may_be_right_is_accepted(annotation: object) -> None:
    """What takes the event, and what only a type checker can judge, is accepted."""
    define(process=taking(annotation))
    define(process=taking(Annotated[annotation or Any, "note"]))
    define(process=taking(Annotated[OrderPlaced | MegaPayload, "note"]))
    define(DataSubscriber, process=taking(Mapping[str, Any]))
    define(DataSubscriber, process=taking(dict[str, Any]))


def test_a_pattern_error_survives_pickling(roundtrip: Callable[[Any], Any]) -> None:
    """Errors cross process boundaries with their faults."""
    with pytest.raises(PatternError) as raised:
        define(subject=5)
    assert roundtrip(raised.value).faults == raised.value.faults


@pytest.mark.parametrize(
    "made", [lambda: gt(5) and lt(9), lambda: gt(5) or lt(3), lambda: not gt(5), lambda: bool(any_())]
)
def test_a_pattern_has_no_truth_value(made: Callable[[], object]) -> None:
    """Python's ``and``, ``or`` and ``not``, which would silently leave one of two patterns, are refused."""
    with pytest.raises(PatternError, match="write and_"):
        made()


@pytest.mark.parametrize(
    ("base", "attributes"),
    [
        (EventSubscriber, {"name": 5}),
        (EventSubscriber, {"version": 1.0}),
        (EventSubscriber, {"subject": UUID(int=5)}),
        (EventSubscriber, {"timestamp": gt(date(2020, 1, 1))}),
        (EventSubscriber, {"object_version": None}),
        (EventSubscriber, {"attributes": length(2)}),
        (EventSubscriber, {"object_current": exists()}),
        (DataSubscriber, {"pattern": lambda value: True}),
        (MessageSubscriber, {"pattern": b"blob"}),
        (MessageSubscriber, {"pattern": match("ERROR")}),
    ],
)
def test_a_right_untyped_pattern_is_accepted(base: Any, attributes: dict[str, Any]) -> None:
    """What the untyped reading can match is no fault."""
    new_class("Right", (base,), exec_body=lambda body: body.update(attributes))
