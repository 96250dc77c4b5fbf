"""Filter policies: they drop nothing that is wanted, drop what they say they drop, and stay within AWS's limits.

Most random cases are judged by moto's matcher in this process and by that of the testing kit, which must agree; a bounded
number by servers over HTTP: moto, and ministack where it is installed (``ministack``). Where a server reads a policy in
another way than AWS documents, the test says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import new_class
from typing import Annotated, Any, ClassVar, Literal, cast
from uuid import UUID, uuid4

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mega_typed import (
    ConfigurationError,
    DataSubscriber,
    DecimalString,
    Dispatcher,
    Event,
    EventSubscriber,
    EventType,
    FilterPolicy,
    MessageSubscriber,
    Model,
    PatternError,
    PayloadBuilder,
    Record,
    SnsPublisher,
    filter_policy,
)
from mega_typed import match as language
from mega_typed.match import (
    and_,
    any_,
    any_item,
    between,
    contains,
    empty,
    exists,
    gt,
    gte,
    ignore_case,
    in_,
    length,
    lt,
    lte,
    match,
    not_,
    one_of,
    or_,
    prefix,
    suffix,
)
from mega_typed.policy_rules import Place, kind_of, rules_at
from mega_typed.testing.faults import Refusal
from mega_typed.testing.filters import lets_through, parse_policy
from moto.sns.utils import FilterPolicyMatcher
from pydantic import Field

from generated.shopping_cart import ItemAdded, ItemAddedSubscriber, ItemAddedV2, ItemRemovedSubscriber

from .ministack import ministack as running_ministack
from .samples import Line, OrderCancelled, OrderPlaced, placed

pytestmark = pytest.mark.filterwarnings("ignore::mega_typed.PatternWarning")  # what always matches has a policy too

ROOT = Path(__file__).parent.parent
SCOPES: tuple[Literal["MessageAttributes", "MessageBody"], ...] = ("MessageAttributes", "MessageBody")


class Capturing:
    """An SNS client that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def publish(self, **parameters: Any) -> dict[str, str]:
        self.sent.append(parameters)
        return {"MessageId": "id"}


def published(payload: Any, binary_encoding: bool = False, **options: Any) -> dict[str, Any]:
    """What our publisher sends for a payload."""
    client: Any = Capturing()
    SnsPublisher("arn:aws:sns:eu-west-1:123456789012:t", client=client, **options).publish(payload, binary_encoding)
    sent: dict[str, Any] = client.sent[0]
    return sent


def accepts(policy: FilterPolicy, sent: Mapping[str, Any]) -> bool:
    """What moto's matcher says, and the one of the testing kit."""
    attributes = {
        name: {"Type": value["DataType"], "Value": value.get("StringValue", "")}
        for name, value in sent["MessageAttributes"].items()
    }
    judged = FilterPolicyMatcher(policy.policy, policy.scope).matches(attributes, sent["Message"])
    ours = lets_through(
        parse_policy(policy.json(), policy.scope), policy.scope, sent["Message"], sent["MessageAttributes"]
    )
    # Where a parent is missing, moto does not take the key below for missing; the kit does, as AWS.
    assert judged == ours or (ours and policy.scope == "MessageBody" and "exists" in policy.json()), (policy, sent)
    return judged


def wants(subscriber: type[Any], sent: Mapping[str, Any]) -> bool:
    """Whether dispatch hands a message to a subscriber: the reference."""
    dispatcher = Dispatcher()
    dispatcher.register(subscriber)
    attributes = {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()}
    return bool(dispatcher.handle(Record(sent["Message"], attributes=attributes)).results)


def subscriber(base: Any, **patterns: Any) -> type[Any]:
    """A subscriber class with patterns."""
    body = {"process": lambda self, payload: None, **patterns}
    return new_class("Subscriber", (base,), exec_body=lambda namespace: namespace.update(body))


def untyped(**patterns: Any) -> type[Any]:
    return subscriber(EventSubscriber, **patterns)


def typed(**patterns: Any) -> type[Any]:
    return subscriber(EventSubscriber[OrderPlaced], **patterns)


# --- the table of PATTERNS.md section 9 --------------------------------------------------------------------------------

PAGE = (ROOT / "PATTERNS.md").read_text(encoding="utf-8").split("## 9. Push-down")[-1]
FIELDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "integer from 1": Annotated[int, Field(ge=1)],
    "integer 1 to 100": Annotated[int, Field(ge=1, le=100)],
    "number": float,
    "number 0 to 10": Annotated[float, Field(ge=0, le=10)],
    "boolean": bool,
    "enum": Literal["USD", "EUR", "GBP"],
    "uuid": UUID,
    "date": date,
    "date-time": datetime,
    "decimal": DecimalString,
    "list of strings": list[str],
}
NAMES = {
    **{name: getattr(language, name) for name in language.__all__},
    "D": Decimal,
    "UUID": UUID,
    "date": date,
    "datetime": datetime,
    "UTC": UTC,
}
ROWS = re.findall(r"^\| ([\w -]+) \| `(.+?)` \| (`.+?`|nothing) \| (all|a part|none) \|$", PAGE, re.MULTILINE)


