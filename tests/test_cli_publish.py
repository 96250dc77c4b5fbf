"""``mega-typed publish``: what is typed becomes a typed event, or is refused with its paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.commands.drafts import Setting, event_of
from mega_typed.errors import InvalidPayload
from mega_typed.local import LocalAws

from generated.shopping_cart import Checkout, ItemAdded
from tests.command_line import bodies, objects, run
from tests.samples import ITEM_ID, OrderPlaced

Factory = Callable[..., str]

ITEM = "generated.shopping_cart:ItemAdded"
ID = str(ITEM_ID)


def made(event_class: Any, *settings: str, **given: Any) -> Any:
    return event_of(event_class, given, [Setting(text) for text in settings])


def test_names_are_those_of_the_constructor() -> None:
    """Attributes, the envelope, what Python renames, places in the payload: each lands where the constructor puts it."""
    settings = [f"item_id={ID}", "quantity=5", "subject=42", "subject_=inner", "from=x", "publisher=p", "extra.a.b=[1]"]
    event = made(OrderPlaced, *settings, "event.attributes.unlisted=1", "object.id=7")
    same = OrderPlaced(
        timestamp=event.timestamp, item_id=ITEM_ID, quantity=5, subject="42", subject_="inner", from_="x", publisher="p",
        extra={"a": {"b": [1]}}, object=event.object,
    )  # fmt: skip
    assert {**event.__dict__} == {**same.__dict__}
    assert (event.object.id, event.object.type, event.object.version) == ("7", "order", 2)
    assert json.loads(event.to_json())["event"]["attributes"]["unlisted"] == 1
    assert (datetime.now(UTC) - event.timestamp).total_seconds() < 60


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(), st.text()))
def test_a_text_field_takes_any_text(value: Any) -> None:
    """What looks like a number, ``true`` or ``null`` is a text where the schema wants one; a coupon may be null too."""
    typed = value if isinstance(value, str) else json.dumps(value)
    event = made(OrderPlaced, f"item_id={ID}", "quantity=5", f"from={typed}", f"event.attributes.coupon={typed}")
    try:
        meant = json.loads(typed)
    except ValueError:
        meant = typed
    assert event.from_ == (meant if isinstance(meant, str) else typed)
    assert event.coupon == (None if meant is None else event.from_)


@pytest.mark.parametrize(
    ("settings", "path", "said"),
    [
        (["quantiy=5"], "quantiy", "did you mean quantity?"),
        (["nonsense=5"], "nonsense", "there are item_id"),
        (["quantity=0", f"item_id={ID}"], "event.attributes.quantity", "greater than or equal to 1"),
        (["quantity=5"], "event.attributes.item_id", "required"),
        (["object=5", "object.id=5"], "object.id", "no object"),
    ],
)
def test_what_is_wrong_has_its_path(settings: list[str], path: str, said: str) -> None:
    """A fault names the place in the payload, and a wrong name what was meant."""
    with pytest.raises(InvalidPayload) as raised:
        made(ItemAdded, *settings)
    faults = {fault.path: fault.message for fault in raised.value.faults}
    assert said in faults[path]


def test_constants_are_filled_in() -> None:
    """What the class fixes need not be typed."""
    address = {"street": ["x"], "city": "y", "country": "DE"}
    with pytest.raises(InvalidPayload) as raised:
        made(Checkout, f"order_id={ID}", "payment_method=voucher", "total=5", shipping=address)
    assert {fault.path for fault in raised.value.faults} == {"object"}


def test_events_from_flags_files_and_lines_are_sent(aws: LocalAws, queue: Factory, topic: Factory, sqs: Any) -> None:
    """One from flags, an array, lines, whole payloads; to a queue by name or URL, and to a topic; in JSON and BSON."""
    url = queue()
    name = url.rpartition("/")[2]
    flags = ["--set", f"item_id={ID}", "--set", "quantity=5"]
    one = run("publish", ITEM, *flags, "--queue-url", name, aws=aws)
    assert (one.returncode, one.stderr, len(one.stdout.split())) == (0, "", 1)
    whole = run("publish", "shopping_cart/item.added/1", *flags, "--events", "generated", "--dry-run").stdout
    values = json.dumps({"item_id": ID, "quantity": 1})
    lines = run(
        "publish",
        ITEM,
        "-",
        "--topic-arn",
        topic(url, raw=True),
        "--format",
        "json",
        aws=aws,
        input=f"{values}\n\n{whole}",
    )
    assert [each["event"] for each in objects(lines)] == [1, 3]
    array = run(
        "publish", ITEM, "-", "--set", "quantity=9", "--bson", "--queue-url", url, aws=aws, input=f"[{values},{whole}]"
    )
    assert array.returncode == 0, array.stderr
    found = run("decode", "--events", "generated", "--format", "json", input="\n".join(bodies(sqs, url)))
    quantities = sorted(each["payload"]["event"]["attributes"]["quantity"] for each in objects(found))
    assert (quantities, {each["verdict"] for each in objects(found)}) == ([1, 5, 5, 9, 9], {"valid"})


def test_nothing_is_sent_when_one_is_not_valid(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """All are checked before the first is sent; ``--keep-going`` sends the others."""
    url = queue()
    lines = "\n".join(json.dumps({"item_id": ID, "quantity": quantity}) for quantity in (1, 0, 2))
    done = run("publish", ITEM, "-", "--queue-url", url, aws=aws, input=lines)
    assert (done.returncode, done.stdout, bodies(sqs, url)) == (1, "", [])
    assert "event 2: ItemAdded is not valid" in done.stderr
    assert "event.attributes.quantity" in done.stderr
    going = run("publish", ITEM, "-", "--queue-url", url, "--keep-going", "--format", "json", aws=aws, input=lines)
    assert going.returncode == 1
    assert [each["event"] for each in objects(going) if "message_id" in each] == [1, 3]
    assert [each["faults"][0]["path"] for each in objects(going) if "faults" in each] == ["event.attributes.quantity"]
    assert len(bodies(sqs, url)) == 2


def test_fifo_takes_group_and_deduplication(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """Group and deduplication id reach the queue; without a group, the remedy is said."""
    url = queue(fifo=True)
    common = ("publish", ITEM, "--set", f"item_id={ID}", "--set", "quantity=5", "--queue-url", url)
    without = run(*common, aws=aws)
    assert (without.returncode, "group" in without.stderr) == (2, True)
    for _ in range(2):
        assert run(*common, "--group-id", "g", "--deduplication-id", "d", aws=aws).returncode == 0
    [message] = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=10)["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "g"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([ITEM], 2, "--queue-url"),
        ([ITEM, "--set", "x", "--dry-run"], 2, "NAME=VALUE"),
        (["generated.shopping_cart:Cart", "--dry-run"], 2, "no event class"),
        (["shopping_cart/item.added/1", "--dry-run"], 2, "--events"),
        (["shopping_cart/item.added", "--events", "generated", "--dry-run"], 2, "several versions"),
        (["shopping_cart/item.aded/1", "--events", "generated", "--dry-run"], 2, "did you mean shopping_cart/item.added/1?"),
        ([ITEM, "nowhere.json", "--dry-run"], 2, "cannot read nowhere.json"),
        ([ITEM, "-", "--dry-run"], 2, "line 1 is no JSON object"),
        ([ITEM, "--set", f"item_id={ID}", "--set", "quantity=5", "--queue-url", "nowhere"], 3, "check its name"),
        ([ITEM, "--set", f"item_id={ID}", "--set", "quantity=5", "--topic-arn", "arn:aws:sns:eu-west-1:1:no"], 3, "NotFound"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(arguments: list[str], status: int, said: str, aws: LocalAws) -> None:
    """A wrong call ends with status 2, a service that refuses with 3, each with a line that says what to do."""
    done = run("publish", *arguments, aws=aws, input="{")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert said in done.stderr
