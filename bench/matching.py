"""What dispatch costs with ten thousand subscribers, as ratios to one ``orjson.loads`` of the example event.

Where a row says nothing else, the payload is decoded already and the row is ``Dispatcher.matching``. The rows with a
decoder start from the body of a message; the last two are all of ``Dispatcher.handle``, from a record to an outcome.
The peers match one payload against one pattern of four conditions, and so do we there: moto's matcher of SNS filter
policies on the parsed body, and a compiled program of the Common Expression Language in Rust.
"""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import cycle
from types import new_class
from typing import Any

import cel
import orjson
from mega_typed import DataSubscriber, Dispatcher, EventSubscriber, Record
from mega_typed.codecs import ContentType, decode, encode_json_text
from mega_typed.match import and_, between, gt, gte, lt, match, one_of
from mega_typed.payload import MegaPayload, identity_of
from mega_typed.subscriptions import Subscriptions
from moto.sns.utils import FilterPolicyMatcher

from bench.measuring import Row
from generated.shopping_cart import ItemAdded

COUNT = 10_000
Classes = list[type[Any]]


def classes(base: Any, patterns: Iterator[dict[str, Any]]) -> Classes:
    """A subscriber class for each pattern."""

    def process(self: object, payload: object) -> None: ...

    return [
        new_class("Bench", (base,), exec_body=lambda body, each=each: body.update({**each, "process": process}))
        for each in patterns
    ]


def registered(subscribers: Classes) -> Dispatcher:
    """A dispatcher with subscribers."""
    dispatcher = Dispatcher()
    for subscriber in subscribers:
        dispatcher.register(subscriber)
    return dispatcher


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

    event, payload = ItemAdded.from_json(text), MegaPayload.from_document(orjson.loads(text))
    one, many = registered(by_event(1)), registered(by_event(COUNT))
    assert len(many.matching(payload)) == 1
    yield Row("match: 1 of 10,000, each for another event", parse, lambda: many.matching(payload), 0.2)
    yield Row(
        "match: 10,000 / 1, each for another event", lambda: one.matching(payload), lambda: many.matching(payload), 1.25
    )

    for name, made in (("few values", on_one_event), ("many values", by_subject)):
        same = registered(made(COUNT))
        assert len(same.matching(event)) == 1
        yield Row(
            f"match: 1 of 10,000 on one event, {name} and thresholds",
            parse,
            lambda same=same: same.matching(event),
            0.5,
        )  # type: ignore[misc]

    expressions = registered(by_expression(COUNT))
    document = orjson.loads(text)

    def named(name: str) -> MegaPayload:
        return MegaPayload.from_document({**document, "event": {**document["event"], "name": name}})

    warm = named("thing4711.failed")
    assert len(expressions.matching(warm)) == 1
    strangers = cycle([named(f"thing{number}.happened") for number in range(0, COUNT, 3)])
    yield Row("match: 10,000 regular expressions, name seen before", parse, lambda: expressions.matching(warm), 0.2)
    yield Row(
        "match: 10,000 regular expressions, another name each time",
        parse,
        lambda: expressions.matching(next(strangers)),
        1.0,
    )

    nobody = registered(by_event(COUNT)[1:])
    yield Row("decode and match, 10,000, nobody asks, JSON", parse, decoded(nobody, text, ContentType.JSON), 0.6)

    all_of_them = registered(everything(COUNT))
    assert len(all_of_them.matching(event)) == COUNT
    yield Row(
        "match: 10,000 of 10,000, for each", parse, lambda: all_of_them.matching(event), 0.1, repeat=20, count=COUNT
    )

    body = encode_json_text(text, binary_encoding=True).body
    for content_type, sent, goal in ((ContentType.JSON, text, 4.0), (ContentType.BSON, body, 5.5)):
        name = content_type.name
        yield Row(
            f"validated event only, {name}",
            parse,
            lambda sent=sent, kind=content_type: ItemAdded.__from_wire__(decode(sent, kind).json_text()),
            goal,
        )  # type: ignore[misc]
        record = Record(body=sent, attributes={"content-type": str(content_type)})
        full = registered(on_one_event(COUNT))
        assert len(full.handle(record).results) == 1
        yield Row(
            f"record to outcome, 1 of 10,000, {name}", parse, lambda full=full, record=record: full.handle(record), goal
        )  # type: ignore[misc]


def decoded(dispatcher: Dispatcher, body: str, content_type: ContentType) -> Callable[[], object]:
    """Decode a body, look at its identity and select subscribers."""
    subscriptions: Subscriptions = dispatcher._subscriptions  # noqa: SLF001

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
    ours = registered(classes(DataSubscriber, iter([{"pattern": pattern}])))
    policy = {
        "event": {"name": ["item.added"], "attributes": {"quantity": [{"numeric": [">", 4]}]}},
        "object": {"current": {"currency": ["USD", "EUR"], "user_id": [{"numeric": [">", 1000]}]}},
    }
    matcher = FilterPolicyMatcher(policy, "MessageBody")
    program = cel.compile(
        'event.name == "item.added" && event.attributes.quantity > 4'
        ' && object.current.currency in ["USD", "EUR"] && object.current.user_id > 1000'
    )
    assert ours.matching(document)
    assert matcher._body_based_match(document)  # noqa: SLF001
    assert program.execute(document)
    yield Row(
        "one pattern: ours / moto's SNS filter policy",
        lambda: matcher._body_based_match(document),
        lambda: ours.matching(document),
        1 / 40,
    )  # noqa: SLF001
    yield Row(
        "one pattern: ours / CEL in Rust", lambda: program.execute(document), lambda: ours.matching(document), 0.5
    )


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
