"""What dispatch costs with ten thousand subscribers, as ratios to one ``orjson.loads`` of the example event.

A row that starts with ``match`` is what dispatch does between reading a payload and processing it: it finds those who
match. The next one starts from the body of a message; ``record to outcome`` is all of ``Dispatcher.handle``, and above
it stands what it cannot do without, the bare decoding and validation.
The peers match one payload against one pattern of four conditions, and so do we there: moto's matcher of SNS filter
policies on the parsed body, and a compiled program of the Common Expression Language in Rust.
"""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle
from types import new_class
from typing import Any

import cel
import orjson
from mega_typed import DataSubscriber, Dispatcher, Event, EventSubscriber, Record
from mega_typed.codecs import ContentType, decode, encode_json_text
from mega_typed.event import wire_reader
from mega_typed.match import and_, between, gt, gte, lt, match, one_of
from mega_typed.payload import EventType, MegaPayload, identity_of
from moto.sns.utils import FilterPolicyMatcher

from bench.measuring import Row
from generated.shopping_cart import ItemAdded

COUNT = 10_000
Classes = list[type[Any]]


def classes(base: Any, patterns: Iterator[dict[str, Any]]) -> Classes:
    """A subscriber class for each pattern."""

    def process(self: object, payload: object) -> None: ...

    def body(pattern: dict[str, Any], namespace: dict[str, Any]) -> None:
        namespace.update(pattern, process=process)

    return [new_class("Bench", (base,), exec_body=partial(body, each)) for each in patterns]


def registered(subscribers: Classes) -> Dispatcher:
    """A dispatcher with subscribers."""
    dispatcher = Dispatcher()
    for subscriber in subscribers:
        dispatcher.register(subscriber)
    return dispatcher


def untyped(dispatcher: Dispatcher) -> Callable[[EventType, MegaPayload], Sequence[int]]:
    """The search for the untyped subscribers of an event whose identity is known."""
    askers = dispatcher._subscriptions.askers

    def search(identity: EventType, payload: MegaPayload) -> Sequence[int]:
        asking, _ = askers.asking(identity)
        return askers.matching(asking, payload)[0]

    return search


def typed(dispatcher: Dispatcher) -> Callable[[Event], tuple[Sequence[int], object]]:
    """The search for the subscribers of a typed event."""
    return dispatcher._subscriptions.classes[ItemAdded].matching


def by_event(count: int) -> Classes:
    """Subscribers, each for another event; the first for that of the example."""
    names = (f"thing{number}.happened" if number else "item.added" for number in range(count))
    return classes(EventSubscriber, ({"domain": "shopping_cart", "name": name} for name in names))


def on_one_event(count: int) -> Classes:
    """Subscribers on the example event, told apart by two equalities of few values and two pairs of thresholds."""

    def pattern(number: int) -> dict[str, Any]:
        rest, currency = divmod(number, 4)
        rest, low = divmod(rest, 50)
        user = 1_000_000 - 20_000 * (rest + 1)
        return {
            "attributes": {"quantity": between(5 + low, 5 + low)},
            "object_current": {
                "currency": ("USD", "EUR", "GBP", "BRL")[currency],
                "user_id": and_(gte(user), lt(user + 20_000)),
            },
        }

    return classes(EventSubscriber[ItemAdded], map(pattern, range(count)))


def by_subject(count: int) -> Classes:
    """Subscribers on the example event, told apart by their subject, with thresholds."""
    return classes(
        EventSubscriber[ItemAdded],
        ({"subject": str(987650 + n), "attributes": {"quantity": and_(gt(n % 5), lt(100))}} for n in range(count)),
    )


def by_expression(count: int) -> Classes:
    """Subscribers with a regular expression over the name."""
    return classes(EventSubscriber, ({"name": match(rf"thing{number}\.(happened|failed)$")} for number in range(count)))


def everything(count: int) -> Classes:
    """Subscribers that all match the example event."""
    return classes(
        EventSubscriber[ItemAdded], ({"attributes": {"quantity": gt(number % 4)}} for number in range(count))
    )


