"""The contract of topics: envelopes and raw delivery, FIFO topics, what is refused, filter policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mega_typed.testing import Transport

from .speaking import receive, refused

TEXT = {"DataType": "String", "StringValue": "x"}


def test_a_notification_has_the_envelope_of_sns(aws: Transport) -> None:
    """All keys of AWS's documentation, with the values that were published."""
    topic, url = aws.topic(), aws.queue()
    aws.subscribe(topic, url)
    sent = aws.sns.publish(TopicArn=topic, Message="hello é", Subject="s", MessageAttributes={"a": TEXT})
    [message] = receive(aws, url)
    envelope = json.loads(message["Body"])
    assert set(envelope) == {
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
    }  # fmt: skip
    assert (envelope["Type"], envelope["TopicArn"], envelope["MessageId"]) == ("Notification", topic, sent["MessageId"])
    assert (envelope["Subject"], envelope["Message"]) == ("s", "hello é")
    assert envelope["MessageAttributes"] == {"a": {"Type": "String", "Value": "x"}}
    assert "MessageAttributes" not in message


def test_raw_delivery(aws: Transport) -> None:
    """The message itself, with its attributes as those of the message in the queue."""
    topic, url = aws.topic(), aws.queue()
    aws.subscribe(topic, url, raw=True)
    aws.sns.publish(TopicArn=topic, Message="hello é", Subject="s", MessageAttributes={"a": TEXT})
    [message] = receive(aws, url)
    assert (message["Body"], message["MessageAttributes"]) == ("hello é", {"a": TEXT})


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "envelope"])
def test_binary_attributes(aws: Transport, raw: bool) -> None:
    """Raw they are bytes, in the envelope their base64."""
    topic, url = aws.topic(), aws.queue()
    aws.subscribe(topic, url, raw=raw)
    attribute = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    aws.sns.publish(TopicArn=topic, Message="m", MessageAttributes={"a": attribute})
    [message] = receive(aws, url)
    if raw:
        assert message["MessageAttributes"] == {"a": attribute}
    else:
        assert json.loads(message["Body"])["MessageAttributes"] == {"a": {"Type": "Binary", "Value": "AP8="}}


def test_a_raw_delivery_with_more_than_ten_attributes_is_discarded(aws: Transport) -> None:
    """SNS takes eleven attributes, SQS does not; in an envelope they arrive."""
    topic, raw, enveloped = aws.topic(), aws.queue(), aws.queue()
    aws.subscribe(topic, raw, raw=True)
    aws.subscribe(topic, enveloped)
    aws.sns.publish(TopicArn=topic, Message="m", MessageAttributes={f"a{n}": TEXT for n in range(11)})
    assert receive(aws, raw) == []
    [message] = receive(aws, enveloped)
    assert len(json.loads(message["Body"])["MessageAttributes"]) == 11


def test_a_message_for_each_protocol(aws: Transport) -> None:
    """Of a JSON message structure a queue gets the part for ``sqs``."""
    topic, url = aws.topic(), aws.queue()
    aws.subscribe(topic, url, raw=True)
    aws.sns.publish(TopicArn=topic, MessageStructure="json", Message='{"default":"d","sqs":"q"}')
    assert [message["Body"] for message in receive(aws, url)] == ["q"]


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "envelope"])
def test_a_fifo_topic_keeps_group_and_order(aws: Transport, raw: bool) -> None:
    """Its queue has the messages in order, with their group; a duplicate is not delivered."""
    topic, url = aws.topic(fifo=True), aws.queue(fifo=True)
    aws.subscribe(topic, url, raw=raw)
    for body in ("a", "b", "a"):
        aws.sns.publish(TopicArn=topic, Message=body, MessageGroupId="g")
    messages = receive(aws, url)
    texts = [each["Body"] if raw else json.loads(each["Body"])["Message"] for each in messages]
    assert texts == ["a", "b"]
    assert {each["Attributes"]["MessageGroupId"] for each in messages} == {"g"}


def test_a_fifo_topic_and_a_standard_queue(aws: Transport) -> None:
    """The queue gets the messages as well."""
    topic, url = aws.topic(fifo=True), aws.queue()
    aws.subscribe(topic, url, raw=True)
    aws.sns.publish(TopicArn=topic, Message="a", MessageGroupId="g", MessageDeduplicationId="d")
    assert [message["Body"] for message in receive(aws, url)] == ["a"]


