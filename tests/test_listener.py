"""The listener: over HTTP against a local server, in a process of its own, and against fakes for arranged faults.

The dispatcher is replaced where only the shell is of interest: it says what happens to each body.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError
from mega_typed import listener as listener_module
from mega_typed.backoff import Backoff
from mega_typed.dispatch import Disposition, Outcome, Reading
from mega_typed.envelopes import EnvelopeKind, Record
from mega_typed.errors import CodecError, ConfigurationError, FetchError
from mega_typed.listener import SqsListener
from mega_typed.match import gt
from mega_typed.offload import S3Payloads
from mega_typed.payload import MegaPayload, PayloadBuilder
from mega_typed.publishers import SnsPublisher, SqsPublisher
from mega_typed.subscribers import DataSubscriber, EventSubscriber, MessageSubscriber, ProcessStatus

from tests.samples import OrderPlaced, placed

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Factory = Callable[..., str]
QUEUE = "http://127.0.0.1:9/000000000000/q"
SECRET = "s3cret-payload"


class FakeDispatcher:
    """Keeps what it is given; ``decide`` turns a body into a disposition, or raises."""

    def __init__(self, decide: Callable[[str], Disposition] = lambda _body: Disposition.DELETE) -> None:
        self.decide = decide
        self.bodies: list[str] = []
        self.hanging = 0

    def handle(self, record: Record, **_: object) -> Outcome:
        self.bodies.append(record.body)
        return Outcome(
            disposition=self.decide(record.body),
            reading=Reading.TEXT,
            message_id=record.message_id,
        )


def message(body: str, group: str | None = None) -> dict[str, Any]:
    """One message as boto3 gives it."""
    attributes = {"MessageGroupId": group} if group else {}
    return {"Body": body, "MessageId": f"id-{body}", "ReceiptHandle": f"receipt-{body}", "Attributes": attributes}


class FakeClient:
    """Gives the batches of a script, or raises its errors; keeps acknowledgements; stops the listener at the end."""

    def __init__(self, *script: list[dict[str, Any]] | Exception) -> None:
        self.script = list(script)
        self.deleted: list[list[str]] = []
        self.visibility: list[list[tuple[str, int]]] = []
        self.receives: list[dict[str, Any]] = []
        self.failures: list[Callable[[list[str]], list[str]]] = []
        self.lost: set[str] = set()
        self.finished: Callable[[], None] = lambda: None

    def receive_message(self, **parameters: Any) -> dict[str, Any]:
        self.receives.append(parameters)
        if not self.script:
            self.finished()
            return {}
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return {"Messages": step}

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.deleted.append([entry["ReceiptHandle"].removeprefix("receipt-") for entry in Entries])
        return self._answer(Entries)

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.visibility.append(
            [(entry["ReceiptHandle"].removeprefix("receipt-"), entry["VisibilityTimeout"]) for entry in Entries]
        )
        return self._answer(Entries)

    def _answer(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        fail = self.failures.pop(0) if self.failures else lambda _ids: []
        failed = dict.fromkeys(fail([entry["Id"] for entry in entries]), "InternalError")
        for entry in entries:
            if entry["ReceiptHandle"].removeprefix("receipt-") in self.lost:
                failed[entry["Id"]] = "ReceiptHandleIsInvalid"
        return {"Failed": [{"Id": entry_id, "Code": code, "SenderFault": False} for entry_id, code in failed.items()]}

    send_message = send_message_batch = receive_message


def listening(client: FakeClient, dispatcher: FakeDispatcher | None = None, **arguments: Any) -> SqsListener:
    """A listener to a fake client that stops when the script is through."""
    url = arguments.pop("queue_url", QUEUE)
    listener = SqsListener(url, client=client, **{"sleep": lambda _seconds: None, **arguments})
    listener.dispatcher = dispatcher or FakeDispatcher()  # type: ignore[assignment]
    client.finished = listener.stop
    return listener


def client_error(code: str, status: int) -> ClientError:
    """What boto3 raises when the service answers with an error."""
    return ClientError(
        {"Error": {"Code": code, "Message": "the reason"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "ReceiveMessage",
    )


def bodies_left(sqs: SQSClient, queue_url: str) -> set[str]:
    """What can be received now."""
    answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    return {received["Body"] for received in answer.get("Messages", [])}


def test_done_is_deleted_and_retry_stays(aws: Mapping[str, str], queue: Factory, sqs: SQSClient) -> None:
    """Over HTTP: one poll handles a batch, deletes what is done, leaves the rest for a later delivery."""
    url = queue()
    SqsPublisher(url, client=sqs).publish("done", attributes={"a": "b"})
    SqsPublisher(url, client=sqs).publish("later")
    listener = SqsListener(url, wait_time_seconds=0, visibility_timeout=1, **aws)  # type: ignore[arg-type]
    records: list[Record] = []

    class Dispatcher(FakeDispatcher):
        def handle(self, record: Record, **_: object) -> Outcome:
            records.append(record)
            return super().handle(record)

    listener.dispatcher = Dispatcher(  # type: ignore[assignment]
        lambda body: Disposition.DELETE if body == "done" else Disposition.RETRY
    )
    outcomes = listener.poll_once()
    assert sorted(outcome.disposition for outcome in outcomes) == [Disposition.DELETE, Disposition.RETRY]
    assert bodies_left(sqs, url) == set()
    done = next(record for record in records if record.body == "done")
    assert done.attributes == {"content-type": "text/plain", "a": "b"}
    assert done.receive_count == 1
    assert done.message_id
    time.sleep(1.1)
    assert bodies_left(sqs, url) == {"later"}


def test_subscribers_receive_what_publishers_publish(
    aws: Mapping[str, Any], queue: Factory, topic: Factory, sqs: SQSClient, sns: Any
) -> None:
    """The whole way over HTTP: JSON, BSON, text and blobs, direct, through a topic and by raw delivery."""
    url = queue()
    seen: list[Any] = []

    class Items(EventSubscriber[MegaPayload]):
        event_name = "item.added"
        attributes: ClassVar[Any] = {"quantity": gt(4)}

        def process(self, payload: MegaPayload) -> None:
            seen.append(payload.event.quantity)

    class Data(DataSubscriber):
        pattern: ClassVar[Any] = {"kind": "order"}

        def process(self, payload: dict[str, Any]) -> ProcessStatus:
            seen.append(payload["kind"])
            return ProcessStatus.DONE

    class Rest(MessageSubscriber):
        pattern = staticmethod(lambda value: isinstance(value, (str, bytes)))

        def process(self, payload: Any) -> None:
            seen.append(payload)

    listener = SqsListener(url, wait_time_seconds=0, **aws)
    for subscriber in (Items, Data, Rest):
        listener.register_subscriber(subscriber)
    event = PayloadBuilder().with_event("item.added", domain="shop", quantity=5).build()
    other = PayloadBuilder().with_event("item.added", domain="shop", quantity=1).build()
    direct = SqsPublisher(url, client=sqs)
    for payload in (event, other, {"kind": "order"}, "deadbeef", b"blob"):
        direct.publish(payload)
    for arn in (topic(url), topic(url, raw=True)):
        SnsPublisher(arn, client=sns).publish(event, binary_encoding=True)
    while listener.poll_once():
        pass
    assert sorted(map(str, seen)) == sorted(map(str, [5, 5, 5, "order", "deadbeef", b"blob"]))


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize("way", ["direct", "wrapped", "raw"])
def test_a_typed_event_arrives_equal(
    aws: Mapping[str, Any], queue: Factory, topic: Factory, sqs: SQSClient, sns: Any, way: str, binary: bool
) -> None:
    """Over HTTP, whatever the way and the encoding, a typed subscriber is given the event that was published."""
    url = queue()
    seen: list[OrderPlaced] = []

    class Placed(EventSubscriber[OrderPlaced]):
        attributes: ClassVar[Any] = {"quantity": gt(4), "total": gt(Decimal(19))}

        def process(self, event: OrderPlaced) -> None:
            seen.append(event)

    event = placed(extra={"text": "Grüße, 世界 \u0007 \ufffe"})
    if way == "direct":
        SqsPublisher(url, client=sqs).publish(event, binary)
    else:
        SnsPublisher(topic(url, raw=way == "raw"), client=sns).publish(event, binary)
    listener = SqsListener(url, wait_time_seconds=0, **aws)
    listener.register_subscriber(Placed)
    [outcome] = listener.poll_once()
    assert outcome.disposition is Disposition.DELETE
    assert seen == [event]


def test_what_needs_an_eye_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An invalid event is logged with the paths of its faults, a FATAL_ERROR as an error, a confirmation by its kind."""

    class Gives(EventSubscriber[OrderPlaced]):
        def process(self, event: OrderPlaced) -> ProcessStatus:
            return ProcessStatus.FATAL_ERROR

    invalid = placed().to_json().decode().replace('"quantity":5', '"quantity":0')
    arn = "arn:aws:sns:eu-west-1:000000000000:t"
    confirmation = {"Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": arn, "Message": "x", "Token": "y"}
    client = FakeClient([message(invalid), message(placed().to_json().decode()), message(json.dumps(confirmation))])
    listener = SqsListener(QUEUE, client=client)
    listener.register_subscriber(Gives)
    listener.poll_once()
    said = [(record.levelname, record.getMessage(), vars(record)["message_id"]) for record in caplog.records]
    assert [(level, text.removeprefix(f"message {message_id}: ")) for level, text, message_id in said] == [
        ("WARNING", "retry: invalid_payload at event.attributes.quantity"),
        ("ERROR", "test_what_needs_an_eye_is_logged.<locals>.Gives says fatal_error"),
        ("WARNING", "an SNS confirmation, which is not followed; it stays"),
    ]
    assert len(client.deleted) == 1


