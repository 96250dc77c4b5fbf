"""Subscribers in Lambda: what each trigger sends, and what it is answered."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import (
    ConfigurationError,
    DataSubscriber,
    Dispatcher,
    EventSubscriber,
    LambdaRetry,
    MessageSubscriber,
    ProcessStatus,
)
from mega_typed.aws_lambda import LambdaHandler, lambda_handler
from mega_typed.envelopes import EnvelopeKind
from mega_typed.errors import FetchError
from mega_typed.idempotency import MemoryStore
from mega_typed.messages import POINTER_ATTRIBUTE
from mega_typed.offload import S3Payloads
from mega_typed.pointers import Pointer, write_pointer

from tests.samples import OrderPlaced, placed
from tests.test_offload import FakeS3
from tests.test_publishers import client_error

ROOT = Path(__file__).parent.parent
DONE, LATER, RETRIABLE, FATAL = ProcessStatus
NOTHING: dict[str, list[Any]] = {"batchItemFailures": []}


def sqs_record(
    number: object, body: str, group: str | None = None, fifo: bool = False, content_type: str = "text/plain"
) -> dict[str, Any]:
    """A record as Lambda's SQS trigger sends it."""
    return {
        "messageId": f"m{number}",
        "receiptHandle": "AQEB",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", **({"MessageGroupId": group} if group else {})},
        "messageAttributes": {"content-type": {"stringValue": content_type, "dataType": "String"}}
        if content_type
        else {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders" + (".fifo" if fifo else ""),
        "awsRegion": "eu-west-1",
    }


def sns_event(message: str, **changes: Any) -> dict[str, Any]:
    """What Lambda's SNS trigger sends, in its own spelling."""
    sns = {
        "Type": "Notification",
        "MessageId": "p1",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders",
        "Subject": None,
        "Message": message,
        "Timestamp": "2026-01-02T12:45:07.000Z",
        "SignatureVersion": "1",
        "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi=",
        "SigningCertUrl": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeUrl": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        "MessageAttributes": {"content-type": {"Type": "String", "Value": "text/plain"}},
        **changes,
    }
    subscription = "arn:aws:sns:eu-west-1:123456789012:orders:21be56ed-a058-49f5-8c98-aedd2564c486"
    record = {"EventVersion": "1.0", "EventSource": "aws:sns", "EventSubscriptionArn": subscription, "Sns": sns}
    return {"Records": [record]}


def bridge_event(detail: object) -> dict[str, Any]:
    """What EventBridge calls a function with."""
    return {
        "version": "0",
        "id": "b1",
        "detail-type": "Order Placed",
        "source": "shop",
        "account": "123456789012",
        "time": "2026-01-02T12:45:07Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    }


def failed(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


class Obeys(MessageSubscriber):
    """Returns the status that a plaintext names, notes what it was given."""

    seen: list[Any] = []

    def process(self, payload: Any) -> ProcessStatus:
        self.seen.append(payload)
        if payload == "value":
            raise ValueError("s3cret")
        return ProcessStatus[payload] if isinstance(payload, str) else DONE


@pytest.fixture(autouse=True)
def forget() -> None:
    Obeys.seen.clear()


def test_only_what_shall_come_again_is_reported() -> None:
    """Of a batch: done and fatal are deleted; wishes for a retry, damage and malformed records come again."""
    bodies = ["DONE", "RETRY_LATER", "FATAL_ERROR", "RETRIABLE_ERROR", "value"]
    records = [sqs_record(number, body) for number, body in enumerate(bodies)]
    records.append(sqs_record(5, "x", content_type="application/json"))
    records.append({**sqs_record(6, "x"), "messageAttributes": {"a": {"binaryValue": "%%%", "dataType": "Binary"}}})
    answer = lambda_handler(Obeys)({"Records": records}, None)
    assert failed(answer) == ["m1", "m3", "m5", "m6"]
    assert json.loads(json.dumps(answer)) == answer
    assert lambda_handler(Obeys)({"Records": []}) == NOTHING


BATCHES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["DONE", "RETRY_LATER", "FATAL_ERROR"])), max_size=10
)


@given(BATCHES, st.booleans())
def test_a_group_keeps_its_order(batch: list[tuple[str, str]], fifo: bool) -> None:
    """On a FIFO queue everything of a group from its first failure on comes again, in order and not processed; other
    groups go on, and on a standard queue groups mean no order."""
    Obeys.seen.clear()
    records = [sqs_record(number, status, group, fifo) for number, (group, status) in enumerate(batch)]
    answer = failed(lambda_handler(Obeys)({"Records": records}))
    halted: set[str] = set()
    expected: list[str] = []
    processed: list[str] = []
    for number, (group, status) in enumerate(batch):
        if group not in halted or not fifo:
            processed.append(status)
            if status == "RETRY_LATER":
                halted.add(group)
                expected.append(f"m{number}")
        else:
            expected.append(f"m{number}")
    assert (answer, Obeys.seen) == (expected, processed)


