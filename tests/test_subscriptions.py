"""Who matches a payload: the subscribers of an event class, untyped ones, data and message subscribers together."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_typed import DataSubscriber, Dispatcher, EventSubscriber, MegaPayload, MessageSubscriber, Record, explain
from mega_typed import askers as askers_module
from mega_typed.match import PredicateFailed, any_, gt, lt, match, matches, not_, one_of, prefix
from mega_typed.payload import EventType
from mega_typed.subscribers import Subscriber

from tests.samples import OrderPlaced, placed

PLACED = placed().to_json().decode()


def subscriber(base: Any, **attributes: Any) -> Any:
    """A subscriber class that does nothing."""

    class Made(base):  # type: ignore[misc]
        vars().update(attributes)

        def process(self, payload: Any) -> None: ...

    return Made


def registered(*subscribers: Any) -> Dispatcher:
    """A dispatcher with subscribers."""
    dispatcher = Dispatcher()
    for each in subscribers:
        dispatcher.register(each)
    return dispatcher


def body(name: str, **attributes: Any) -> str:
    """An untyped event as text."""
    event = {"name": name, "timestamp": "2020-05-04T15:53:23Z", "attributes": attributes}
    return json.dumps({"protocol": "mega", "version": 1, "event": event})


def small(value: Any) -> bool:
    return bool(value < 3)


def stubborn(value: Any) -> bool:
    raise LookupError


def _value(payload: Any, key: str, typed: bool) -> Any:
    section, _, name = key.partition("_")
    if section == "object":
        return getattr(payload.object, name, None)
    if typed:
        return payload if name == "attributes" else getattr(payload, name)
    return getattr(payload.event, name)


def expected(subscribers: list[Any], text: str) -> tuple[list[type[Subscriber[Any]]], list[type[Subscriber[Any]]]]:
    """The loop over all, with ``matches`` alone; a predicate that raised counts where everything else matches."""
    matched: list[Any] = []
    failed: list[Any] = []
    document = json.loads(text)
    payload = MegaPayload.from_document(document)
    for each in subscribers:
        wanted = each.__wanted__
        typed = bool(wanted.event_classes)
        if typed and payload.event_type not in [known.__event_type__ for known in wanted.event_classes]:
            continue
        if issubclass(each, DataSubscriber):
            continue
        pairs: list[tuple[Any, Any]] = []
        if issubclass(each, MessageSubscriber):
            pairs = [(wanted.whole, document)]
        else:
            if not typed:
                pairs = [(p, getattr(payload.event_type, key)) for key, p in wanted.identity.items()]
            seen = OrderPlaced.from_json(text) if typed else payload
            pairs += [(p, _value(seen, key, typed)) for key, p in wanted.parts.items()]
        raised, answers = False, []
        for pattern, value in pairs:
            try:
                answers.append(matches(pattern, value, conversions=not typed))
            except PredicateFailed:
                raised = True
        if all(answers):
            (failed if raised else matched).append(each)
    return matched, failed


NAMES = st.sampled_from(
    ["order.placed", match("order"), prefix("order.p"), one_of("a", "b"), "a", match("a|b"), any_()]
)
QUANTITIES = st.sampled_from([5, gt(4), gt(5), not_(5), lt(3), one_of(5, 6)])
UNTYPED = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "subject": st.sampled_from(["42", "43", match("4"), 42]),
        "attributes": st.fixed_dictionaries({}, optional={"quantity": QUANTITIES, "currency": st.just("USD")}),
        "object_id": st.sampled_from(["o-1", None, match("o-")]),
        "object_current": st.sampled_from([{}, {"currency": "EUR"}, {"currency": not_("EUR")}]),
    },
).map(lambda attributes: subscriber(EventSubscriber, **attributes))
TYPED = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["42", "43", match("4")]),
        "attributes": st.sampled_from(
            [{"quantity": 5}, {"quantity": gt(5)}, {"gift": False}, {"quantity": small}, {"quantity": stubborn}]
        ),
        "object_current": st.sampled_from([{"currency": "EUR"}, {"currency": not_("EUR")}]),
        "object_id": st.sampled_from(["o-1", "o-2"]),
    },
).map(lambda attributes: subscriber(EventSubscriber[OrderPlaced], **attributes))
WHOLE = st.sampled_from(
    [
        lambda: subscriber(MessageSubscriber),
        lambda: subscriber(MessageSubscriber, pattern={"event": {"name": "a"}}),
        lambda: subscriber(DataSubscriber),
    ]
).map(lambda make: make())


@given(st.lists(st.one_of(UNTYPED, UNTYPED, TYPED, WHOLE), max_size=25), st.lists(st.sampled_from([PLACED, body("a"), body("b", quantity="6"), body("c")]), max_size=4))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_dispatch_is_the_loop_over_all_subscribers(subscribers: list[Any], texts: list[str]) -> None:
    """Who processes a message, in which order, and who is reported, is what one finds asking each of them."""
    dispatcher = registered(*subscribers)
    for text in texts:
        outcome = dispatcher.handle(Record(body=text))
        matched, failed = expected(subscribers, text)
        assert [result.subscriber for result in outcome.results] == matched
        assert [defect.subscriber for defect in outcome.defects] == failed


def test_a_predicate_is_asked_last() -> None:
    """It is not called, and does not fail, where anything else in the pattern of its subscriber does not match."""
    text = body("a", quantity=5, kind="x")
    unasked = [
        subscriber(EventSubscriber, attributes={"quantity": stubborn, "kind": "y"}),
        subscriber(EventSubscriber, subject=stubborn, attributes={"kind": "x"}),
        subscriber(EventSubscriber, name="b", attributes=stubborn),
        subscriber(EventSubscriber, name=stubborn, domain="d"),
    ]
    assert registered(*unasked).handle(Record(body=text)).defects == ()
    asked = [
        subscriber(EventSubscriber, attributes={"quantity": stubborn, "kind": "x"}),
        subscriber(EventSubscriber, name=stubborn, attributes={"kind": "y"}),
        subscriber(EventSubscriber, attributes={"kind": not_(stubborn)}),
    ]
    assert [each.subscriber for each in registered(*asked).handle(Record(body=text)).defects] == asked


def test_predicates_are_called_in_the_order_of_declaration() -> None:
    """From left to right, up to the first that does not hold."""
    called: list[str] = []

    def noting(name: str, answer: bool) -> Any:
        def predicate(value: Any) -> bool:
            called.append(name)
            return answer

        return predicate

    pattern = {"a": noting("a", True), "b": {"c": noting("c", True), "d": noting("d", False)}, "e": noting("e", True)}
    each = subscriber(EventSubscriber, subject=None, attributes=pattern)
    registered(each).handle(Record(body=body("x", a=1, b={"c": 1, "d": 1}, e=1)))
    assert called == ["a", "c", "d"]


@pytest.mark.parametrize("base", [EventSubscriber, EventSubscriber[OrderPlaced], MessageSubscriber])
def test_what_is_registered_later_is_found(base: Any) -> None:
    """A subscriber that is registered after messages were handled gets the next one."""
    dispatcher = registered(subscriber(base))
    assert len(dispatcher.handle(Record(body=PLACED)).results) == 1
    for count in range(2, 14):
        dispatcher.register(subscriber(base))
        assert len(dispatcher.handle(Record(body=PLACED)).results) == count


def test_what_is_remembered_of_identities_is_bounded() -> None:
    """Ten thousand identities, long and short, leave no more than a fixed number of short answers behind."""
    dispatcher = registered(*(subscriber(EventSubscriber, name=match("e")) for _ in range(50)))
    askers = dispatcher._subscriptions.askers
    for number in range(3 * askers_module._REMEMBERED):
        assert (
            len(
                askers.matching(
                    askers.asking(EventType(None, f"e{number}"))[0],
                    MegaPayload.from_document(json.loads(body(f"e{number}"))),
                )[0]
            )
            == 50
        )
    askers.asking(EventType(None, "e" * 100_000))
    askers.asking(EventType("d", "e", 10**1000))
    _, remembered, _ = askers._remembered
    assert 0 < len(remembered) <= askers_module._REMEMBERED
    assert all(len(numbers) <= askers_module._FEW + 1 for numbers in remembered.values())
    assert max(len(name) for _, name, _ in remembered) <= askers_module._LENGTH


def test_a_predicate_over_the_identity_among_many() -> None:
    """Where many ask, and some of them by a predicate, each predicate decides about its own subscriber."""
    many = [subscriber(EventSubscriber, domain=None) for _ in range(20)]
    refusing = subscriber(EventSubscriber, name=lambda name: name == "b", attributes=stubborn)
    failing = subscriber(EventSubscriber, name=stubborn)
    dispatcher = registered(*many, refusing, failing)
    for name, failures in (("a", [failing]), ("b", [refusing, failing])):
        outcome = dispatcher.handle(Record(body=body(name)))
        assert [result.subscriber for result in outcome.results] == many
        assert [defect.subscriber for defect in outcome.defects] == failures


def test_threads_find_the_same_while_subscribers_are_registered() -> None:
    """Nobody who was registered before a message is missed, whichever thread builds the index."""
    dispatcher = registered(subscriber(EventSubscriber, name="a"))

    def register() -> None:
        for _ in range(60):
            dispatcher.register(subscriber(EventSubscriber, name="a"))

    def handle() -> list[int]:
        counts = []
        for _ in range(60):
            before = len(dispatcher.subscribers)
            counts.append(len(dispatcher.handle(Record(body=body("a"))).results) - before)
        return counts

    with ThreadPoolExecutor(4) as threads:
        growing = threads.submit(register)
        found = [threads.submit(handle) for _ in range(3)]
        growing.result()
        assert all(extra >= 0 for each in found for extra in each.result())


def test_matching_tells_who_would_receive_a_payload() -> None:
    """Of each kind of payload the subscribers that match, in order, without processing."""
    typed, other = subscriber(EventSubscriber[OrderPlaced]), subscriber(EventSubscriber, name="a")
    data, everything = subscriber(DataSubscriber, pattern={"a": 1}), subscriber(MessageSubscriber)
    dispatcher = registered(everything, typed, other, data)
    assert dispatcher.matching(placed()) == (typed,)
    assert dispatcher.matching(MegaPayload.from_document(json.loads(body("a")))) == (other,)
    assert dispatcher.matching({"a": 1}) == (everything, data)
    assert dispatcher.matching("text") == dispatcher.matching(b"bytes") == (everything,)


@pytest.mark.parametrize(("subject", "matched"), [("s", True), ("other", False)])
def test_a_pattern_over_a_message_is_explained_by_the_document(subject: str, matched: bool) -> None:
    """A message subscriber's pattern is about the whole document, also where its ``process`` is given a payload."""
    asking = subscriber(MessageSubscriber, pattern={"event": {"subject": subject}})
    document = json.loads(body("a"))
    document["event"]["subject"] = "s"
    assert explain(asking, MegaPayload.from_document(document)).matched is matched
    assert [each.matched for each in registered(asking).explain(Record(body=json.dumps(document)))] == [matched]