class Fetching(S3Payloads):
    """Restores nothing, or raises."""

    def __init__(self, answer: Record | Exception) -> None:
        super().__init__("bucket")
        self.answer = answer

    def restore(self, record: Record, expect: EnvelopeKind | None = None) -> Record:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "reading"),
    [
        (Record(placed().to_json().decode()), Reading.EVENT),
        (CodecError("foreign_bucket", "not ours"), Reading.UNDECODABLE),
        (FetchError("SlowDown", "later"), None),
    ],
)
def test_an_offloaded_payload_is_fetched_first(answer: Record | Exception, reading: Reading | None) -> None:
    """What S3 holds is dispatched; a wrong pointer is undecodable; what cannot be fetched now stays, and loses nothing."""
    client = FakeClient([message('["a pointer", {}]')])
    listener = SqsListener(QUEUE, client=client, offload=Fetching(answer))
    assert [outcome.reading for outcome in listener.poll_once()] == ([] if reading is None else [reading])
    assert len(client.deleted) == (reading is Reading.EVENT)


@pytest.mark.parametrize("explain_unmatched", [True, False])
def test_what_nobody_takes_is_explained_when_asked(caplog: pytest.LogCaptureFixture, explain_unmatched: bool) -> None:
    """At level DEBUG an unmatched message is explained, subscriber by subscriber; without being asked, no value is logged."""

    class Big(EventSubscriber[OrderPlaced]):
        attributes = {"quantity": gt(50)}

        def process(self, event: OrderPlaced) -> None: ...

    caplog.set_level(logging.DEBUG, "mega_typed.listener")
    client = FakeClient([message(placed().to_json().decode()), message("text"), message("[1]")])
    listener = SqsListener(QUEUE, client=client, explain_unmatched=explain_unmatched)
    listener.register_subscriber(Big)
    listener.poll_once()
    explained = [vars(record)["explanation"] for record in caplog.records if hasattr(record, "explanation")]
    assert len(explained) == explain_unmatched
    assert ("quantity: gt(50), found 5" in caplog.text) == explain_unmatched