def test_a_typed_event_arrives_by_every_trigger() -> None:
    """The same subscriber is given the event that was published: from SQS, SNS in SQS, SNS and EventBridge."""
    seen: list[OrderPlaced] = []

    class Placed(EventSubscriber[OrderPlaced]):
        def process(self, event: OrderPlaced) -> None:
            seen.append(event)

    handler = LambdaHandler(Dispatcher())
    handler.dispatcher.register(Placed)
    event = placed()
    text = event.to_json().decode()
    plain: dict[str, Any] = {"MessageAttributes": {}}
    wrapped = json.dumps(sns_event(text, **plain)["Records"][0]["Sns"])
    for sent in (
        {"Records": [sqs_record(1, text, content_type="application/json")]},
        {"Records": [sqs_record(1, wrapped, content_type="")]},
        sns_event(text, **plain),
        bridge_event(json.loads(text)),
    ):
        assert handler(sent, object()) == NOTHING
    assert seen == [event] * 4


def test_without_a_partial_answer_a_retry_is_raised() -> None:
    """SNS and EventBridge are answered with an exception, whose cause is the subscriber's; done and fatal are not."""

    class Orders(DataSubscriber):
        def process(self, payload: dict[str, Any]) -> ProcessStatus:
            if payload["total"] == 0:
                raise ConnectionError
            return DONE

    handler = lambda_handler(Obeys, Orders, retriable=(ConnectionError,))
    for status in ("DONE", "FATAL_ERROR", "value"):
        assert handler(sns_event(status)) == NOTHING
    with pytest.raises(LambdaRetry, match="p1"):
        handler(sns_event("RETRY_LATER"))
    assert handler(bridge_event({"total": 1})) == NOTHING
    with pytest.raises(LambdaRetry, match="b1") as raised:
        handler(bridge_event({"total": 0}))
    assert isinstance(raised.value.__cause__, ConnectionError)


@pytest.mark.parametrize(
    "event",
    [
        sns_event("x", TopicArn="nowhere"),
        sns_event("\ud800"),
        sns_event("x", Type="SubscriptionConfirmation"),
        {"Records": [{"EventSource": "aws:sns"}]},
        bridge_event("no object"),
        bridge_event(object()),
    ],
    ids=["no topic", "surrogate", "confirmation", "empty", "no object", "no json"],
)
def test_what_cannot_be_read_is_not_dropped(event: dict[str, Any]) -> None:
    """An envelope that is not that of its trigger is no data object that nobody wants: it is raised."""
    with pytest.raises(LambdaRetry):
        lambda_handler(Obeys)(event)
    assert Obeys.seen == []


@pytest.mark.parametrize(
    "event",
    [{}, {"Records": None}, {"Records": [{"eventSource": "aws:kinesis"}]}, {"Records": [{}]}, {"source": "shop"}],
)
def test_other_events_are_refused(event: dict[str, Any]) -> None:
    """The event of another trigger is an error that says so, not an empty batch."""
    with pytest.raises(ConfigurationError, match="SQS, SNS and EventBridge"):
        lambda_handler(Obeys)(event)


def test_a_function_without_subscribers_is_refused() -> None:
    """It would tell Lambda to delete everything."""
    with pytest.raises(ConfigurationError, match="subscribers"):
        lambda_handler()


def test_a_store_holds_in_lambda_too() -> None:
    """A batch that Lambda delivers twice is processed once, and both answers are the same."""
    handler = lambda_handler(Obeys, idempotency=MemoryStore(), idempotency_key=lambda _payload: None)
    event = {"Records": [sqs_record(1, "DONE"), sqs_record(2, "FATAL_ERROR")]}
    assert [handler(event), handler(event)] == [NOTHING, NOTHING]
    assert Obeys.seen == ["DONE", "FATAL_ERROR"]


def offloaded(
    message: Callable[..., dict[str, Any]], bucket: str, key: str, group: str | None = None
) -> dict[str, Any]:
    """An event or record whose payload lies in S3."""
    body = write_pointer(Pointer(bucket, key))
    if message is sns_event:
        plain = {"content-type": {"Type": "String", "Value": "text/plain"}}
        return sns_event(body, MessageAttributes={**plain, POINTER_ATTRIBUTE: {"Type": "Number", "Value": "4"}})
    record = sqs_record(key, body, group, fifo=group is not None)
    record["messageAttributes"][POINTER_ATTRIBUTE] = {"stringValue": "4", "dataType": "Number"}
    return record