def rows(text: str) -> Iterator[Row]:
    """The rows of the index, each against one parse of the example."""

    def parse() -> object:
        return orjson.loads(text)

    document = orjson.loads(text)
    event, payload = ItemAdded.from_json(text), MegaPayload.from_document(document)
    identity = payload.event_type
    one, many = untyped(registered(by_event(1))), untyped(registered(by_event(COUNT)))
    assert len(many(identity, payload)) == 1
    yield Row("match: 1 of 10,000, each for another event", parse, lambda: many(identity, payload), 0.2)
    yield Row(
        "match: 10,000 / 1, each for another event",
        lambda: one(identity, payload),
        lambda: many(identity, payload),
        1.25,
    )

    few_values, many_values = typed(registered(on_one_event(COUNT))), typed(registered(by_subject(COUNT)))
    assert len(few_values(event)[0]) == len(many_values(event)[0]) == 1
    yield Row("match: 1 of 10,000 on one event, few values, thresholds", parse, lambda: few_values(event), 0.5)
    yield Row("match: 1 of 10,000 on one event, many values, thresholds", parse, lambda: many_values(event), 0.5)

    expressions = untyped(registered(by_expression(COUNT)))
    warm = identity._replace(name="thing4711.failed")
    assert len(expressions(warm, payload)) == 1
    names = cycle([identity._replace(name=f"thing{number}.happened") for number in range(0, COUNT, 3)])
    yield Row("match: 10,000 regular expressions, warm", parse, lambda: expressions(warm, payload), 0.2)
    yield Row("match: 10,000 regular expressions, cold", parse, lambda: expressions(next(names), payload), 1.0)

    nobody = registered(by_event(COUNT)[1:])
    yield Row("decode and match, 10,000, nobody asks, JSON", parse, decoded(nobody, text, str(ContentType.JSON)), 0.6)

    all_of_them = registered(everything(COUNT)).matching
    assert len(all_of_them(event)) == COUNT
    yield Row("match: 10,000 of 10,000, for each", parse, lambda: all_of_them(event), 0.1, repeat=40, count=COUNT)

    full = registered(on_one_event(COUNT))
    bson_body = encode_json_text(text, binary_encoding=True).body
    for content_type, body, goal in ((ContentType.JSON, text, 4.0), (ContentType.BSON, bson_body, 5.5)):
        record = Record(body=body, attributes={"content-type": str(content_type)})
        assert len(full.handle(record).results) == 1
        yield Row(
            f"validated alone, {content_type.name}",
            parse,
            partial(validated, wire_reader(ItemAdded), body, content_type),
            goal,
        )
        yield Row(f"record to outcome, 1 of 10,000, {content_type.name}", parse, partial(full.handle, record), goal)


def validated(read: Callable[[str | bytes], Event], body: str, content_type: ContentType) -> Event:
    """What the next row cannot do without: decoding and validation, the bare calls."""
    return read(decode(body, content_type).json_text())


def decoded(dispatcher: Dispatcher, body: str, content_type: str) -> Callable[[], object]:
    """Decode a body, look at its identity and select subscribers."""
    subscriptions = dispatcher._subscriptions

    def select() -> object:
        content = decode(body, content_type)
        identity = identity_of(content)
        assert identity is not None
        return subscriptions.of_event(identity, content)

    return select


def peer_rows(text: str) -> Iterator[Row]:
    """One pattern against one parsed payload."""
    document = json.loads(text)
    pattern = {
        "event": {"name": "item.added", "attributes": {"quantity": gt(4)}},
        "object": {"current": {"currency": one_of("USD", "EUR"), "user_id": gt(1000)}},
    }
    policy = {
        "event": {"name": ["item.added"], "attributes": {"quantity": [{"numeric": [">", 4]}]}},
        "object": {"current": {"currency": ["USD", "EUR"], "user_id": [{"numeric": [">", 1000]}]}},
    }
    moto = FilterPolicyMatcher(policy, "MessageBody")._body_based_match
    program = cel.compile(
        'event.name == "item.added" && event.attributes.quantity > 4'
        ' && object.current.currency in ["USD", "EUR"] && object.current.user_id > 1000'
    )
    for few in (1, 100):
        data = registered(classes(DataSubscriber, iter([{"pattern": pattern}] * few)))._subscriptions.data
        assert len(data.matching(document)[0]) == few
        search = data.matching
        assert moto(document)
        assert program.execute(document)
        count = "one pattern" if few == 1 else f"{few} patterns"
        yield Row(
            f"{count}: ours / moto's SNS filter policy",
            repeated(moto, document, few),
            partial(search, document),
            1 / 40,
            repeat=40,
        )
        yield Row(
            f"{count}: ours / CEL in Rust",
            repeated(program.execute, document, few),
            partial(search, document),
            0.5,
            repeat=40,
        )


def repeated(function: Callable[[Any], object], argument: object, count: int) -> Callable[[], object]:
    """A function that is called so many times."""

    def call() -> None:
        for _ in range(count):
            function(argument)

    return call


def registering(text: str) -> Iterator[tuple[str, float, float]]:
    """What one of 10,000 subscribers takes until the first message was matched, its share of the index included."""
    event, payload = ItemAdded.from_json(text), MegaPayload.from_document(orjson.loads(text))
    kinds: tuple[tuple[str, Callable[[int], Classes], Any], ...] = (
        ("each for another event", by_event, payload),
        ("on one event, few values", on_one_event, event),
        ("on one event, many values", by_subject, event),
        ("regular expressions", by_expression, payload),
    )
    for name, made, first in kinds:
        subscribers = made(COUNT)
        gc.collect()
        start = time.process_time()
        registered(subscribers).matching(first)
        yield f"registering, {name}: microseconds", (time.process_time() - start) / COUNT * 1e6, 100
        gc.collect()
        tracemalloc.start()
        dispatcher = registered(subscribers)
        dispatcher.matching(first)
        yield f"registering, {name}: kilobytes", tracemalloc.get_traced_memory()[0] / COUNT / 1024, 2
        tracemalloc.stop()