def test_what_subscribers_raise_is_logged_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """A subscriber's exception and a defective pattern are logged with their place; retriable ones as warnings."""

    class Fails(MessageSubscriber):
        def process(self, payload: Any) -> None:
            raise ValueError(payload)

    class Waits(MessageSubscriber):
        retriable = (TimeoutError,)

        def process(self, payload: Any) -> None:
            raise TimeoutError(payload)

    class Defective(MessageSubscriber):
        pattern = staticmethod(lambda value: value["no such key"])

        def process(self, payload: Any) -> None: ...

    client = FakeClient([message(SECRET)])
    listener = SqsListener(QUEUE, client=client)
    for subscriber in (Fails, Waits, Defective):
        listener.register_subscriber(subscriber)
    [outcome] = listener.poll_once()
    assert outcome.disposition is Disposition.RETRY
    logged = {record.getMessage().splitlines()[0].rpartition(".")[2]: record.levelname for record in caplog.records}
    assert logged == {
        "Fails failed: ValueError": "ERROR",
        "Waits failed: TimeoutError": "WARNING",
        "Defective failed: TypeError": "ERROR",
    }
    assert all("test_listener.py" in record.getMessage() for record in caplog.records)


def test_asks_for_everything_and_as_configured() -> None:
    """A receive asks for all attributes, ten messages and a long poll unless told otherwise."""
    client = FakeClient()
    listening(client).listen()
    listening(client, max_number_of_messages=1, wait_time_seconds=0, visibility_timeout=43_200).listen()
    names = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"], "QueueUrl": QUEUE}
    assert client.receives == [
        {**names, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20, "VisibilityTimeout": 30},
        {**names, "MaxNumberOfMessages": 1, "WaitTimeSeconds": 0, "VisibilityTimeout": 43_200},
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"queue_url": ""},
        {"max_number_of_messages": 0},
        {"max_number_of_messages": 11},
        {"max_number_of_messages": True},
        {"wait_time_seconds": -1},
        {"wait_time_seconds": 21},
        {"wait_time_seconds": 0.5},
        {"visibility_timeout": -1},
        {"visibility_timeout": 43_201},
        {"region_name": "eu-west-1"},
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    """What SQS would refuse, and a client with settings of another, are ConfigurationErrors at once."""
    with pytest.raises(ConfigurationError):
        listening(FakeClient(), **arguments)


