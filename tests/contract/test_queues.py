"""The contract of standard queues: what AWS documents, or was recorded to answer, held against each transport."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mega_typed.testing import Transport

from .speaking import bodies, receive, refused, send

TEXT = {"DataType": "String", "StringValue": "x"}
OVER = "AWS.SimpleQueueService."


def test_a_message_arrives_as_it_was_sent(aws: Transport) -> None:
    """Body, ids, digests, attributes of all types and system attributes are what was sent and answered."""
    url = aws.queue()
    attributes = {
        "text": {"DataType": "String", "StringValue": "é"},
        "number": {"DataType": "Number", "StringValue": "1.5"},
        "own.kind": {"DataType": "String.json", "StringValue": "{}"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    [answer] = send(aws, url, "hello é", MessageAttributes=attributes)
    [message] = receive(aws, url)
    assert message["Body"] == "hello é"
    assert message["MessageId"] == answer["MessageId"]
    assert message["MD5OfBody"] == answer["MD5OfMessageBody"] == hashlib.md5("hello é".encode()).hexdigest()
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == answer["MD5OfMessageAttributes"]
    # The digest as AWS's guide describes it, worked out by hand for one attribute.
    [single] = send(aws, url, "x", MessageAttributes={"a": TEXT})
    packed = b"\0\0\0\1a\0\0\0\6String\1\0\0\0\1x"
    assert single["MD5OfMessageAttributes"] == hashlib.md5(packed).hexdigest()
    system = message["Attributes"]
    assert system["ApproximateReceiveCount"] == "1"
    assert int(system["SentTimestamp"]) <= int(system["ApproximateFirstReceiveTimestamp"])


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ([], set[str]()),
        (["All"], {"General", "Hello", "Help.Me"}),
        ([".*"], {"General", "Hello", "Help.Me"}),
        (["Hel.*"], {"Hello", "Help.Me"}),
        (["Hello", "Nobody"], {"Hello"}),
        (["Nobody"], set[str]()),
    ],
    ids=["none", "all", "star", "prefix", "names", "unknown"],
)
def test_which_attributes_are_given(aws: Transport, asked: list[str], given: set[str]) -> None:
    """A receive gives the message attributes that it asks for, by name or prefix, and nothing else (recorded)."""
    url = aws.queue()
    send(aws, url, "m", MessageAttributes=dict.fromkeys(["General", "Hello", "Help.Me"], TEXT))
    [message] = receive(aws, url, MessageAttributeNames=asked, MessageSystemAttributeNames=["SenderId"])
    assert set(message.get("MessageAttributes", {})) == given
    assert set(message["Attributes"]) == {"SenderId"}


def test_an_empty_answer_has_no_messages(aws: Transport) -> None:
    """A receive that finds nothing has no key ``Messages``."""
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=aws.queue(), WaitTimeSeconds=0)


def test_a_message_in_hand_is_hidden_and_comes_again(aws: Transport) -> None:
    """It is hidden for the visibility timeout, then given again with a new receipt and a higher count."""
    url = aws.queue(VisibilityTimeout=1)
    send(aws, url, "m")
    [first] = receive(aws, url)
    assert bodies(aws, url) == []
    aws.advance(1.2)
    [again] = receive(aws, url, VisibilityTimeout=30)
    assert again["MessageId"] == first["MessageId"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    firsts = {each["Attributes"]["ApproximateFirstReceiveTimestamp"] for each in (first, again)}
    assert len(firsts) == 1


def test_zero_visibility_hides_nothing(aws: Transport) -> None:
    """A receive with a visibility timeout of 0 leaves the message where it is."""
    url = aws.queue()
    send(aws, url, "m")
    assert [bodies(aws, url, VisibilityTimeout=0) for _ in range(2)] == [["m"], ["m"]]


def test_visibility_can_be_ended_and_extended(aws: Transport) -> None:
    """0 gives a message back at once, more seconds keep it hidden beyond its timeout, one by one and in a batch."""
    url = aws.queue(VisibilityTimeout=1)
    send(aws, url, "a", "b")
    first, second = sorted(receive(aws, url), key=lambda each: each["Body"])
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    entries = [{"Id": "x", "ReceiptHandle": second["ReceiptHandle"], "VisibilityTimeout": 30}]
    answer = aws.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["x"]
    aws.advance(1.2)
    assert bodies(aws, url) == ["a"]


def test_a_change_after_the_timeout_does_nothing(aws: Transport) -> None:
    """Of a standard queue it is answered with success, and the message stays visible (recorded)."""
    url = aws.queue(VisibilityTimeout=1)
    send(aws, url, "m")
    [message] = receive(aws, url)
    aws.advance(1.2)
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=30)
    assert bodies(aws, url) == ["m"]


def test_a_change_of_what_is_gone_is_refused(aws: Transport) -> None:
    """The message was deleted: ``InvalidParameterValue`` (recorded), in a batch for its entry alone."""
    url = aws.queue()
    send(aws, url, "m", "n")
    gone, there = receive(aws, url)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=gone["ReceiptHandle"])
    change = {"QueueUrl": url, "ReceiptHandle": gone["ReceiptHandle"], "VisibilityTimeout": 5}
    assert refused(aws.sqs.change_message_visibility, **change) == "InvalidParameterValue"
    entries = [
        {"Id": str(place), "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 5}
        for place, each in enumerate([gone, there])
    ]
    answer = aws.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["1"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("0", "InvalidParameterValue")]


def test_a_message_is_hidden_for_twelve_hours_at_most(aws: Transport) -> None:
    """More than 43,200 seconds from its receive on are refused, also when they are added up (Developer Guide)."""
    url = aws.queue()
    send(aws, url, "m")
    [message] = receive(aws, url)
    aws.advance(1.2)
    change = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 43_200}
    assert refused(aws.sqs.change_message_visibility, **change) == "InvalidParameterValue"
    aws.sqs.change_message_visibility(**{**change, "VisibilityTimeout": 43_190})


def test_a_message_is_deleted_once_and_twice(aws: Transport) -> None:
    """Deleting again succeeds, and nothing comes back; in a batch as well."""
    url = aws.queue(VisibilityTimeout=0)
    send(aws, url, "m")
    [message] = receive(aws, url, VisibilityTimeout=30)
    for _ in range(2):
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    answer = aws.sqs.delete_message_batch(
        QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}]
    )
    assert [each["Id"] for each in answer["Successful"]] == ["a"]
    assert not answer.get("Failed")
    assert aws.waiting(url) == 0


def test_a_receipt_outlives_the_timeout(aws: Transport) -> None:
    """A standard queue deletes a message by a receipt whose timeout is over, unless it was handed out again."""
    url = aws.queue(VisibilityTimeout=1)
    send(aws, url, "m")
    [message] = receive(aws, url)
    aws.advance(1.2)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies(aws, url) == []


def test_an_older_receipt_deletes_nothing(aws: Transport) -> None:
    """ "...the request succeeds, but the message will not be deleted" (API reference, DeleteMessage)."""
    url = aws.queue()
    send(aws, url, "m")
    [older] = receive(aws, url, VisibilityTimeout=0)
    [_] = receive(aws, url, VisibilityTimeout=0)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=older["ReceiptHandle"])
    assert bodies(aws, url) == ["m"]


def test_an_unknown_receipt_is_refused(aws: Transport) -> None:
    """``ReceiptHandleIsInvalid``; in a batch for its entry alone."""
    url = aws.queue()
    send(aws, url, "m")
    [message] = receive(aws, url)
    assert refused(aws.sqs.delete_message, QueueUrl=url, ReceiptHandle="nothing") == "ReceiptHandleIsInvalid"
    entries = [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "1", "ReceiptHandle": "nothing"}]
    answer = aws.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["0"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("1", "ReceiptHandleIsInvalid")]


def test_a_delayed_message_is_hidden_at_first(aws: Transport) -> None:
    """The delay of a message counts more than that of its queue, also when it is 0."""
    url = aws.queue(DelaySeconds=1)
    send(aws, url, "usual")
    send(aws, url, "now", DelaySeconds=0)
    send(aws, url, "later", DelaySeconds=60)
    assert bodies(aws, url) == ["now"]
    aws.advance(1.2)
    assert bodies(aws, url) == ["usual"]
    names = ["ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"]
    counts = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert counts == {"ApproximateNumberOfMessagesDelayed": "1", "ApproximateNumberOfMessagesNotVisible": "2"}


@pytest.mark.parametrize("where", ["call", "queue"])
def test_a_long_poll_waits_for_a_message(aws: Transport, where: str) -> None:
    """A poll, by its own wait or by that of its queue, gives a message that becomes visible meanwhile."""
    url = aws.queue(ReceiveMessageWaitTimeSeconds=5 if where == "queue" else 0)
    send(aws, url, "m", DelaySeconds=1)
    assert bodies(aws, url, **({"WaitTimeSeconds": 5} if where == "call" else {})) == ["m"]


def test_what_is_received_too_often_moves(aws: Transport) -> None:
    """After ``maxReceiveCount`` receives the next one finds nothing, and the message is in the dead-letter queue."""
    dead = aws.queue()
    url = aws.queue(dead_letter_queue_url=dead, max_receive_count=2, VisibilityTimeout=0)
    [sent] = send(aws, url, "m", MessageAttributes={"a": TEXT})
    assert [bodies(aws, url) for _ in range(3)] == [["m"], ["m"], []]
    [moved] = receive(aws, dead, WaitTimeSeconds=1)
    assert (moved["Body"], moved["MessageId"], moved["MessageAttributes"]) == ("m", sent["MessageId"], {"a": TEXT})
    assert aws.waiting(url) == 0


def test_a_moved_message_says_where_it_was(aws: Transport) -> None:
    """It has ``DeadLetterQueueSourceArn``, and its receive count goes on."""
    dead = aws.queue()
    url = aws.queue(dead_letter_queue_url=dead, max_receive_count=1, VisibilityTimeout=0)
    send(aws, url, "m")
    receive(aws, url)
    receive(aws, url)
    [moved] = receive(aws, dead, WaitTimeSeconds=1)
    assert moved["Attributes"]["DeadLetterQueueSourceArn"] == aws.arn(url)
    assert moved["Attributes"]["ApproximateReceiveCount"] == "2"


def test_fair_queues_keep_the_group(aws: Transport) -> None:
    """A standard queue takes a message group id, gives it back, and blocks no group."""
    url = aws.queue()
    send(aws, url, "a", "b", MessageGroupId="tenant")
    [first] = receive(aws, url, 1)
    [second] = receive(aws, url, 1)
    assert {first["Body"], second["Body"]} == {"a", "b"}
    assert first["Attributes"]["MessageGroupId"] == "tenant"


def test_a_batch_is_sent_entry_by_entry(aws: Transport) -> None:
    """Each has its id, digest and options."""
    url = aws.queue()
    entries = [{"Id": f"e-{n}", "MessageBody": f"m{n}", "MessageAttributes": {"a": TEXT}} for n in range(10)]
    answer = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == [f"e-{n}" for n in range(10)]
    assert answer["Successful"][3]["MD5OfMessageBody"] == hashlib.md5(b"m3").hexdigest()
    assert sorted(bodies(aws, url)) == [f"m{n}" for n in range(10)]


def test_an_entry_that_is_too_large_fails_alone(aws: Transport) -> None:
    """The queue takes 1 KiB: of two entries one is refused."""
    url = aws.queue(MaximumMessageSize=1024)
    entries = [{"Id": "a", "MessageBody": "x" * 1024}, {"Id": "b", "MessageBody": "x" * 1025}]
    answer = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["a"]
    failed = [(each["Id"], each["Code"], each["SenderFault"]) for each in answer["Failed"]]
    assert failed == [("b", "InvalidParameterValue", True)]


def test_attributes_count(aws: Transport) -> None:
    """Name, type and value of an attribute are part of the size of a message."""
    url = aws.queue(MaximumMessageSize=1024)
    message = {"QueueUrl": url, "MessageBody": "x" * 1016, "MessageAttributes": {"a": TEXT}}
    aws.sqs.send_message(**message)
    assert refused(aws.sqs.send_message, **{**message, "MessageBody": "x" * 1017}) == "InvalidParameterValue"


def test_a_whole_mebibyte_is_taken(aws: Transport) -> None:
    """1,048,576 bytes, attributes included, in one message and in one batch; not one more."""
    url = aws.queue()
    send(aws, url, "x" * (1_048_576 - 8), MessageAttributes={"a": TEXT})
    entries = [{"Id": "a", "MessageBody": "x" * 1_000_000}, {"Id": "b", "MessageBody": "x" * 48_576}]
    assert len(aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 2
    assert refused(aws.sqs.send_message, QueueUrl=url, MessageBody="x" * 1_048_577) == "InvalidParameterValue"
    entries[1]["MessageBody"] += "x"
    assert refused(aws.sqs.send_message_batch, QueueUrl=url, Entries=entries) == f"{OVER}BatchRequestTooLong"


def test_messages_end_with_their_retention(aws: Transport, server: str) -> None:
    """A message is gone when its retention is over; in memory only, because a minute is the least."""
    if server != "memory":
        pytest.skip("a server would have to be waited for")
    url = aws.queue(MessageRetentionPeriod=60)
    send(aws, url, "m")
    aws.advance(59)
    assert bodies(aws, url, VisibilityTimeout=0) == ["m"]
    aws.advance(1)
    assert bodies(aws, url) == []


def sending(**options: Any) -> Callable[[Transport, str], str]:
    return lambda aws, url: refused(aws.sqs.send_message, QueueUrl=url, **{"MessageBody": "m", **options})


def asking(**options: Any) -> Callable[[Transport, str], str]:
    return lambda aws, url: refused(aws.sqs.receive_message, QueueUrl=url, **options)


def batch(*entries: dict[str, Any]) -> Callable[[Transport, str], str]:
    whole = [{"MessageBody": "m", **entry} for entry in entries]
    return lambda aws, url: refused(aws.sqs.send_message_batch, QueueUrl=url, Entries=whole)


def attribute(name: str = "a", **value: Any) -> dict[str, Any]:
    return {"MessageAttributes": {name: value}}


REFUSED: dict[str, tuple[Callable[[Transport, str], str], str]] = {
    "empty body": (sending(MessageBody=""), "MissingParameter"),
    "control character": (sending(MessageBody="\x01"), "InvalidMessageContents"),
    "noncharacter": (sending(MessageBody="\uffff"), "InvalidMessageContents"),
    "delay": (sending(DelaySeconds=901), "InvalidParameterValue"),
    "deduplication id": (sending(MessageDeduplicationId="d"), "InvalidParameterValue"),
    "eleven attributes": (
        sending(MessageAttributes={f"a{n}": TEXT for n in range(11)}),
        "InvalidParameterValue",
    ),
    "empty attribute": (sending(**attribute(DataType="String", StringValue="")), "InvalidParameterValue"),
    "attribute type": (sending(**attribute(DataType="Text", StringValue="x")), "InvalidParameterValue"),
    "attribute name": (sending(**attribute("a..b", **TEXT)), "InvalidParameterValue"),
    "reserved name": (sending(**attribute("AWS.a", **TEXT)), "InvalidParameterValue"),
    "no number": (sending(**attribute(DataType="Number", StringValue="x")), "InvalidParameterValue"),
    "no messages": (asking(MaxNumberOfMessages=0), "InvalidParameterValue"),
    "eleven messages": (asking(MaxNumberOfMessages=11), "InvalidParameterValue"),
    "long poll": (asking(WaitTimeSeconds=21), "InvalidParameterValue"),
    "visibility": (asking(VisibilityTimeout=43_201), "InvalidParameterValue"),
    "empty batch": (batch(), f"{OVER}EmptyBatchRequest"),
    "eleven entries": (batch(*({"Id": str(n)} for n in range(11))), f"{OVER}TooManyEntriesInBatchRequest"),
    "same ids": (batch({"Id": "a"}, {"Id": "a"}), f"{OVER}BatchEntryIdsNotDistinct"),
    "entry id": (batch({"Id": "a b"}), f"{OVER}InvalidBatchEntryId"),
    "long id": (batch({"Id": "a" * 81}), f"{OVER}InvalidBatchEntryId"),
    "same name, other settings": (
        lambda aws, url: refused(
            aws.sqs.create_queue, QueueName=url.rpartition("/")[2], Attributes={"DelaySeconds": "7"}
        ),
        "QueueAlreadyExists",
    ),
    "name": (lambda aws, url: refused(aws.sqs.create_queue, QueueName="a b"), "InvalidParameterValue"),
    "unknown setting": (
        lambda aws, url: refused(aws.sqs.set_queue_attributes, QueueUrl=url, Attributes={"Nothing": "1"}),
        "InvalidAttributeName",
    ),
    "setting out of range": (
        lambda aws, url: refused(aws.sqs.set_queue_attributes, QueueUrl=url, Attributes={"VisibilityTimeout": "43201"}),
        "InvalidAttributeValue",
    ),
    "dead-letter queue of nobody": (
        lambda aws, url: refused(
            aws.sqs.set_queue_attributes,
            QueueUrl=url,
            Attributes={
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{aws.arn(url)}-x", "maxReceiveCount": 1})
            },
        ),
        "InvalidParameterValue",
    ),
    "visibility of an entry": (
        lambda aws, url: aws.sqs.change_message_visibility_batch(
            QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": "x", "VisibilityTimeout": 43_201}]
        )["Failed"][0]["Code"],
        "InvalidParameterValue",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(aws: Transport, case: str) -> None:
    """Each is refused with the error code of AWS."""
    call, code = REFUSED[case]
    assert call(aws, aws.queue()) == code


@pytest.mark.parametrize(
    "method",
    ["send_message", "send_message_batch", "receive_message", "delete_message", "delete_message_batch",
     "change_message_visibility", "change_message_visibility_batch", "get_queue_attributes", "purge_queue"],
)  # fmt: skip
def test_a_queue_that_is_gone(aws: Transport, method: str) -> None:
    """Every operation on it is refused with the code of AWS."""
    url = aws.queue()
    aws.sqs.delete_queue(QueueUrl=url)
    given: dict[str, dict[str, Any]] = {
        "send_message": {"MessageBody": "m"},
        "send_message_batch": {"Entries": [{"Id": "a", "MessageBody": "m"}]},
        "delete_message": {"ReceiptHandle": "r"},
        "delete_message_batch": {"Entries": [{"Id": "a", "ReceiptHandle": "r"}]},
        "change_message_visibility": {"ReceiptHandle": "r", "VisibilityTimeout": 1},
        "change_message_visibility_batch": {"Entries": [{"Id": "a", "ReceiptHandle": "r", "VisibilityTimeout": 1}]},
        "get_queue_attributes": {"AttributeNames": ["All"]},
    }
    parameters = given.get(method, {})
    assert refused(getattr(aws.sqs, method), QueueUrl=url, **parameters) == f"{OVER}NonExistentQueue"


def test_errors_have_the_classes_of_the_client(aws: Transport) -> None:
    """``except client.exceptions.X`` works, and each is a ``ClientError``."""
    with pytest.raises(aws.sqs.exceptions.QueueDoesNotExist):
        aws.sqs.get_queue_url(QueueName="nobody")
    with pytest.raises(aws.sqs.exceptions.ReceiptHandleIsInvalid):
        aws.sqs.delete_message(QueueUrl=aws.queue(), ReceiptHandle="nothing")
    entries = [{"Id": str(n), "MessageBody": "m"} for n in range(11)]
    with pytest.raises(aws.sqs.exceptions.TooManyEntriesInBatchRequest):
        aws.sqs.send_message_batch(QueueUrl=aws.queue(), Entries=entries)
    name = aws.queue().rpartition("/")[2]
    with pytest.raises(aws.sqs.exceptions.QueueNameExists):
        aws.sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "7"})
    with pytest.raises(aws.sns.exceptions.NotFoundException):
        aws.sns.publish(TopicArn="arn:aws:sns:us-east-1:000000000000:nobody", Message="m")
    assert issubclass(aws.sqs.exceptions.QueueDoesNotExist, ClientError)


def test_a_queue_is_made_found_set_and_purged(aws: Transport) -> None:
    """Making it again gives the same URL; its name leads to it; settings are read back; purging empties it."""
    url = aws.queue(VisibilityTimeout=7)
    name = url.rpartition("/")[2]
    again = aws.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})
    assert again["QueueUrl"] == url == aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    assert url in aws.sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "3", "MaximumMessageSize": "2048"})
    found = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    expected = {"VisibilityTimeout": "7", "DelaySeconds": "3", "MaximumMessageSize": "2048"}
    assert expected.items() <= found.items()
    assert found["QueueArn"].endswith(f":{name}")
    send(aws, url, "m")
    aws.sqs.purge_queue(QueueUrl=url)
    assert aws.waiting(url) == 0
