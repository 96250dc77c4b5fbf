"""Typed events through a real HTTP SNS and SQS on this machine: define, publish, match, consume. Run by `make demo`."""

import json
import logging
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import boto3
from mega_typed import (
    DataSubscriber,
    EventSubscriber,
    MegaPayload,
    ObjectState,
    Outcome,
    PatternError,
    ProcessStatus,
    SnsPublisher,
    SqsListener,
    SqsPublisher,
)
from mega_typed.local import LocalAws, local_aws
from mega_typed.match import and_, any_item, empty, gt, lte, match, not_, one_of

from generated.shopping_cart import Cart, CartItem, ItemAdded, ItemAddedSubscriber, ItemRemoved, ItemRemovedSubscriber

# --- the subscribers: every pattern is checked against the schema, in the editor, by mypy, and right here ---


class BulkItemAdded(ItemAddedSubscriber):
    """More than five pieces at once, by a shopper with a numeric key, paid in dollars or euros."""

    subject = match(r"^\d+$")
    attributes = {"quantity": and_(gt(5), not_(gt(100))), "item_id": not_(empty())}
    object_current = {"currency": one_of("USD", "EUR"), "items": any_item({"price": gt(Decimal(10))})}

    def process(self, event: ItemAdded) -> ProcessStatus:
        """Typed all the way: `event.quantity` is an int, `event.object.current` a Cart."""
        cart = event.object.current if event.object else None
        say("BulkItemAdded", f"{event.quantity} x {event.price} → cart worth {cart.value if cart else '?'}")
        return ProcessStatus.DONE


class Restock(ItemRemovedSubscriber):
    """What leaves a cart goes back on the shelf; the first attempt fails, and the message comes back."""

    attempts = 0

    def process(self, event: ItemRemoved) -> ProcessStatus:
        """Ask for a retry once."""
        self.attempts += 1
        say("Restock", f"{event.quantity} pieces, attempt {self.attempts}")
        return ProcessStatus.RETRY_LATER if self.attempts == 1 else ProcessStatus.DONE


class Audit(EventSubscriber):
    """Untyped: any event of the domain, with or without a schema."""

    domain = "shopping_cart"

    def process(self, payload: MegaPayload) -> None:
        """Nothing returned means DONE."""
        say("Audit", str(payload.event_type))


class SmsRequested(DataSubscriber):
    """Ordinary JSON objects are matched as well, here with a number in a string."""

    pattern = {"type": match("notification"), "cost": lte(0.10)}

    def process(self, data: dict[str, Any]) -> None:
        """Receive the decoded document."""
        say("SmsRequested", f"to {data['to']} for {data['cost']}")


# --- what is published ---


def events() -> tuple[ItemAdded, ItemRemoved]:
    """An event with its entity before and after, and one more."""
    item = CartItem(id=UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8"), price=Decimal("19.99"), quantity=6)
    now = datetime.now(UTC)
    cart = Cart(
        id=UUID("18a3f92e-1fbf-45eb-8769-d836d0a1be55"),
        user_id=987650,
        items=[item],
        currency="USD",
        value=Decimal("119.94"),
        created_at=now,
        updated_at=now,
    )
    added = ItemAdded(
        subject="987650",
        publisher="shopping-cart-service",
        item_id=item.id,
        quantity=6,
        price=Decimal("19.99"),
        object=ObjectState(id=str(cart.id), current=cart),
        extra={"channel": "web/desktop"},
    )
    removed = ItemRemoved(subject="987650", publisher="shopping-cart-service", item_id=item.id, quantity=2)
    return added, removed


def publish(aws: LocalAws, topic: str, queue: str) -> None:
    """The same event in JSON and BSON, over SNS and SQS, and messages that no one should trust."""
    added, removed = events()
    sns, sqs = SnsPublisher(topic_arn=topic, **aws), SqsPublisher(queue_url=queue, **aws)
    sns.publish(added)
    sns.publish(added, binary_encoding=True)
    sqs.publish(removed)
    sqs.publish({"type": "notification:sms", "to": "+4930123456", "cost": "0.07"}, binary_encoding=True)
    strange = {
        "not valid": json.dumps({**added.to_payload().to_document(), "object": {"type": "teapot"}}),
        "some bytes": b64encode(b"\x99\x00\x00\x00\x10half").decode(),
        "plain text nobody wants": "hello",
    }
    for what, body in strange.items():
        say("publish", what, mark="→")
        sqs.publish_raw_message(body)


def wrong_pattern() -> None:
    """A mistake in a pattern is an error at class definition, with its place and its remedy."""
    try:
        type("Wrong", (ItemAddedSubscriber,), {"attributes": {"quantiy": gt(5), "item_id": match("(")}})
    except PatternError as error:
        print(f"  {error}".replace("\n", "\n  "))


# --- the rest is plumbing ---


def main() -> None:
    """Start the servers, publish, consume until nothing is left to do, report."""
    logging.getLogger("mega_typed").setLevel(logging.CRITICAL)  # the report below says the same
    headline("A pattern that cannot be right")
    wrong_pattern()
    with local_aws() as aws:
        sns, sqs = boto3.client("sns", **aws), boto3.client("sqs", **aws)
        topic = sns.create_topic(Name="shopping-cart")["TopicArn"]
        queues: dict[str, str] = {}
        for name, raw in (("wrapped", "false"), ("raw", "true")):
            queues[name] = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
            sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=sqs.get_queue_attributes(QueueUrl=queues[name], AttributeNames=["QueueArn"])["Attributes"][
                    "QueueArn"
                ],
                Attributes={"RawMessageDelivery": raw},
            )
        headline("Publishing typed events over SNS and SQS, in JSON and BSON")
        publish(aws, topic, queues["wrapped"])
        for name, url in queues.items():
            headline(f"Consuming the queue with {name} delivery")
            consume(SqsListener(queue_url=url, wait_time_seconds=1, visibility_timeout=1, **aws))
    print("\nDone: every message was processed, retried, or left in its queue with a reason.")


def consume(listener: SqsListener) -> None:
    """Poll a few times; a service would call `listener.listen()`."""
    for subscriber in (BulkItemAdded, Restock, Audit, SmsRequested):
        listener.register_subscriber(subscriber)
    reported: set[str] = set()
    for _ in range(4):
        for outcome in listener.poll_once():
            report(outcome, reported)


def report(outcome: Outcome, reported: set[str]) -> None:
    """One line for every message that no subscriber processed."""
    if outcome.message_id in reported or outcome.results:
        return
    reported.add(outcome.message_id)
    reason = str(outcome.error).replace("\n  -", "") if outcome.error else "nobody asks for it"
    say(outcome.reading, f"{reason} → {outcome.disposition}", mark="✗")


def headline(text: str) -> None:
    """Print the title of a part."""
    print(f"\n== {text}")


def say(who: str, what: str, mark: str = "✓") -> None:
    """Print who did what."""
    print(f"  {mark} {who:<14} {what}")


if __name__ == "__main__":
    main()