def test_deletes_go_by_ten() -> None:
    """One call deletes the whole batch."""
    client = FakeClient([message(str(n)) for n in range(10)])
    listening(client).listen()
    assert client.deleted == [[str(n) for n in range(10)]]
    assert client.visibility == []


def test_one_message_never_stops_the_loop() -> None:
    """A message that cannot even be read, and one whose dispatch raises, stay; the others are handled."""

    def decide(body: str) -> Disposition:
        if body == "bad":
            raise RuntimeError(SECRET)
        return Disposition.DELETE

    client = FakeClient([{"MessageId": "no body"}, message("bad"), message("good")], [message("next")])
    dispatcher = FakeDispatcher(decide)
    listening(client, dispatcher).listen()
    assert dispatcher.bodies == ["bad", "good", "next"]
    assert client.deleted == [["good"], ["next"]]


FAILED_DELETES: list[Any] = [
    pytest.param([lambda ids: ids[1:2]], [["a", "b"], ["b"]], "WARNING", id="cured by the second try"),
    pytest.param([lambda ids: ids, lambda ids: ids], [["a", "b"], ["a", "b"]], "ERROR", id="lost"),
    pytest.param([lambda _ids: ["?"]], [["a", "b"]], "WARNING", id="unknown entry"),
]


@pytest.mark.parametrize(("failures", "calls", "level"), FAILED_DELETES)
def test_failed_deletes_are_tried_once_more_and_logged(
    failures: list[Callable[[list[str]], list[str]]], calls: list[list[str]], level: str, caplog: Any
) -> None:
    """Only the entries that failed are deleted again, once; the loop goes on."""
    client = FakeClient([message("a"), message("b")], [message("c")])
    client.failures = failures
    listening(client).listen()
    assert client.deleted == [*calls, ["c"]]
    assert level in {record.levelname for record in caplog.records}


