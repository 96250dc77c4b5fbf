"""The library over each transport: what publishers send, listeners process, with the same outcomes everywhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from mega_typed import Disposition, ProcessStatus, SnsPublisher, SqsListener, SqsPublisher
from mega_typed.testing import Transport, assert_published, run_until_idle

from generated.shopping_cart import ItemAdded, ItemAddedSubscriber

from .speaking import bodies, receive

ITEM = UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8")


def added(quantity: int) -> ItemAdded:
    return ItemAdded(item_id=ITEM, quantity=quantity)


def listener_of(
    aws: Transport, url: str, statuses: list[ProcessStatus], **options: Any
) -> tuple[SqsListener, list[int]]:
    """A listener whose subscriber says these, one by one, then DONE; and what it was given."""
    seen: list[int] = []

    class Scripted(ItemAddedSubscriber):
        def process(self, event: ItemAdded) -> ProcessStatus:
            seen.append(event.quantity)
            return statuses.pop(0) if statuses else ProcessStatus.DONE

    listener = SqsListener(url, client=aws.sqs, wait_time_seconds=0, **options)
    listener.register_subscriber(Scripted)
    return listener, seen


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize("raw", [False, True], ids=["envelope", "raw"])
def test_events_travel_by_topic_and_queue(aws: Transport, raw: bool, binary: bool) -> None:
    """A batch of events arrives through SNS, in an envelope or raw, and is gone when it is processed."""
    topic, url = aws.topic(), aws.queue()
    aws.subscribe(topic, url, raw=raw)
    events = [added(number + 1) for number in range(12)]
    results = SnsPublisher(topic, client=aws.sns).publish_many(events, binary)
    assert all(result.message_id for result in results)
    assert assert_published(aws, ItemAdded, to=topic) == events
    listener, seen = listener_of(aws, url, [])
    outcomes = run_until_idle(listener, aws)
    assert sorted(seen) == list(range(1, 13))
    assert {outcome.disposition for outcome in outcomes} == {Disposition.DELETE}
    assert aws.waiting(url) == 0


def test_a_message_that_is_retried_comes_again(aws: Transport) -> None:
    """When its visibility timeout is over, and then it is processed."""
    url = aws.queue()
    SqsPublisher(url, client=aws.sqs).publish(added(1))
    listener, seen = listener_of(aws, url, [ProcessStatus.RETRY_LATER], visibility_timeout=1)
    listener.poll_once()
    assert listener.poll_once() == []
    aws.advance(1.2)
    listener.poll_once()
    assert (seen, aws.waiting(url)) == ([1, 1], 0)


def test_a_failed_message_holds_up_its_group_only(aws: Transport) -> None:
    """Of two groups one fails at first: its later message waits, the other group goes on, and order holds."""
    url = aws.queue(fifo=True)
    publisher = SqsPublisher(url, client=aws.sqs)
    publisher.publish_many([added(10), added(11), added(20)], group_id=lambda event: str(event.quantity)[0])
    listener, seen = listener_of(aws, url, [ProcessStatus.RETRY_LATER], visibility_timeout=1)
    listener.poll_once()
    assert seen[0] in (10, 20)
    aws.advance(1.2)
    for _ in range(3):
        listener.poll_once()
    assert [each for each in seen if each < 20][-2:] == [10, 11]
    assert (set(seen), aws.waiting(url)) == ({10, 11, 20}, 0)


def test_a_fatal_error_is_dead_lettered_with_its_reason(aws: Transport) -> None:
    """The copy has the body and the attributes of the message, and the reason."""
    url, dead = aws.queue(), aws.queue()
    SqsPublisher(url, client=aws.sqs).publish(added(1), attributes={"tenant": "t"})
    listener, _ = listener_of(aws, url, [ProcessStatus.FATAL_ERROR], dead_letter_queue_url=dead)
    listener.poll_once()
    [copy] = receive(aws, dead)
    assert copy["MessageAttributes"].keys() >= {"tenant", "mega-name", "mega-dead-letter"}
    assert (aws.waiting(url), ItemAdded.from_json(copy["Body"]).quantity) == (0, 1)


def test_a_poisoned_message_moves_by_the_policy_of_the_queue(aws: Transport) -> None:
    """What cannot be read stays, and the queue's own redrive policy takes it away."""
    dead = aws.queue()
    url = aws.queue(dead_letter_queue_url=dead, max_receive_count=2)
    document = added(1).to_payload().to_document()
    document["event"]["attributes"]["quantity"] = "one"
    SqsPublisher(url, client=aws.sqs).publish(document)
    listener, seen = listener_of(aws, url, [], visibility_timeout=0)
    outcomes = [outcome for _ in range(3) for outcome in listener.poll_once()]
    assert [outcome.disposition for outcome in outcomes] == [Disposition.RETRY] * 2
    assert (seen, aws.waiting(url), len(bodies(aws, dead, WaitTimeSeconds=1))) == ([], 0, 1)