def test_the_page_has_its_table() -> None:
    """The rows are found, and every operator stands in one."""
    assert len(ROWS) > 45
    used = " ".join(pattern for _, pattern, _, _ in ROWS)
    operators = {name for name in language.__all__ if name[0].islower()} - {"matches", "eq", "neq"}
    assert {name for name in operators if f"{name}(" not in used} == set()


@pytest.mark.parametrize(("of", "pattern", "rules", "share"), ROWS, ids=[f"{of}: {p}" for of, p, *_ in ROWS])
def test_a_row_of_the_page(of: str, pattern: str, rules: str, share: str) -> None:
    """The rules for a required field are those that the page shows, and so is whether they say all of the pattern."""
    place = Place(("x",), conversions=True) if of == "untyped" else Place(("x",), kind_of(FIELDS[of]), absent=())
    said = rules_at(place, eval(pattern, dict(NAMES)))
    if isinstance(said, str):
        assert (rules, share) == ("nothing", "none" if said else "all"), said
    else:
        assert (list(said.rules), "all" if said.whole else "a part") == (json.loads(rules.strip("`")), share)


# --- it never drops what is wanted -------------------------------------------------------------------------------------

A_UUID, B_UUID = UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8"), UUID("00000000-0000-4000-8000-0000000000ff")
TEXTS = ["", "a", "ab", "abc", "b", "42", "K", "\u212a", "\u017f", 'a"b', "a\\b", "é", "\x01a", "a" * 300]
NUMBERS = [1, 2, 5, 6, 99, 100]
FLOATS = [0.0, 1.0, 5.0, 5.000001, 4.9999999, -2.5, 1e10, -1e10, 0.1234567]
predicates = st.sampled_from([lambda value: True, lambda value: len(str(value)) > 1])
booleans = st.booleans()


def texts_of(values: Sequence[str]) -> st.SearchStrategy[Any]:
    """Patterns over texts."""
    one = st.sampled_from(values)
    leaves = st.one_of(
        one,
        st.lists(one, min_size=1, max_size=3).map(lambda options: one_of(*options)),
        one.map(prefix),
        one.map(suffix),
        one.map(ignore_case),
        st.sampled_from(["^a", "a|b", "ab?c", r"\d+", "a+b", r"a\"b", "(?i)A", "[ab]c", "a{0}b", "^ab", ".*"]).map(
            match
        ),
        st.sampled_from([exists(), empty(), any_(), length(gt(1))]),
        predicates,
    )
    return combined(leaves)