def test_the_envelope_of_a_fifo_topic(aws: Transport) -> None:
    """It has a sequence number, that of the answer, and no signature."""
    topic, url = aws.topic(fifo=True), aws.queue(fifo=True)
    aws.subscribe(topic, url)
    sent = aws.sns.publish(TopicArn=topic, Message="a", MessageGroupId="g")
    [message] = receive(aws, url)
    envelope = json.loads(message["Body"])
    assert envelope["SequenceNumber"] == sent["SequenceNumber"]
    assert set(envelope) == {
        "Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL",
    }  # fmt: skip


def test_a_group_of_a_standard_topic(aws: Transport) -> None:
    """It goes on to a standard queue, which is fair by it."""
    topic, url = aws.topic(), aws.queue()
    aws.subscribe(topic, url)
    aws.sns.publish(TopicArn=topic, Message="a", MessageGroupId="tenant")
    [message] = receive(aws, url)
    assert message["Attributes"]["MessageGroupId"] == "tenant"


def test_a_batch_is_published_entry_by_entry(aws: Transport) -> None:
    """Each entry that is accepted has an id and arrives."""
    topic, url = aws.topic(), aws.queue()
    aws.subscribe(topic, url, raw=True)
    entries = [{"Id": str(n), "Message": f"m{n}", "MessageAttributes": {"a": TEXT}} for n in range(10)]
    answer = aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert {each["Id"] for each in answer["Successful"]} == {str(n) for n in range(10)}
    assert sorted(message["Body"] for message in receive(aws, url)) == [f"m{n}" for n in range(10)]


def test_an_unsubscribed_queue_gets_nothing(aws: Transport) -> None:
    """Neither after its subscription has ended, nor after its topic was deleted."""
    topic, url = aws.topic(), aws.queue()
    subscription = aws.subscribe(topic, url)
    aws.sns.unsubscribe(SubscriptionArn=subscription)
    aws.sns.publish(TopicArn=topic, Message="m")
    assert receive(aws, url) == []