def test_a_delete_call_that_fails_does_not_stop_the_loop() -> None:
    """A delete call that raises is tried once more; then the messages are left to come again."""

    def broken(_ids: list[str]) -> list[str]:
        raise client_error("InternalError", 500)

    client = FakeClient([message("a")], [message("b")])
    client.failures = [broken, broken]
    listening(client).listen()
    assert client.deleted == [["a"], ["a"], ["b"]]


PASSING: list[Exception] = [
    client_error("RequestThrottled", 400),
    client_error("com.amazonaws.sqs#RequestThrottled", 400),
    client_error("ThrottlingException", 400),
    client_error("OverLimit", 403),
    client_error("ExpiredToken", 403),
    client_error("InternalFailure", 500),
    client_error("503", 503),
    client_error("Whatever", 429),
    EndpointConnectionError(endpoint_url=QUEUE),
    ConnectTimeoutError(endpoint_url=QUEUE),
    ResponseParserError("half an answer"),
    ConnectionResetError(),
    KeyError("an answer that botocore does not expect"),
    AttributeError("nor this one"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_passing_trouble_is_waited_out(error: Exception) -> None:
    """Throttling, faults of the service and broken connections are survived; what comes after is handled."""
    client = FakeClient(error, error, [message("a")])
    slept: list[float] = []
    listening(client, sleep=slept.append, jitter=lambda: 1.0).listen()
    assert client.deleted == [["a"]]
    assert slept == [1.0, 2.0]


NONSENSE: list[Any] = [
    [],
    None,
    {"Messages": 5},
    {"Messages": "text"},
    {"Messages": [None, 1]},
    {"Messages": {"a": "b"}},
    {"Messages": [{"Body": "no receipt"}]},
]


@pytest.mark.parametrize("answer", NONSENSE, ids=repr)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_an_answer_that_makes_no_sense_is_waited_out(answer: Any, concurrency: int) -> None:
    """Whatever a receive returns, the loop pauses and goes on, and handles what comes after."""

    class Odd(FakeClient):
        def receive_message(self, **parameters: Any) -> Any:
            return answer if self.receives == [] and not self.receives.append({}) else super().receive_message()  # type: ignore[func-returns-value]

    client = Odd([message("a")])
    pauses: list[float] = []
    listener = listening(client, sleep=pauses.append, concurrency=concurrency)
    listener.listen()
    assert client.deleted == [["a"]]


def test_odd_messages_do_not_hold_up_others() -> None:
    """Of an answer with one message that cannot be acknowledged the others are handled; odd attributes do no harm."""
    odd = {"Body": 5, "ReceiptHandle": "receipt-odd", "Attributes": [], "MessageAttributes": 7, "MessageId": None}
    client = FakeClient([{"Body": "no receipt"}, odd, {**message("b"), "Attributes": {"MessageGroupId": 3}}])
    listening(client, queue_url=f"{QUEUE}.fifo", backoff=Backoff()).listen()
    assert client.deleted == [["b"]]


def test_acknowledgements_survive_answers_that_make_no_sense() -> None:
    """Whatever a delete returns, the loop goes on."""

    class Odd(FakeClient):
        def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
            self.deleted.append(["tried"])
            return {"Failed": 5}

    client = Odd([message("a")], [message("b")])
    listening(client).listen()
    assert client.deleted == [["tried"]] * 4


POINTLESS: list[Exception] = [
    client_error("AWS.SimpleQueueService.NonExistentQueue", 400),
    client_error("QueueDoesNotExist", 400),
    client_error("AccessDenied", 403),
    client_error("InvalidClientTokenId", 403),
    client_error("SignatureDoesNotMatch", 403),
    client_error("InvalidAddress", 404),
    NoCredentialsError(),
]


@pytest.mark.parametrize("error", POINTLESS, ids=repr)
def test_pointless_trouble_is_raised(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """What waiting cannot cure is logged and raised as a ConfigurationError with the service's error as its cause."""
    slept: list[float] = []
    with pytest.raises(ConfigurationError) as caught:
        listening(FakeClient(error), sleep=slept.append).listen()
    assert caught.value.__cause__ is error
    assert slept == []
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == ["ERROR"]
    with pytest.raises(ConfigurationError):
        listening(FakeClient(error)).poll_once()


def test_poll_once_shows_passing_trouble() -> None:
    """A single poll does not wait: it raises the client's own error."""
    error = client_error("InternalFailure", 500)
    with pytest.raises(ClientError) as caught:
        listening(FakeClient(error)).poll_once()
    assert caught.value is error


def test_pauses_grow_are_bounded_and_jittered_and_start_anew() -> None:
    """Pauses double up to thirty seconds, half of each is random, and a success starts from the beginning."""
    trouble = client_error("InternalFailure", 500)
    for jitter, expected in ((1.0, [1, 2, 4, 8, 16, 30, 30, 1]), (0.0, [0.5, 1, 2, 4, 8, 15, 15, 0.5])):
        slept: list[float] = []
        client = FakeClient(*[trouble] * 7, [message("a")], trouble)
        listening(client, sleep=slept.append, jitter=lambda jitter=jitter: jitter).listen()
        assert slept == expected


def test_a_listener_listens_once() -> None:
    """A second listen in another thread is refused; after stop, poll_once takes nothing, once."""
    inner: list[Exception] = []

    def again(_seconds: float) -> None:
        with pytest.raises(ConfigurationError, match="listening already") as caught:
            listener.listen()
        inner.append(caught.value)
        listener.stop()

    client = FakeClient(client_error("ThrottlingException", 400), [message("a")])
    listener = listening(client)
    listener._sleep = again
    listener.listen()
    assert len(inner) == 1
    listener.stop()
    assert listener.poll_once() == []
    assert len(listener.poll_once()) == 1


def test_a_stop_ends_a_pause() -> None:
    """A stop from another thread ends the wait after a failed receive at once."""
    listener = listening(FakeClient(*[client_error("InternalFailure", 500)] * 9), sleep=None, jitter=lambda: 1.0)
    threading.Timer(0.2, listener.stop).start()
    started = time.monotonic()
    listener.listen()
    assert time.monotonic() - started < 0.9


def test_a_stop_before_listening_is_not_lost_and_counts_once() -> None:
    """A stop that comes first makes the next listen return at once; the one after that works."""
    client = FakeClient([message("a")])
    listener = listening(client)
    listener.stop()
    listener.listen()
    assert client.receives == []
    listener.listen()
    assert client.deleted == [["a"]]


def test_a_stop_finishes_the_message_in_hand_and_gives_back_the_rest() -> None:
    """Told to stop in the middle of a batch: what is done is deleted, what was not started becomes visible."""
    client = FakeClient([message(body) for body in "abcd"])
    listener = listening(client)

    def decide(body: str) -> Disposition:
        if body == "b":
            listener.stop()
        return Disposition.DELETE

    listener.dispatcher = dispatcher = FakeDispatcher(decide)  # type: ignore[assignment]
    listener.listen()
    assert dispatcher.bodies == ["a", "b"]
    assert client.deleted == [["a", "b"]]
    assert client.visibility == [[("c", 0), ("d", 0)]]


def test_a_break_in_the_middle_still_acknowledges() -> None:
    """A KeyboardInterrupt out of a subscriber comes through, after done work is deleted and the rest given back."""

    def decide(body: str) -> Disposition:
        if body == "b":
            raise KeyboardInterrupt
        return Disposition.DELETE

    client = FakeClient([message(body) for body in "abc"])
    with pytest.raises(KeyboardInterrupt):
        listening(client, FakeDispatcher(decide)).listen()
    assert client.deleted == [["a"]]
    assert client.visibility == [[("c", 0)]]


def test_a_failed_message_stops_its_group_only() -> None:
    """On FIFO the group of a message to be retried goes back unhandled; other groups go on."""
    client = FakeClient([message(body, group=body[0]) for body in ("a1", "b1", "a2", "b2", "a3")])
    dispatcher = FakeDispatcher(lambda body: Disposition.RETRY if body == "a1" else Disposition.DELETE)
    listening(client, dispatcher, queue_url=QUEUE + ".fifo").listen()
    assert dispatcher.bodies == ["a1", "b1", "b2"]
    assert client.deleted == [["b1", "b2"]]
    assert client.visibility == [[("a2", 0), ("a3", 0)]]


def test_standard_queues_have_no_order_to_hold() -> None:
    """The group of a fair queue halts nothing."""
    client = FakeClient([message(body, group=body[0]) for body in ("a1", "a2")])
    dispatcher = FakeDispatcher(lambda body: Disposition.RETRY if body == "a1" else Disposition.DELETE)
    listening(client, dispatcher).listen()
    assert dispatcher.bodies == ["a1", "a2"]


def test_fifo_order_over_http(aws: Mapping[str, str], queue: Factory, sqs: SQSClient) -> None:
    """Over HTTP: a message that failed once is handled before the later ones of its group."""
    url = queue(fifo=True)
    list(SqsPublisher(url, client=sqs).publish_many(["a1", "b1", "a2", "b2"], group_id=lambda body: body[0]))
    failed: list[str] = []

    def decide(body: str) -> Disposition:
        if body == "a1" and not failed:
            failed.append(body)
            return Disposition.RETRY
        return Disposition.DELETE

    listener = SqsListener(url, wait_time_seconds=1, visibility_timeout=1, **aws)  # type: ignore[arg-type]
    listener.dispatcher = dispatcher = FakeDispatcher(decide)  # type: ignore[assignment]
    deadline = time.monotonic() + 10
    while len(dispatcher.bodies) < 5 and time.monotonic() < deadline:
        listener.poll_once()
    assert [body for body in dispatcher.bodies if body[0] == "a"] == ["a1", "a1", "a2"]
    assert [body for body in dispatcher.bodies if body[0] == "b"] == ["b1", "b2"]


class Clock:
    """Time that passes only when a message is handled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(listener_module, "monotonic", lambda: self.now)

    def spend(self, seconds: float) -> Callable[[str], Disposition]:
        def decide(_body: str) -> Disposition:
            self.now += seconds
            return Disposition.DELETE

        return decide


def test_slow_work_renews_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """After slow work done messages are deleted, and the next starts, and the others wait, with their whole time."""
    client = FakeClient([message(body) for body in "abcd"])
    dispatcher = FakeDispatcher(Clock(monkeypatch).spend(8))
    listening(client, dispatcher, visibility_timeout=30).listen()
    assert dispatcher.bodies == list("abcd")
    assert client.visibility == [[("b", 30), ("c", 30), ("d", 30)], [("c", 30), ("d", 30)], [("d", 30)]]
    assert client.deleted == [["a"], ["b"], ["c"], ["d"]]


def test_quick_work_makes_no_extra_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that takes less than a second is deleted in one call and renews nothing."""
    client = FakeClient([message(body) for body in "abcd"])
    listening(client, FakeDispatcher(Clock(monkeypatch).spend(0.2))).listen()
    assert client.deleted == [list("abcd")]
    assert client.visibility == []


def test_no_payload_in_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    """Neither bodies nor the messages of exceptions and errors, which may quote them, are logged."""
    caplog.set_level(logging.DEBUG, "mega_typed.listener")

    class Dispatcher(FakeDispatcher):
        def handle(self, record: Record, **_: object) -> Outcome:
            if record.body.endswith("raise"):
                raise ValueError(record.body)
            outcome = super().handle(record)
            error = CodecError("malformed_json", f"not JSON: {record.body}")
            return msgspec.structs.replace(outcome, error=error)

    messages = [{**message(SECRET), "MessageId": "m1"}, {**message(f"{SECRET} raise"), "MessageId": "m2"}]
    listening(FakeClient(messages), Dispatcher()).listen()
    formatter = logging.Formatter("%(message)s")
    text = "\n".join(formatter.format(record) + repr(record.__dict__) for record in caplog.records)
    assert SECRET not in text
    assert "malformed_json" in text
    assert "ValueError" in text
    assert {getattr(record, "message_id", None) for record in caplog.records} >= {"m1", "m2"}


def test_signal_handlers_are_in_place_only_while_listening() -> None:
    """SIGTERM and SIGINT are handled during listen in the main thread, and are what they were afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    during: list[Any] = []
    client = FakeClient([message("a")])
    listener = listening(client)

    def finished() -> None:
        during.append(signal.getsignal(signal.SIGTERM))
        listener.stop()

    client.finished = finished
    listener.listen()
    assert during[0] not in before.values()
    assert {number: signal.getsignal(number) for number in before} == before
    thread = threading.Thread(target=listening(FakeClient([message("a")])).listen)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


def test_a_second_signal_interrupts() -> None:
    """The first SIGINT asks to stop; the second is a KeyboardInterrupt as ever, and nothing done is lost."""

    def decide(body: str) -> Disposition:
        if body == "b":
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        return Disposition.DELETE

    client = FakeClient([message(body) for body in "abc"])
    with pytest.raises(KeyboardInterrupt):
        listening(client, FakeDispatcher(decide)).listen()
    assert client.deleted == [["a"]]
    assert client.visibility == [[("c", 0)]]


def test_a_deleted_queue_ends_listening(aws: Mapping[str, str], queue: Factory, sqs: SQSClient) -> None:
    """Over HTTP: the queue disappears while the listener listens; listen raises."""
    url = queue()
    listener = SqsListener(url, wait_time_seconds=0, **aws)  # type: ignore[arg-type]
    listener.poll_once()
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(ConfigurationError, match="cannot receive"):
        listener.listen()


def test_a_refused_connection_is_waited_out_over_http() -> None:
    """Nobody listens at the port: the listener pauses and tries on, until it is stopped."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) > 1:
                listener.stop()

        listener = SqsListener(f"{nowhere}/0/q", region_name="eu-west-1", endpoint_url=nowhere, sleep=sleep)
        listener.listen()
    assert len(slept) == 2


CONSUMER = """
import sys, time
from mega_typed.listener import SqsListener
from mega_typed.dispatch import Disposition, Outcome, Reading

class Dispatcher:
    hanging = 0

    def handle(self, record, **_):
        print("started", record.body, flush=True)
        time.sleep(0.5)
        print("finished", record.body, flush=True)
        return Outcome(disposition=Disposition.DELETE, reading=Reading.TEXT, message_id=record.message_id)

listener = SqsListener(sys.argv[1], endpoint_url=sys.argv[2], region_name="eu-west-1", wait_time_seconds=1)
listener.dispatcher = Dispatcher()
listener.listen()
print("returned", flush=True)
"""


@pytest.fixture
def consumer(tmp_path: Path, aws_server: str) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a consumer in a process of its own."""
    script = tmp_path / "consumer.py"
    script.write_text(CONSUMER)
    started: list[subprocess.Popen[str]] = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def start(queue_url: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(script), queue_url, aws_server], stdout=subprocess.PIPE, text=True, env=environment
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_stop(
    number: signal.Signals, consumer: Callable[[str], subprocess.Popen[str]], queue: Factory, sqs: SQSClient
) -> None:
    """A real process ends with status 0: the message in hand is finished and deleted, the rest is visible at once."""
    url = queue()
    list(SqsPublisher(url, client=sqs).publish_many(["m1", "m2", "m3"]))
    process = consumer(url)
    assert process.stdout is not None
    in_hand = process.stdout.readline().split()
    assert in_hand[0] == "started"
    process.send_signal(number)
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 0
    assert output.split() == ["finished", in_hand[1], "returned"]
    assert bodies_left(sqs, url) == {"m1", "m2", "m3"} - {in_hand[1]}


def test_an_idle_process_that_is_told_to_stop(
    consumer: Callable[[str], subprocess.Popen[str]], queue: Factory, sqs: SQSClient
) -> None:
    """A process that waits in a long poll ends with status 0 as well, soon after the poll."""
    url = queue()
    SqsPublisher(url, client=sqs).publish("m1")
    process = consumer(url)
    assert process.stdout is not None
    assert [process.stdout.readline().split()[0] for _ in range(2)] == ["started", "finished"]
    time.sleep(0.3)
    process.terminate()
    assert process.communicate(timeout=15)[0].split() == ["returned"]
    assert process.returncode == 0
    assert (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
            "ApproximateNumberOfMessagesNotVisible"
        ]
        == "0"
    )