def numbers_of(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Patterns over numbers."""
    one = st.sampled_from(values)
    leaves = st.one_of(
        one,
        *[one.map(operator) for operator in (gt, gte, lt, lte)],
        st.tuples(one, one).map(lambda ends: between(min(ends), max(ends))),
        st.lists(one, min_size=1, max_size=3).map(in_),
        st.sampled_from([exists(), any_()]),
        predicates,
    )
    return combined(leaves)


def combined(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(not_),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: and_(*parts)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: or_(*parts)),
        ),
        max_leaves=4,
    )


def or_none(patterns: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(patterns, st.none(), patterns.map(lambda pattern: or_(None, pattern)))


def some(fields: dict[str, st.SearchStrategy[Any]], most: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """A few of the fields."""
    return st.lists(st.sampled_from(sorted(fields)), max_size=most, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
    )


uuids = combined(st.one_of(st.sampled_from([A_UUID, B_UUID]), st.just(one_of(A_UUID, B_UUID)), st.just(gt(B_UUID))))
dates = combined(st.one_of(st.sampled_from([date(2020, 1, 2), date(2021, 1, 2)]), st.just(gte(date(2020, 6, 1)))))
moments = combined(st.sampled_from([datetime(2020, 1, 2, tzinfo=UTC), gt(datetime(2020, 1, 2, tzinfo=UTC))]))
decimals = numbers_of([Decimal("19.9"), Decimal("19.90"), Decimal(5)])
currencies = combined(st.sampled_from(["USD", "EUR", one_of("USD", "EUR"), lambda value: value == "EUR"]))
lists_of_texts = combined(
    st.one_of(
        texts_of(TEXTS[:6]).map(any_item),
        st.builds(contains, st.sampled_from(TEXTS[:6])),
        st.lists(st.sampled_from(TEXTS[:6]), max_size=2),
        st.just(empty()),
    )
)
optional_texts = or_none(texts_of(TEXTS))
typed_patterns = some(
    {
        "subject": optional_texts,
        "publisher": optional_texts,
        "attributes": some(
            {
                "item_id": uuids,
                "quantity": numbers_of(NUMBERS),
                "currency": currencies,
                "total": or_none(decimals),
                "weight": or_none(numbers_of(FLOATS)),
                "gift": combined(booleans),
                "tags": lists_of_texts,
                "coupon": optional_texts,
                "subject_": optional_texts,
                "from_": optional_texts,
                "shipped_at": or_none(moments),
                "due": or_none(dates),
                "labels": some({"a": or_none(numbers_of(NUMBERS)), "$or": st.just(1), "x.y": st.just(1)}),
                "best_line": some({"sku": texts_of(TEXTS), "quantity": numbers_of(NUMBERS)}),
            }
        ),
        "object_id": optional_texts,
        "object_current": some({"currency": currencies, "note": optional_texts, "class_": optional_texts}),
    },
    most=3,
)
events = st.builds(
    lambda has_object, **values: placed(**values) if has_object else placed(**values, object=None),
    has_object=booleans,
    subject=st.none() | st.sampled_from(TEXTS),
    publisher=st.none() | st.sampled_from(TEXTS),
    item_id=st.sampled_from([A_UUID, B_UUID]),
    quantity=st.sampled_from(NUMBERS),
    currency=st.sampled_from(["USD", "EUR"]),
    total=st.none() | st.sampled_from([Decimal("19.9"), Decimal("19.90"), Decimal(5)]),
    weight=st.none() | st.sampled_from(FLOATS),
    gift=booleans,
    tags=st.lists(st.sampled_from(TEXTS[:6]), max_size=2),
    coupon=st.none() | st.sampled_from(TEXTS),
    subject_=st.none() | st.sampled_from(TEXTS),
    from_=st.none() | st.sampled_from(TEXTS),
    shipped_at=st.none() | st.just(datetime(2020, 1, 2, tzinfo=UTC)),
    due=st.none() | st.sampled_from([date(2020, 1, 2), date(2021, 1, 2)]),
    labels=st.none() | st.dictionaries(st.sampled_from(["a", "$or", "x.y"]), st.sampled_from(NUMBERS), max_size=2),
)
anything = st.one_of(
    texts_of(TEXTS),
    numbers_of([5, 5.0, Decimal("19.9")]),
    st.sampled_from([True, False, None, A_UUID, date(2020, 1, 2), ["a"], contains("a"), any_item("a"), {"b": "a"}]),
    combined(st.sampled_from([5, "5", True, any_item(5), cast("Any", any_item)(not_("a"))])),
)
names = texts_of(["order.placed", "order", "x", 'o"'])
versions = numbers_of([1, 2, 10**10])
untyped_patterns = some(
    {
        "name": names,
        "domain": or_none(texts_of(["sales", "user"])),
        "version": versions,
        "subject": optional_texts,
        "publisher": optional_texts,
        "attributes": some({"a": anything, "b.c": st.just("a"), "prefix": st.just("a")}),
        "object_id": optional_texts,
        "object_type": optional_texts,
        "object_version": versions,
        "object_current": some({"a": anything}),
    },
    most=3,
)
VALUES = [
    "",
    "a",
    "ab",
    "K",
    "5",
    "5.0",
    "19.90",
    5,
    5.0,
    True,
    False,
    None,
    [],
    ["a"],
    ["b", "a"],
    [5],
    {},
    {"b": "a"},
]
VALUES += [str(A_UUID).upper(), "2020-01-02", "2020-01-02T00:00:00"]
keys = st.dictionaries(st.sampled_from(["a", "b.c", "prefix"]), st.sampled_from(VALUES), max_size=3)
payloads = st.builds(
    lambda event, beside, attributes, entity: {
        "protocol": "mega",
        "version": 1,
        "event": {**beside, "timestamp": "2020-01-02T00:00:00Z", **event, "attributes": attributes},
        **({} if entity is None else {"object": entity}),
    },
    event=st.fixed_dictionaries(
        {"name": st.sampled_from(["order.placed", "order", 'o"'])},
        optional={
            "domain": st.sampled_from(["sales", "user", ""]),
            "version": st.sampled_from([1, 2, 1.0, 2.0, 10**10]),
            "subject": st.sampled_from(TEXTS),
            "publisher": st.sampled_from(TEXTS),
        },
    ),
    beside=keys,  # keys that the protocol does not list are attributes as well
    attributes=keys,
    entity=st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from(TEXTS),
            "type": st.sampled_from(TEXTS),
            "version": st.sampled_from([1, 2]),
            "current": st.dictionaries(st.just("a"), st.sampled_from(VALUES)),
        },
    ),
)
a_few = settings(max_examples=200, suppress_health_check=list(HealthCheck))
reached: dict[str, list[int]] = {}


def judge(of: str, asking: Sequence[type[Any]], payload: Any) -> None:
    """What one of the subscribers wants passes the policy of all, in both scopes."""
    sent = published(payload)
    wanted = any(wants(each, sent) for each in asking)
    counts = reached.setdefault(of, [0, 0, 0])
    for scope in SCOPES:
        policy = filter_policy(*asking, scope=scope)
        try:
            accepted = accepts(policy, sent)
        except (AttributeError, TypeError, ValueError):  # moto takes any value for a text, or a number, and fails
            continue
        counts[0] += wanted
        counts[1] += not accepted
        counts[2] += not wanted
        assert accepted or not wanted, (policy.json(), sent)


def defined(base: Any, patterns: dict[str, Any]) -> type[Any] | None:
    try:
        return subscriber(base, **patterns)
    except PatternError:  # it can never match
        return None


@a_few
@given(st.lists(typed_patterns, min_size=1, max_size=2), events)
def judge_typed(patterns: list[dict[str, Any]], event: OrderPlaced) -> None:
    asking = [each for each in (defined(EventSubscriber[OrderPlaced], p) for p in patterns) if each is not None]
    if asking:
        judge("typed", asking, event)


@a_few
@given(st.lists(untyped_patterns, min_size=1, max_size=2), payloads)
def judge_untyped(patterns: list[dict[str, Any]], payload: dict[str, Any]) -> None:
    asking = [each for each in (defined(EventSubscriber, p) for p in patterns) if each is not None]
    if asking:
        judge("untyped", asking, payload)


@a_few
@given(some({"a": anything, "b": some({"c": anything}), "$or": anything}), st.data())
def judge_data(pattern: dict[str, Any], data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([DataSubscriber, MessageSubscriber]))
    asking = defined(base, {"pattern": pattern})
    members = {"a": st.sampled_from(VALUES), "b": st.dictionaries(st.just("c"), st.sampled_from(VALUES))}
    payload = data.draw(st.one_of(st.fixed_dictionaries({}, optional={**members, "$or": st.just("a")}), payloads))
    if asking is not None:
        judge("data", [asking], payload)


def prove_something(of: str) -> None:
    """Many random cases are wanted, and of those that are not many are dropped: no empty policy could pass."""
    wanted, dropped, unwanted = reached[of]
    assert wanted > 10
    assert dropped > unwanted * 0.05


def test_a_typed_subscriber_loses_nothing() -> None:
    """What a typed subscriber matches, its policy accepts; so does the policy of two."""
    judge_typed()
    prove_something("typed")


def test_an_untyped_subscriber_loses_nothing() -> None:
    """What an untyped subscriber matches, its policy accepts, whatever types the values have and wherever they stand."""
    judge_untyped()
    prove_something("untyped")


def test_data_and_message_subscribers_lose_nothing() -> None:
    """What a data or message subscriber matches, its policy accepts, events beside data included."""
    judge_data()
    prove_something("data")


def test_a_body_without_attributes_is_judged_differently() -> None:
    """For AWS a key is missing where its parent is; moto (and ministack) want the parent."""
    asking = untyped(attributes={"a": "x"})
    document: Any = {
        "protocol": "mega",
        "version": 1,
        "event": {"name": "n", "timestamp": "2020-01-02T00:00:00Z", "a": "x"},
    }
    sent = published(document)
    policy = filter_policy(asking, scope="MessageBody")
    assert wants(asking, sent)
    assert policy.policy["event"]["attributes"] == {"a": [{"exists": False}, "x"]}
    assert not accepts(policy, sent)
    document["event"]["attributes"] = {}
    assert accepts(policy, published(document))


def test_no_character_but_the_excluded_folds_to_ascii() -> None:
    """What `ignore_case` is said for has no spelling outside of ASCII."""
    for point in range(0x80, 0x110000):
        folded = chr(point).casefold()
        if folded.isascii():
            assert re.search("k|s|f[fil]", folded), hex(point)


# --- it drops what it can ----------------------------------------------------------------------------------------------

ITEM = placed(
    subject="s-1", publisher="p", item_id=A_UUID, quantity=6, currency="EUR", gift=True, tags=["a"], coupon="xy"
)
DROPPED: list[tuple[str, type[Any]]] = [
    ("both", subscriber(ItemAddedSubscriber)),
    ("both", subscriber(EventSubscriber[OrderPlaced], subject="s-2")),
    ("both", typed(subject=None)),
    ("both", typed(subject=prefix("x"))),
    ("both", typed(publisher=not_("p"))),
    ("both", untyped(name="order.cancelled")),
    ("both", untyped(name=match(r"user\..*"))),
    ("both", untyped(domain=not_("sales"))),
    ("both", untyped(domain=None)),
    ("both", untyped(version=2)),
    ("both", untyped(version=between(2, 9))),
    ("both", untyped(name=ignore_case("ORDER.FREED"))),
    ("both", untyped(subject=suffix("-2"))),
    ("attributes", subscriber(DataSubscriber)),
    ("attributes", subscriber(MessageSubscriber, pattern=match("ERROR"))),
    ("body", subscriber(DataSubscriber, pattern={"type": "x"})),
    ("body", subscriber(MessageSubscriber, pattern={"event": {"name": "x"}})),
    ("body", typed(attributes={"quantity": gt(6)})),
    ("body", typed(attributes={"quantity": between(1, 5)})),
    ("body", typed(attributes={"quantity": not_(6)})),
    ("body", typed(attributes={"item_id": B_UUID})),
    ("body", typed(attributes={"item_id": not_(A_UUID)})),
    ("body", typed(attributes={"currency": "USD"})),
    ("body", typed(attributes={"gift": False})),
    ("body", typed(attributes={"tags": contains("b")})),
    ("body", typed(attributes={"coupon": one_of("a", "b")})),
    ("body", typed(attributes={"weight": between(0.0, 1.5)})),
    ("body", typed(attributes={"best_line": {"sku": "x"}})),
    ("body", typed(object_id="o-2")),
    ("body", typed(object_current={"currency": not_("EUR")})),
    ("body", untyped(attributes={"coupon": "a"})),
    ("body", untyped(attributes={"gift": False})),
    ("body", untyped(object_type="cart")),
    ("body", untyped(object_current={"currency": "USD"})),
]  # fmt: skip
KEPT = {"weight"}  # the message lacks it, and it might stand beside `attributes`; moto wants the parent of a nested one


@pytest.mark.parametrize(("where", "asking"), DROPPED, ids=[f"{w}-{i}" for i, (w, _) in enumerate(DROPPED)])
def test_what_is_not_wanted_is_dropped(where: str, asking: type[Any]) -> None:
    """A message that the subscriber does not want is dropped, in the scopes that can say so."""
    sent = published(ITEM)
    assert not wants(asking, sent)
    attributes = asking.__wanted__.parts.get("event_attributes", {}) if asking.__wanted__.parts else {}
    for scope in {"both": SCOPES, "attributes": SCOPES[:1], "body": SCOPES[1:]}[where]:
        assert accepts(filter_policy(asking, scope=scope), sent) == bool(KEPT & attributes.keys())


def test_binary_events_are_filtered_by_attributes() -> None:
    """The default scope is the same for BSON; a policy over the body drops it, and the policy says so."""
    sent = published(ITEM, binary_encoding=True)
    wanting = typed(subject="s-1")
    assert accepts(filter_policy(wanting), sent)
    assert not accepts(filter_policy(typed(subject="s-2")), sent)
    body = filter_policy(wanting, scope="MessageBody")
    assert not accepts(body, sent)
    assert "BSON" in body.notes[0]


def test_compressed_documents_and_texts_are_wanted_too() -> None:
    """By its attributes a compressed message passes as the same one does that is not."""
    document, text = {"a": "x" * 300}, "ERROR " + "x" * 300
    for asking, payload in (
        (subscriber(DataSubscriber), document),
        (subscriber(MessageSubscriber, pattern={"a": prefix("x")}), document),
        (subscriber(MessageSubscriber, pattern=match("ERROR")), text),
    ):
        sent = published(payload, compress_above=0)
        assert sent["MessageAttributes"]["content-type"]["StringValue"].endswith("+gzip")
        assert wants(asking, sent)
        assert accepts(filter_policy(asking), sent)
    assert "compressed" in filter_policy(subscriber(DataSubscriber, pattern={"a": "x"}), scope="MessageBody").notes[0]


def test_everything_means_no_filter() -> None:
    """Without anything to say there is no filter policy: nothing to subscribe with, and `{}` takes one off."""
    policy = filter_policy(subscriber(MessageSubscriber), typed())
    assert (policy.policy, policy.attributes(), policy.json(), policy.notes) == ({}, {}, "{}", ())
    assert filter_policy(subscriber(DataSubscriber), scope="MessageBody").policy == {}


def test_what_is_left_out_is_reported() -> None:
    """Each pattern that is not said stands in the residual, with subscriber, path, pattern and reason."""
    asking = typed(subject=match(r"\d"), attributes={"total": gt(Decimal(5)), "quantity": gt(5)})
    body = filter_policy(asking, scope="MessageBody")
    assert [(each.subscriber, each.path, each.pattern) for each in body.residual] == [
        (asking, "event.subject", match(r"\d")),
        (asking, "event.attributes.total", gt(Decimal(5))),
    ]
    assert all(each.reason for each in body.residual)
    assert [each.path for each in filter_policy(asking).residual] == ["event.subject", "event.attributes"]


def test_null_is_not_taken_for_missing() -> None:
    """An attribute that may be null says nothing of absence; one that may only be missing does."""
    nullable, missing = typed(attributes={"coupon": None}), typed(attributes={"from_": None})
    sent = published(placed(coupon=None, from_=None))
    assert '"coupon":null' in sent["Message"]
    assert all(wants(each, sent) for each in (nullable, missing))
    policies = [filter_policy(each, scope="MessageBody") for each in (nullable, missing)]
    assert all(accepts(policy, sent) for policy in policies)
    assert [len(policy.residual) for policy in policies] == [1, 0]
    assert policies[1].policy["event"]["attributes"] == {"from": [{"exists": False}]}


class Noted(Model):
    """A number and, perhaps, a word on it."""

    quantity: int
    note: int | None = None


class WithDefaults(Event):
    """An event in whose payloads whole objects may be left out."""

    __event_type__: ClassVar[EventType] = EventType("sales", "with.defaults", 1)
    __spread__: ClassVar[bool] = False

    line: Line = Line(sku="x", quantity=1, price=Decimal(1))
    labels: dict[str, str] = Field(default_factory=lambda: {"a": "x"})
    best: Noted | None = None


@pytest.mark.parametrize("attributes", [{"line": {"sku": "x"}}, {"labels": {"a": "x"}}])
def test_the_default_of_an_object_may_match(attributes: dict[str, Any]) -> None:
    """A message without an object that has a default is let through to whom a field of the default matches."""
    asking = subscriber(EventSubscriber[WithDefaults], attributes=attributes)
    sent = published(WithDefaults())
    left_out = json.loads(sent["Message"])
    left_out["event"]["attributes"] = {}
    sent["Message"] = json.dumps(left_out)
    assert wants(asking, sent)
    policy = filter_policy(asking, scope="MessageBody")
    assert lets_through(policy.policy, "MessageBody", sent["Message"], {})


def test_an_object_that_may_be_absent_is_not_taken_for_granted() -> None:
    """A field that is never absent from its object is asked for, or residual, where the object may be absent."""
    asking = subscriber(EventSubscriber[WithDefaults], attributes={"best": {"quantity": exists()}})
    policy = filter_policy(asking, scope="MessageBody")
    assert policy.policy["event"]["attributes"] == {"best": {"quantity": [{"exists": True}]}}
    assert policy.residual == ()
    for unsaid in (typed(object_type="order"), untyped(object_version=exists())):
        for scope in SCOPES:
            assert [each.path[:6] for each in filter_policy(unsaid, scope=scope).residual] == ["object"]
    assert (
        filter_policy(
            subscriber(EventSubscriber[OrderCancelled], object_version=exists()), scope="MessageBody"
        ).residual
        == ()
    )


@pytest.mark.parametrize("number", [10**30, -(10**30), Decimal("1e999999")], ids=["large", "small", "huge"])
@pytest.mark.parametrize("pattern", [lambda n: or_(1, n), gt, lt, not_, lambda n: not_(gte(n))])
def test_huge_integers_are_not_said(pattern: Any, number: Any) -> None:
    """An integer beyond what SNS compares, and beyond the precision of decimals, makes the pattern residual."""
    for scope in SCOPES:
        policy = filter_policy(untyped(name="n", version=pattern(number)), scope=scope)
        assert "version" not in policy.json()
        assert [each.path for each in policy.residual] == ["event.version"]


def test_what_is_said_in_part_is_residual() -> None:
    """Of a conjunction the part that always holds is no reason to forget the other, nor is a field that may be missing
    with the object around it."""
    moment = datetime(2020, 1, 2, tzinfo=UTC)
    asking = [
        (untyped(name="n", timestamp=and_(moment, exists())), "event.timestamp"),
        (
            subscriber(EventSubscriber[WithDefaults], attributes={"best": {"note": empty()}}),
            "event.attributes.best.note",
        ),
    ]
    for each, path in asking:
        assert [left.path for left in filter_policy(each, scope="MessageBody").residual] == [path]


def test_one_subscriber_for_several_versions() -> None:
    """Of a subscriber of several event classes, each class is let through, with what the patterns say of it."""
    asking = subscriber(ItemAddedSubscriber, attributes={"quantity": between(1, 5)})
    asking.__wanted__ = replace(asking.__wanted__, event_classes=(ItemAdded, ItemAddedV2))
    assert filter_policy(asking).policy == {
        "mega-domain": ["shopping_cart"],
        "mega-name": ["item.added"],
        "mega-version": [{"numeric": ["=", 1]}, {"numeric": ["=", 2]}],
    }
    attributes = {"quantity": [{"exists": False}, {"numeric": [">=", 1, "<=", 5]}]}
    assert filter_policy(asking, scope="MessageBody").policy["event"]["attributes"] == attributes


# --- several subscribers, and the limits -------------------------------------------------------------------------------


def test_the_union_widens_key_by_key() -> None:
    """Values are put together, a key that one does not name goes and is reported, and combinations pass."""
    added, removed = subscriber(ItemAddedSubscriber, subject="1"), subscriber(ItemRemovedSubscriber)
    policy = filter_policy(added, removed)
    assert policy.policy["mega-name"] == ["item.added", "item.removed"]
    assert "mega-subject" not in policy.policy
    assert [(each.subscriber, each.path) for each in policy.residual] == [(added, "event.subject")]


def test_or_keeps_subscribers_apart() -> None:
    """With `use_or` what is common stands once, and the rest in branches; not beyond the limits."""
    added, removed = subscriber(ItemAddedSubscriber, subject="1"), subscriber(ItemRemovedSubscriber)
    policy = filter_policy(added, removed, use_or=True)
    assert policy.policy == {
        "mega-domain": ["shopping_cart"],
        "mega-version": [{"numeric": ["=", 1]}],
        "$or": [{"mega-name": ["item.added"], "mega-subject": ["1"]}, {"mega-name": ["item.removed"]}],
    }
    assert policy.residual == ()
    for asking in ([added], [added, typed(), untyped(name="x", subject="y")]):
        assert filter_policy(*asking, use_or=True) == filter_policy(*asking)


@pytest.mark.parametrize("count", [3, 149, 150, 151, 1000])
def test_too_many_values_go_first(count: int) -> None:
    """A key with more values than a policy may have combinations goes, the others stay, and it is reported."""
    names = [f"name-{number}" for number in range(count)]
    policy = filter_policy(untyped(domain="d", name=one_of(*names)))
    assert policy.policy == {"mega-domain": ["d"], **({"mega-name": names} if count <= 150 else {})}
    assert len(policy.residual) == (count > 150)


def test_the_least_selective_keys_go() -> None:
    """Beyond five keys, or 150 combinations, the version goes first, then the domain, then what is least exact."""
    attributes = {"coupon": "a", "currency": "USD", "gift": True, "item_id": not_(A_UUID)}
    policy = filter_policy(typed(attributes=attributes, subject="1"), scope="MessageBody")
    assert policy.policy["event"]["name"] == ["order.placed"]
    assert "version" not in policy.policy["event"]
    assert "item_id" not in policy.policy["event"]["attributes"]
    lost = [each for each in policy.residual if each.reason.startswith("a policy has at most")]
    assert [each.path for each in lost][:2] == ["event.version", "event.domain"]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_large_policy_is_cut(scope: Any) -> None:
    """No policy has more than 256 KB."""
    policy = filter_policy(untyped(name=one_of(*["x" * 3000 + str(n) for n in range(100)]), domain="d"), scope=scope)
    assert len(policy.json()) < 262_144
    assert "d" in policy.json()


@pytest.mark.parametrize("key", ["$or", "a.b", "", 'a"b', "a\\b", "prefix", "exists", "a[0]", "\ud800", "regex", ">="])
def test_ambiguous_keys_are_left_out(key: str) -> None:
    """A key that AWS might read in another way, or that would make a key of `$or`, is never written."""
    policy = filter_policy(subscriber(DataSubscriber, pattern={key: "x", "plain": "y"}), scope="MessageBody")
    assert policy.policy == {"plain": ["y"]}
    assert [each.pattern for each in policy.residual] == ["x"]


def test_a_constant_says_nothing() -> None:
    """What every valid event matches needs no key, and is no residual."""
    policy = filter_policy(typed(attributes={"channel": "web", "quantity": gte(1)}), scope="MessageBody")
    assert policy.residual == ()
    assert policy.policy.keys() == {"event"}
    assert "attributes" not in policy.policy["event"]


def test_wrong_arguments_are_refused() -> None:
    """No subscriber, an instance, another class, another scope."""
    wrong: list[Any] = [(), (typed()(),), (int,)]
    for asking in wrong:
        with pytest.raises(ConfigurationError):
            filter_policy(*asking)
    with pytest.raises(ConfigurationError, match="scope"):
        filter_policy(typed(), scope="Body")  # type: ignore[arg-type]


# --- over HTTP ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """Clients of a server."""

    name: str
    sns: Any
    sqs: Any


def clients(name: str, endpoint: str) -> Server:
    session: Any = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1")
    return Server(name, *(session.client(service, endpoint_url=endpoint) for service in ("sns", "sqs")))


@pytest.fixture(scope="module")
def ministack() -> Iterator[str]:
    """The endpoint of a ministack."""
    with running_ministack() as endpoint:
        if endpoint is None:
            pytest.skip("no ministack; see tests/ministack.py")
        yield endpoint


@pytest.fixture(params=["moto", "ministack"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each of the two."""
    endpoint = request.getfixturevalue("aws_server" if request.param == "moto" else "ministack")
    found = clients(request.param, endpoint)
    yield found
    found.sns.close()
    found.sqs.close()


SENT: list[Any] = [
    ITEM,
    placed(subject="s-2", quantity=3, currency="USD", weight=1e10, total=Decimal("19.90")),
    placed(subject=None, quantity=100, gift=True, tags=["b", "a"], object=None, due=date(2020, 1, 2)),
    PayloadBuilder().with_event("user.login", domain="user", version=2, subject="é", a="x", n="19.90").build(),
    PayloadBuilder().with_event("user.logout", domain="user", subject="a" * 300, a=["x", "y"]).build(),
    {"type": "notification", "user": {"id": "u"}},
]
ASKING: list[type[Any]] = [
    typed(),
    typed(subject=match(r"s-\d"), attributes={"quantity": gt(5)}),
    typed(attributes={"currency": "USD", "weight": or_(None, gt(5.0))}),
    typed(attributes={"item_id": one_of(A_UUID, ITEM.item_id), "quantity": and_(gt(2), lt(100))}),
    typed(attributes={"tags": contains("a"), "gift": True}),
    typed(attributes={"due": date(2020, 1, 2)}, subject=None),
    typed(object_current={"currency": not_("USD")}),
    typed(attributes={"quantity": not_(3)}, publisher=not_("x")),
    untyped(name=match(r"user\.")),
    untyped(domain="user", version=2, attributes={"a": "x", "n": 19.9}),
    untyped(subject=prefix("a"), attributes={"a": any_item("y")}),
    untyped(domain=one_of("sales", "user"), name=suffix("log" + "in")),
    untyped(version=not_(1)),
    subscriber(DataSubscriber, pattern={"type": prefix("not"), "user": {"id": "u"}}),
]


@pytest.mark.parametrize("scope", SCOPES)
def test_servers_deliver_what_is_wanted(server: Server, scope: Any) -> None:
    """Queues subscribed with a policy receive all that is wanted of what the publisher sends, and not everything."""
    topic_arn = server.sns.create_topic(Name=f"t-{uuid4().hex}")["TopicArn"]
    queues = {}
    for asking in ASKING:
        url = server.sqs.create_queue(QueueName=f"q-{uuid4().hex}")["QueueUrl"]
        arn = server.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {"RawMessageDelivery": "true", **filter_policy(asking, scope=scope).attributes()}
        server.sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        queues[url] = asking
    publisher = SnsPublisher(topic_arn, client=server.sns)
    for payload in SENT:
        publisher.publish(payload)
    sent = [published(payload) for payload in SENT]
    delivered = 0
    for url, asking in queues.items():
        expected = {each["Message"] for each in sent if wants(asking, each)}
        assert expected, asking.__wanted__
        answer = server.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        bodies = {message["Body"] for message in answer.get("Messages", [])}
        assert expected <= bodies, (filter_policy(asking, scope=scope).json(), expected - bodies)
        delivered += len(bodies)
    assert delivered < len(queues) * len(SENT) * 0.6


@pytest.mark.parametrize("scope", SCOPES)
def test_or_over_http(ministack: str, scope: Any) -> None:
    """ministack reads `$or` as AWS documents it: each subscriber gets its own, and what neither wants is dropped."""
    server = clients("ministack", ministack)
    first, second = untyped(name="a"), untyped(subject="2")
    policy = filter_policy(first, second, scope=scope, use_or=True)
    assert "$or" in policy.policy
    topic_arn = server.sns.create_topic(Name=f"t-{uuid4().hex}")["TopicArn"]
    url = server.sqs.create_queue(QueueName=f"q-{uuid4().hex}")["QueueUrl"]
    arn = server.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {"RawMessageDelivery": "true", **policy.attributes()}
    server.sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    for name, subject in (("a", "1"), ("b", "2"), ("b", "1")):
        payload = PayloadBuilder().with_event(name, subject=subject).build()
        SnsPublisher(topic_arn, client=server.sns).publish(payload)
    answer = server.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    events = [json.loads(message["Body"])["event"] for message in answer["Messages"]]
    assert sorted((event["name"], event["subject"]) for event in events) == [("a", "1"), ("b", "2")]
    server.sns.close()
    server.sqs.close()


@pytest.mark.parametrize(
    ("policy", "body", "expected"),
    [
        ({"a": {"k": ["x"]}}, {"a": [[{"k": "x"}]]}, True),
        ({"a": {"k": ["x"]}}, {"a": [[{"k": "y"}], "x"]}, False),
        ({"a": ["x"]}, {"a": [["y", ["x"]]]}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["x"]}]}, {"b": "x"}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["x"]}]}, {"c": "x"}, False),
        ({"a": [{"exists": False}]}, {"a": [[]]}, True),
    ],
)
def test_the_filters_of_the_testing_kit(policy: dict[str, Any], body: dict[str, Any], expected: bool) -> None:
    """Lists are looked through, lists in them too, as AWS does."""
    parsed = parse_policy(json.dumps(policy), "MessageBody")
    assert lets_through(parsed, "MessageBody", json.dumps(body), {}) is expected


def test_a_branch_with_a_reserved_name_makes_no_alternative() -> None:
    """AWS takes ``$or`` for a key like any where a branch has the name of one of its matcher's rules."""
    policy = {"$or": [{"a": ["x"]}, {"regex": ["x"]}]}
    with pytest.raises(Refusal, match="Unrecognized match type"):
        parse_policy(json.dumps(policy), "MessageBody")