def test_a_subscription_can_be_changed(aws: Transport) -> None:
    """Its attributes are read back, and hold from then on."""
    topic, url = aws.topic(), aws.queue()
    subscription = aws.subscribe(topic, url)
    name = {"SubscriptionArn": subscription}
    aws.sns.set_subscription_attributes(**name, AttributeName="RawMessageDelivery", AttributeValue="true")
    aws.sns.set_subscription_attributes(**name, AttributeName="FilterPolicy", AttributeValue='{"a":["x"]}')
    found = aws.sns.get_subscription_attributes(**name)["Attributes"]
    assert (found["RawMessageDelivery"], json.loads(found["FilterPolicy"])) == ("true", {"a": ["x"]})
    for value in ("x", "y"):
        attributes = {"a": {"DataType": "String", "StringValue": value}}
        aws.sns.publish(TopicArn=topic, Message=value, MessageAttributes=attributes)
    assert [message["Body"] for message in receive(aws, url)] == ["x"]


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such topic": ("publish", {"TopicArn": "arn:aws:sns:us-east-1:000000000000:nobody", "Message": "m"}, "NotFound"),
    "empty message": ("publish", {"Message": ""}, "InvalidParameter"),
    "too long": ("publish", {"Message": "x" * 262_145}, "InvalidParameter"),
    "empty attribute": (
        "publish",
        {"Message": "m", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
        "ParameterValueInvalid",
    ),
    "attribute type": (
        "publish",
        {"Message": "m", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
        "ParameterValueInvalid",
    ),
    "deduplication id": ("publish", {"Message": "m", "MessageDeduplicationId": "d"}, "InvalidParameter"),
    "structure": ("publish", {"Message": "{}", "MessageStructure": "json"}, "InvalidParameter"),
    "empty batch": ("publish_batch", {"PublishBatchRequestEntries": []}, "EmptyBatchRequest"),
    "eleven entries": (
        "publish_batch",
        {"PublishBatchRequestEntries": [{"Id": str(n), "Message": "m"} for n in range(11)]},
        "TooManyEntriesInBatchRequest",
    ),
    "same ids": (
        "publish_batch",
        {"PublishBatchRequestEntries": [{"Id": "a", "Message": "m"}] * 2},
        "BatchEntryIdsNotDistinct",
    ),
    "long batch": (
        "publish_batch",
        {"PublishBatchRequestEntries": [{"Id": str(n), "Message": "x" * 140_000} for n in range(2)]},
        "BatchRequestTooLong",
    ),
    "policy without rules": ("subscribe", {"Attributes": {"FilterPolicy": '{"a":[]}'}}, "InvalidParameter"),
    "policy that is no JSON": ("subscribe", {"Attributes": {"FilterPolicy": "{"}}, "InvalidParameter"),
    "unknown rule": ("subscribe", {"Attributes": {"FilterPolicy": '{"a":[{"like":"x"}]}'}}, "InvalidParameter"),
    "nested policy": ("subscribe", {"Attributes": {"FilterPolicy": '{"a":{"b":["x"]}}'}}, "InvalidParameter"),
    "six keys": (
        "subscribe",
        {"Attributes": {"FilterPolicy": json.dumps({f"k{n}": ["x"] for n in range(6)})}},
        "InvalidParameter",
    ),
    "combinations": (
        "subscribe",
        {"Attributes": {"FilterPolicy": json.dumps({"a": list("abcdefghijklm"), "b": list("abcdefghijkl")})}},
        "InvalidParameter",
    ),
    "range upside down": (
        "subscribe",
        {"Attributes": {"FilterPolicy": '{"a":[{"numeric":[">",2,"<",1]}]}'}},
        "InvalidParameter",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_topic_refuses(aws: Transport, case: str) -> None:
    """Each is refused with the error code of AWS."""
    method, parameters, code = REFUSED[case]
    given = {"TopicArn": aws.topic(), **parameters}
    if method == "subscribe":
        given |= {"Protocol": "sqs", "Endpoint": aws.arn(aws.queue())}
    assert refused(getattr(aws.sns, method), **given) == code


def test_what_a_fifo_topic_refuses(aws: Transport) -> None:
    """A message without a group."""
    assert refused(aws.sns.publish, TopicArn=aws.topic(fifo=True), Message="m") == "InvalidParameter"


def test_a_fifo_queue_and_a_standard_topic(aws: Transport) -> None:
    """The one cannot be subscribed to the other."""
    endpoint = aws.arn(aws.queue(fifo=True))
    call = {"TopicArn": aws.topic(), "Protocol": "sqs", "Endpoint": endpoint}
    assert refused(aws.sns.subscribe, **call) == "InvalidParameter"


# --- filter policies -------------------------------------------------------------------------------------------------


def string(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def array(*values: Any) -> dict[str, str]:
    return {"DataType": "String.Array", "StringValue": json.dumps(values)}


def number(value: str) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": value}


# The pages of AWS's guide, example by example: policy, and attributes that pass and that do not.
BY_ATTRIBUTES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = {
    "exact": (
        {"interests": ["rugby", "tennis"]},
        [{"interests": string("rugby")}, {"interests": array("rugby", "baseball")}],
        [{"interests": string("baseball")}, {"interests": array("baseball")}, {}, {"other": string("rugby")}],
    ),
    "case": ({"a": ["x"]}, [{"a": string("x")}], [{"a": string("X")}]),
    "anything-but": (
        {"interests": [{"anything-but": ["rugby", "tennis"]}]},
        [{"interests": string("baseball")}, {"interests": array("rugby", "baseball")}],
        [{"interests": string("rugby")}, {"interests": array("rugby")}, {"other": string("x")}],
    ),
    "anything-but prefix": (
        {"event": [{"anything-but": {"prefix": "order-"}}]},
        [{"event": string("data-entry")}, {"event": string("order_number")}],
        [{"event": string("order-cancelled")}],
    ),
    "anything-but number": (
        {"price": [{"anything-but": [100, 500]}]},
        [{"price": number("101")}],
        [{"price": number("100")}, {"price": number("500.0")}],
    ),
    "ignore case": ({"a": [{"equals-ignore-case": "Tennis"}]}, [{"a": string("TENNIS")}], [{"a": string("tennis ")}]),
    "prefix": ({"a": [{"prefix": "bas"}]}, [{"a": string("baseball")}], [{"a": string("rugby")}]),
    "suffix": ({"a": [{"suffix": "ball"}]}, [{"a": string("baseball")}], [{"a": string("rugby")}]),
    "cidr": ({"ip": [{"cidr": "10.0.0.0/24"}]}, [{"ip": string("10.0.0.255")}], [{"ip": string("10.1.1.0")}]),
    "number": (
        {"price": [{"numeric": ["=", 301.5]}]},
        [{"price": number("301.5")}, {"price": number("3.015e2")}],
        [{"price": number("301")}],
    ),
    "range": (
        {"price": [{"numeric": [">", 0, "<=", 150]}]},
        [{"price": number("0.1")}, {"price": number("150")}],
        [{"price": number("0")}, {"price": number("151")}, {"price": string("x")}],
    ),
    "exists": (
        {"store": [{"exists": True}]},
        [{"store": string("fans")}],
        [{"interests": array("baseball")}],
    ),
    "not exists": (
        {"store": [{"exists": False}]},
        [{"interests": array("baseball")}],
        [{"store": string("fans")}, {}],
    ),
    "and": (
        {"store": ["x"], "event": [{"anything-but": "cancelled"}]},
        [{"store": string("x"), "event": string("placed")}],
        [{"store": string("x"), "event": string("cancelled")}, {"store": string("x")}],
    ),
    "or": (
        {"source": ["cw"], "$or": [{"metric": ["cpu"]}, {"space": ["ec2"]}]},
        [{"source": string("cw"), "metric": string("cpu")}, {"source": string("cw"), "space": string("ec2")}],
        [{"source": string("cw"), "metric": string("disk")}, {"metric": string("cpu")}],
    ),
}
BY_BODY: dict[str, tuple[dict[str, Any], list[Any], list[Any]]] = {
    "exact": (
        {"interests": ["rugby"]},
        [{"interests": "rugby"}, {"interests": ["x", "rugby"]}],
        [{"interests": "x"}, {"interests": []}, {"interests": {"rugby": 1}}],
    ),
    "constants": (
        {"a": [None, True, 5]},
        [{"a": None}, {"a": True}, {"a": 5}, {"a": 5.0}],
        [{"a": "5"}, {"a": False}, {"a": 1}, {}],
    ),
    "nested": (
        {"order": {"customer": {"country": ["DE"]}, "total": [{"numeric": [">", 10]}]}},
        [{"order": {"customer": {"country": "DE"}, "total": 11}}],
        [{"order": {"customer": {"country": "FR"}, "total": 11}}, {"order": {"customer": {"country": "DE"}}}, {}],
    ),
    "list of objects": (
        {"lines": {"sku": ["a"]}},
        [{"lines": [{"sku": "b"}, {"sku": "a"}]}],
        [{"lines": [{"sku": "b"}]}, {"lines": []}],
    ),
    "exists": ({"a": {"b": [{"exists": True}]}}, [{"a": {"b": 1}}], [{"a": {"c": 1}}, {"b": 1}]),
    "not exists": ({"a": {"b": [{"exists": False}]}}, [{"a": {"c": 1}}], [{"a": {"b": 1}}]),
    "not exists below nothing": ({"a": {"b": [{"exists": False}]}}, [{"b": 1}], [{"a": {"b": 1}}]),
    "anything-but": ({"a": [{"anything-but": ["x"]}]}, [{"a": "y"}, {"a": ["x", "y"]}], [{"a": "x"}, {"b": "y"}]),
    "anything-but and null": ({"a": [{"anything-but": ["x"]}]}, [{"a": "y"}], [{"a": None}]),
    "or": (
        {"$or": [{"a": {"b": ["x"]}}, {"c": ["y"]}]},
        [{"a": {"b": "x"}}, {"c": "y"}],
        [{"a": {"b": "y"}}, {"c": "x"}],
    ),
    "no JSON": ({"a": ["x"]}, [{"a": "x"}], ["text", '"a"', "[]"]),
}


@pytest.mark.parametrize("case", BY_ATTRIBUTES)
def test_a_policy_for_attributes(aws: Transport, case: str) -> None:
    """Exactly the messages pass that AWS's guide lets pass."""
    policy, passing, stopped = BY_ATTRIBUTES[case]
    topic, url = aws.topic(), aws.queue()
    given = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(policy)}
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=aws.arn(url), Attributes=given)
    for place, attributes in enumerate([*passing, *stopped]):
        aws.sns.publish(TopicArn=topic, Message=str(place), MessageAttributes=attributes)
    assert sorted(int(message["Body"]) for message in receive(aws, url)) == list(range(len(passing)))


@pytest.mark.parametrize("case", BY_BODY)
def test_a_policy_for_bodies(aws: Transport, case: str) -> None:
    """Exactly the messages pass that AWS's guide lets pass."""
    policy, passing, stopped = BY_BODY[case]
    topic, url = aws.topic(), aws.queue()
    given = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(policy), "FilterPolicyScope": "MessageBody"}
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=aws.arn(url), Attributes=given)
    texts = [each if isinstance(each, str) else json.dumps(each) for each in [*passing, *stopped]]
    for text in texts:
        aws.sns.publish(TopicArn=topic, Message=text)
    assert sorted(message["Body"] for message in receive(aws, url)) == sorted(texts[: len(passing)])