def test_an_offloaded_payload_is_fetched() -> None:
    """From SQS, from SNS in SQS and from SNS, a subscriber is given what lies in a configured bucket."""
    s3 = FakeS3()
    s3.put_object("b", "k", b"DONE")
    handler = lambda_handler(Obeys, offload=S3Payloads("b", client=s3))
    notification = offloaded(sns_event, "b", "k")
    wrapped = json.dumps(notification["Records"][0]["Sns"])
    for event in (
        {"Records": [offloaded(sqs_record, "b", "k"), sqs_record(1, "DONE")]},
        {"Records": [sqs_record(1, wrapped, content_type="")]},
        notification,
    ):
        assert handler(event) == NOTHING
    assert Obeys.seen == ["DONE"] * 4


def test_what_s3_does_not_hand_over_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """While S3 fails, of a batch those with a payload there come again, on FIFO with their group; SNS is answered with
    an exception. A pointer into a foreign bucket, or to nothing, is undecodable, and nothing is fetched."""
    down = lambda_handler(Obeys, offload=S3Payloads("b", client=FakeS3(client_error("SlowDown", 503))))
    records = [offloaded(sqs_record, "b", "k", "g"), sqs_record(1, "DONE", "g", True), sqs_record(2, "DONE", "h", True)]
    assert failed(down({"Records": records})) == ["mk", "m1"]
    assert Obeys.seen == ["DONE"]
    with pytest.raises(LambdaRetry) as raised:
        down(offloaded(sns_event, "b", "k"))
    assert isinstance(raised.value.__cause__, FetchError)
    handler = lambda_handler(Obeys, offload=S3Payloads("b", client=FakeS3()))
    strange = [offloaded(sqs_record, "foreign", "k"), offloaded(sqs_record, "b", "gone")]
    assert failed(handler({"Records": strange})) == ["mk", "mgone"]
    assert Obeys.seen == ["DONE"]
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "message mk: payload 'k' in bucket 'b': the reason (SlowDown); it stays"
    assert said[-2:] == ["message mk: retry: foreign_bucket", "message mgone: retry: payload_missing"]


def test_a_pinned_envelope_holds_for_pointers() -> None:
    """A body that imitates a notification with a pointer in it is not opened when the envelope is pinned to raw."""
    handler = lambda_handler(Obeys, envelope=EnvelopeKind.RAW, offload=S3Payloads("b", client=FakeS3()))
    wrapped = json.dumps(offloaded(sns_event, "b", "gone")["Records"][0]["Sns"])
    assert handler({"Records": [sqs_record(1, wrapped, content_type="application/json")]}) == NOTHING
    assert len(Obeys.seen) == 1


def test_the_log_says_what_went_wrong_and_no_payload(caplog: pytest.LogCaptureFixture) -> None:
    """A line for each failure with the message's id, and where; not what the exception says of the payload."""
    with caplog.at_level(logging.INFO, "mega_typed.aws_lambda"):
        damaged = sqs_record(3, '{"s3cret":', content_type="application/json")
        lambda_handler(Obeys)({"Records": [sqs_record(1, "value"), sqs_record(2, "DONE"), damaged]})
    assert [record.getMessage().split("\n")[0] for record in caplog.records] == [
        "message m1: Obeys failed: ValueError",
        "message m3: retry: malformed_json",
    ]
    assert "in process" in caplog.text
    assert "s3cret" not in "".join(record.getMessage() for record in caplog.records).replace(
        'raise ValueError("s3cret")', ""
    )


def test_no_aws_client_is_imported_on_the_way() -> None:
    """Neither importing the module nor handling a batch loads boto3, botocore or a store that is not used."""
    script = """
import json, sys
from mega_typed import MessageSubscriber
from mega_typed import S3Payloads
from mega_typed.aws_lambda import lambda_handler

class All(MessageSubscriber):
    def process(self, payload):
        print(payload)

handler = lambda_handler(All, offload=S3Payloads("b"))  # its client is built when a payload is fetched
event = json.loads(sys.argv[1])
assert handler(event) == {"batchItemFailures": []}
loaded = {"boto3", "botocore", "urllib3", "sqlite3", "asyncio"} & set(sys.modules)
sys.exit(str(loaded) if loaded else 0)
"""
    event = json.dumps({"Records": [sqs_record(1, "hello")]})
    done = subprocess.run([sys.executable, "-c", script, event], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "hello\n")
