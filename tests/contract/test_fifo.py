"""The contract of FIFO queues: order within a group, what a message in hand holds up, duplicates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mega_typed.testing import Transport

from .speaking import bodies, receive, refused, send


def groups(aws: Transport, url: str, *messages: str) -> None:
    """Send messages such as ``g1-m1``, each in the group before the dash."""
    for message in messages:
        send(aws, url, message, MessageGroupId=message.partition("-")[0])


def receipts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["ReceiptHandle"] for message in messages]


def test_a_message_arrives_with_its_order(aws: Transport) -> None:
    """Group and de-duplication id come back, in the order of sending."""
    url = aws.queue(fifo=True)
    send(aws, url, "a", MessageDeduplicationId="d-1")
    send(aws, url, "b")
    first, second = receive(aws, url)
    assert (first["Body"], second["Body"]) == ("a", "b")
    assert first["Attributes"]["MessageGroupId"] == "g"
    assert first["Attributes"]["MessageDeduplicationId"] == "d-1"
    # By content: the SHA-256 of the body.
    by_content = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
    assert second["Attributes"]["MessageDeduplicationId"] == by_content


def test_numbers_of_a_sequence(aws: Transport) -> None:
    """The answer to a send has a sequence number of twenty digits that grows, and the message has the same."""
    url = aws.queue(fifo=True)
    sent = [answer["SequenceNumber"] for answer in send(aws, url, "a", "b")]
    assert sent == sorted(sent)
    assert {len(each) for each in sent} == {20}
    assert [message["Attributes"]["SequenceNumber"] for message in receive(aws, url)] == sent


def test_a_message_in_hand_holds_up_its_group(aws: Transport) -> None:
    """Nothing of its group is given, other groups are; a delete makes room for the next."""
    url = aws.queue(fifo=True)
    groups(aws, url, "g1-m1", "g1-m2", "g2-m1")
    [first] = receive(aws, url, 1)
    assert first["Body"] == "g1-m1"
    assert bodies(aws, url) == ["g2-m1"]
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(aws, url) == ["g1-m2"]


def test_a_receive_empties_a_group_before_the_next(aws: Transport) -> None:
    """Messages of one group come together, though another was sent between them (recorded)."""
    url = aws.queue(fifo=True)
    groups(aws, url, "g1-m1", "g2-m1", "g1-m2", "g1-m3")
    assert bodies(aws, url) == ["g1-m1", "g1-m2", "g1-m3", "g2-m1"]


def test_part_of_a_group_in_hand(aws: Transport) -> None:
    """Of two in hand one is deleted: the group stays held up by the other (recorded)."""
    url = aws.queue(fifo=True)
    groups(aws, url, "g1-m1", "g1-m2", "g1-m3", "g2-m1")
    first, _ = receive(aws, url, 2)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(aws, url) == ["g2-m1"]


def test_the_head_given_back(aws: Transport) -> None:
    """It is given again, and what is in hand behind it is not (recorded)."""
    url = aws.queue(fifo=True)
    groups(aws, url, "g1-m1", "g1-m2", "g1-m3")
    first, _ = receive(aws, url, 2)
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(aws, url) == ["g1-m1"]


def test_a_later_message_given_back_waits(aws: Transport) -> None:
    """A message that is given back does not overtake the one of its group that is still in hand."""
    url = aws.queue(fifo=True)
    groups(aws, url, "g1-m1", "g1-m2")
    first, second = receive(aws, url, 2)
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(aws, url) == []
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(aws, url) == ["g1-m2"]


def test_extending_one_message_holds_up_those_behind_it(aws: Transport) -> None:
    """Extended is the second of three: the first returns by itself, the third waits."""
    url = aws.queue(fifo=True, VisibilityTimeout=1)
    groups(aws, url, "g1-m1", "g1-m2", "g1-m3")
    _, second, _ = receive(aws, url)
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=30)
    aws.advance(1.2)
    assert bodies(aws, url) == ["g1-m1"]


def test_an_expired_receipt(aws: Transport) -> None:
    """Deleting by it, and changing it, is refused (recorded); in a batch for its entry alone."""
    url = aws.queue(fifo=True, VisibilityTimeout=1)
    send(aws, url, "m")
    [message] = receive(aws, url)
    aws.advance(1.2)
    receipt = {"ReceiptHandle": message["ReceiptHandle"]}
    assert refused(aws.sqs.delete_message, QueueUrl=url, **receipt) == "InvalidParameterValue"
    answer = aws.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "a", **receipt}])
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("a", "InvalidParameterValue")]
    assert bodies(aws, url) == ["m"]


def test_a_duplicate_is_accepted_and_not_delivered(aws: Transport) -> None:
    """It gets the answer of the first, also when that was deleted; another id is another message."""
    url = aws.queue(fifo=True)
    [first, again] = send(aws, url, "same", "same")
    assert again["MessageId"] == first["MessageId"]
    [message] = receive(aws, url)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    send(aws, url, "same")
    assert bodies(aws, url) == []
    send(aws, url, "same", MessageDeduplicationId="other")
    assert bodies(aws, url) == ["same"]


@pytest.mark.parametrize(("scope", "expected"), [("queue", ["m"]), ("messageGroup", ["m", "m"])])
def test_where_duplicates_are_looked_for(aws: Transport, scope: str, expected: list[str]) -> None:
    """In the whole queue, or in the group only where the queue says so."""
    url = aws.queue(
        fifo=True,
        DeduplicationScope=scope,
        FifoThroughputLimit="perQueue" if scope == "queue" else "perMessageGroupId",
    )
    send(aws, url, "m", MessageGroupId="a")
    send(aws, url, "m", MessageGroupId="b")
    assert bodies(aws, url) == expected


def test_the_window_of_duplicates_ends(aws: Transport, server: str) -> None:
    """Five minutes after the first message the same is a new one; in memory only."""
    if server != "memory":
        pytest.skip("a server would have to be waited for")
    url = aws.queue(fifo=True)
    send(aws, url, "m")
    aws.advance(299)
    send(aws, url, "m")
    assert aws.waiting(url) == 1
    aws.advance(1)
    send(aws, url, "m")
    assert bodies(aws, url) == ["m", "m"]


def test_a_delay_of_the_queue(aws: Transport) -> None:
    """It holds for every message; a message of its own delay is refused, but for 0 (recorded)."""
    url = aws.queue(fifo=True, DelaySeconds=1)
    send(aws, url, "a", "b")
    send(aws, url, "c", DelaySeconds=0)
    assert bodies(aws, url) == []
    aws.advance(1.2)
    assert bodies(aws, url) == ["a", "b", "c"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no group": ({}, "MissingParameter"),
    "no deduplication": ({"MessageGroupId": "g"}, "InvalidParameterValue"),
    "delay": ({"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 2}, "InvalidParameterValue"),
    "group id": ({"MessageGroupId": "a b", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
    "long group id": ({"MessageGroupId": "g" * 129, "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
    "deduplication id": ({"MessageGroupId": "g", "MessageDeduplicationId": "é"}, "InvalidParameterValue"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_fifo_queue_refuses(aws: Transport, case: str) -> None:
    """Each is refused with the error code of AWS."""
    options, code = REFUSED[case]
    url = aws.queue(fifo=True, ContentBasedDeduplication="false")
    assert refused(aws.sqs.send_message, QueueUrl=url, MessageBody="m", **options) == code


def test_a_batch_with_an_entry_without_group_fails_whole(aws: Transport) -> None:
    """Nothing of it is sent."""
    url = aws.queue(fifo=True)
    entries = [{"Id": "a", "MessageBody": "a", "MessageGroupId": "g"}, {"Id": "b", "MessageBody": "b"}]
    assert refused(aws.sqs.send_message_batch, QueueUrl=url, Entries=entries) == "MissingParameter"
    assert bodies(aws, url) == []


def test_what_is_received_too_often_makes_way(aws: Transport) -> None:
    """The head of a group moves to the dead-letter queue, in the same receive that gives the next one."""
    dead = aws.queue(fifo=True)
    url = aws.queue(fifo=True, dead_letter_queue_url=dead, max_receive_count=1)
    send(aws, url, "a", "b")
    assert bodies(aws, url, 1, VisibilityTimeout=0) == ["a"]
    assert bodies(aws, url) == ["b"]
    assert bodies(aws, dead, WaitTimeSeconds=1) == ["a"]


def test_names_of_fifo_queues(aws: Transport) -> None:
    """A FIFO queue has a name that ends in ``.fifo``, and a dead-letter queue of its own kind."""
    dead = aws.queue()
    policy = json.dumps({"deadLetterTargetArn": aws.arn(dead), "maxReceiveCount": 1})
    attributes = {"FifoQueue": "true", "RedrivePolicy": policy}
    assert refused(aws.sqs.create_queue, QueueName="mixed.fifo", Attributes=attributes) == "InvalidParameterValue"
    attributes = {"FifoQueue": "true"}
    assert refused(aws.sqs.create_queue, QueueName="plain", Attributes=attributes) == "InvalidParameterValue"
