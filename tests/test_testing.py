"""The kit itself: the clock, failures on demand, threads, assertions, delivery; what the contract does not cover."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_typed import (
    Backoff,
    ConfigurationError,
    DataSubscriber,
    Dispatcher,
    Disposition,
    EventSubscriber,
    MessageSubscriber,
    PatternError,
    ProcessStatus,
    PublishError,
    Reading,
    Record,
    S3Payloads,
    SnsPublisher,
    SqsListener,
    SqsPublisher,
    filter_policy,
)
from mega_typed.match import gt, gte, prefix
from mega_typed.testing import (
    Clock,
    InMemoryTransport,
    Transport,
    assert_published,
    deliver,
    published_events,
    run_until_idle,
)

from generated.shopping_cart import ItemAdded, ItemAddedSubscriber, ItemRemoved

from .contract.speaking import bodies, receive, refused, send

ITEM = UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8")


def added(quantity: int = 6, **more: Any) -> ItemAdded:
    return ItemAdded(item_id=ITEM, quantity=quantity, **more)


class Bulk(ItemAddedSubscriber):
    """Wants more than five."""

    attributes = {"quantity": gt(5)}

    def process(self, event: ItemAdded) -> ProcessStatus:
        return ProcessStatus.DONE


@pytest.fixture
def aws() -> InMemoryTransport:
    return InMemoryTransport()


# --- clock -----------------------------------------------------------------------------------------------------------


def test_the_clock_moves_when_it_is_told() -> None:
    """By seconds or a ``timedelta``, forward only, from a moment that has a time zone."""
    clock = Clock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(1.5)
    clock.advance(timedelta(minutes=1))
    assert clock.now() == datetime(2026, 1, 1, 0, 1, 1, 500_000, tzinfo=UTC)
    assert clock.time() == clock.now().timestamp()
    for seconds in (-1, float("nan")):
        with pytest.raises(ConfigurationError, match="forward"):
            clock.advance(seconds)
    with pytest.raises(ConfigurationError, match="aware"):
        Clock(datetime(2026, 1, 1))
    assert abs(Clock().time() - datetime.now(UTC).timestamp()) < 60


def test_a_long_poll_moves_no_clock(aws: InMemoryTransport) -> None:
    """It ends by itself when there is nothing, and the time is what it was."""
    before = aws.clock.time()
    assert bodies(aws, aws.queue(), WaitTimeSeconds=20) == []
    assert aws.clock.time() == before


@pytest.mark.parametrize("how", ["sends", "advances"])
def test_a_long_poll_is_woken(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a message of another thread, and by a clock that another thread moves."""
    monkeypatch.setattr("mega_typed.testing.clock.PATIENCE_SECONDS", 60)
    aws = InMemoryTransport()
    url = aws.queue()
    if how == "advances":
        send(aws, url, "m", DelaySeconds=5)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(bodies(aws, url, WaitTimeSeconds=20)))
    thread.start()
    if how == "sends":
        send(aws, url, "m")
    else:
        aws.advance(5)
    thread.join()
    assert found == ["m"]


def test_a_jumping_clock_moves_to_the_message() -> None:
    """A long poll takes the time until a message is visible, and no more; in vain it takes all of it."""
    clock = Clock(jumps=True)
    aws, start = InMemoryTransport(clock), clock.time()
    url = aws.queue()
    send(aws, url, "m", DelaySeconds=5)
    assert bodies(aws, url, WaitTimeSeconds=20) == ["m"]
    assert clock.time() == start + 5
    assert bodies(aws, url, WaitTimeSeconds=20) == []
    assert clock.time() == start + 25


# --- failures on demand ----------------------------------------------------------------------------------------------


def test_the_next_calls_fail(aws: InMemoryTransport) -> None:
    """With the code and status that were asked for, so many times, then no more."""
    url = aws.queue()
    aws.sqs.fail_next("send_message", "RequestThrottled", times=2, status=403)
    publisher = SqsPublisher(url, client=aws.sqs)
    for _ in range(2):
        with pytest.raises(PublishError) as caught:
            publisher.publish(added())
        assert caught.value.code == "RequestThrottled"
        cause = caught.value.__cause__
        assert isinstance(cause, ClientError)
        assert cause.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert cause.operation_name == "SendMessage"
    publisher.publish(added())
    assert aws.waiting(url) == len(aws.published) == 1


def test_a_call_that_takes_effect_and_fails(aws: InMemoryTransport) -> None:
    """Its answer is lost, its message is not; any exception may be raised."""
    url = aws.queue()
    lost = EndpointConnectionError(endpoint_url="http://127.0.0.1")
    aws.sqs.fail_next("send_message", lost, after=True)
    with pytest.raises(PublishError):
        SqsPublisher(url, client=aws.sqs).publish(added())
    assert aws.waiting(url) == 1


def test_one_entry_fails(aws: InMemoryTransport) -> None:
    """Chosen by its parameters, while the others succeed; a fault of the service is sent again by the publisher."""
    url = aws.queue()
    answer_to: Callable[..., Any] = aws.sqs.send_message_batch
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(3)]
    aws.sqs.fail_entry("send_message_batch", "InternalError", which=lambda entry: entry["MessageBody"] == "m1")
    answer = answer_to(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["0", "2"]
    assert [(each["Id"], each["Code"], each["SenderFault"]) for each in answer["Failed"]] == [
        ("1", "InternalError", False)
    ]
    aws.sqs.fail_entry("send_message_batch", "InternalError")
    results = SqsPublisher(url, client=aws.sqs).publish_many(["a", "b"])
    assert all(result.message_id for result in results)
    assert aws.waiting(url) == 4


def test_what_cannot_fail_is_refused(aws: InMemoryTransport) -> None:
    """Misspelt methods, and entries of a call that has none."""
    for method in ("send_massage", "fail_next", "_run", "clock"):
        with pytest.raises(ConfigurationError, match="no method"):
            aws.sqs.fail_next(method, "X")
    with pytest.raises(ConfigurationError, match="no entries"):
        aws.sqs.fail_entry("send_message", "X")
    with pytest.raises(ConfigurationError, match="times"):
        aws.sqs.fail_next("send_message", "X", times=0)


def test_a_listener_waits_out_failures(aws: InMemoryTransport) -> None:
    """Throttled receives and lost deletes: the message is processed, and gone in the end."""
    url = aws.queue()
    pauses: list[float] = []
    listener = SqsListener(url, client=aws.sqs, sleep=pauses.append, jitter=lambda: 1.0)

    class Once(Bulk):
        def process(self, event: ItemAdded) -> ProcessStatus:
            listener.stop()
            return ProcessStatus.DONE

    listener.register_subscriber(Once)
    SqsPublisher(url, client=aws.sqs).publish(added())
    aws.sqs.fail_next("receive_message", "RequestThrottled", times=2)
    aws.sqs.fail_next("receive_message", "InternalFailure", status=500)
    aws.sqs.fail_entry("delete_message_batch", "InternalError")
    listener.listen()
    assert (len(pauses), aws.waiting(url)) == (3, 0)


# --- the clients in place of boto3's ---------------------------------------------------------------------------------


def test_the_codes_are_those_of_aws() -> None:
    """Error codes of SNS in the kit are codes that botocore's description of the service knows."""
    import re
    from pathlib import Path

    import botocore.session

    model = botocore.session.get_session().get_service_model("sns")
    known = {shape.metadata.get("error", {}).get("code") for shape in model.error_shapes}
    folder = Path(__file__).parent.parent / "mega_typed" / "testing"
    text = (folder / "sns.py").read_text() + (folder / "filters.py").read_text()
    used = set(re.findall(r'Refusal\(\s*"(\w+)"', text))
    assert len(used) >= 3
    assert used <= known


def test_threads_share_a_queue(aws: InMemoryTransport) -> None:
    """A listener with workers processes every message once, while another thread publishes."""
    url = aws.queue()
    seen: list[int] = []
    listener = SqsListener(url, client=aws.sqs, concurrency=4, wait_time_seconds=1)

    class Counting(ItemAddedSubscriber):
        def process(self, event: ItemAdded) -> ProcessStatus:
            seen.append(event.quantity)
            if len(seen) == 300:
                listener.stop()
            return ProcessStatus.DONE

    listener.register_subscriber(Counting)
    events = [added(number + 1) for number in range(300)]
    publishing = threading.Thread(target=lambda: SqsPublisher(url, client=aws.sqs).publish_many(events))
    publishing.start()
    listener.listen()
    publishing.join()
    assert sorted(seen) == list(range(1, 301))
    assert aws.waiting(url) == 0


@settings(max_examples=40)
@given(st.lists(st.sampled_from("abc"), max_size=15), st.data())
def test_groups_keep_their_order_whatever_happens(groups: list[str], data: st.DataObject) -> None:
    """Messages of a FIFO queue that are deleted, given back or forgotten at random come in order within their group."""
    aws = InMemoryTransport()
    url = aws.queue(fifo=True, VisibilityTimeout=10)
    for number, group in enumerate(groups):
        send(aws, url, f"{group}{number}", MessageGroupId=group)
    deleted: list[str] = []
    while aws.waiting(url):
        messages = receive(aws, url, data.draw(st.integers(1, 10)))
        held: set[str] = set()
        for message in messages:
            group = message["Attributes"]["MessageGroupId"]
            if group not in held and data.draw(st.integers(0, 3)):
                aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                deleted.append(message["Body"])
            else:
                held.add(group)
        if not messages or data.draw(st.booleans()):
            aws.advance(10)
    for group in "abc":
        mine = [body for body in deleted if body[0] == group]
        assert mine == [f"{each}{number}" for number, each in enumerate(groups) if each == group]


def test_no_group_starves(aws: InMemoryTransport) -> None:
    """A group of which something was received goes behind the others (recorded of AWS)."""
    url = aws.queue(fifo=True)
    for body in ("1-a", "2-a", "3-a"):
        send(aws, url, body, MessageGroupId=body[0])
    assert bodies(aws, url, 2, VisibilityTimeout=0) == ["1-a", "2-a"]
    assert bodies(aws, url) == ["3-a", "1-a", "2-a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_retention_in_a_dead_letter_queue(aws: InMemoryTransport, fifo: bool) -> None:
    """It counts from the first sending; of a FIFO queue from the move (SQS Developer Guide)."""
    dead = aws.queue(fifo=fifo, MessageRetentionPeriod=100)
    url = aws.queue(fifo=fifo, dead_letter_queue_url=dead, max_receive_count=1, VisibilityTimeout=0)
    send(aws, url, "m")
    aws.advance(60)
    bodies(aws, url)
    bodies(aws, url)
    assert aws.waiting(dead) == 1
    aws.advance(60)
    assert aws.waiting(dead) == int(fifo)


def test_large_payloads_lie_in_the_bucket(aws: InMemoryTransport) -> None:
    """Publisher and listener offload through the S3 in memory; a missing object is what S3 says."""
    url = aws.queue()
    offload = S3Payloads("bucket", client=aws.s3)
    publisher = SqsPublisher(url, max_message_bytes=1024, offload=offload, client=aws.sqs)
    seen: list[str] = []

    class Texts(MessageSubscriber):
        def process(self, payload: Any) -> None:
            seen.append(payload)

    listener = SqsListener(url, client=aws.sqs, offload=offload)
    listener.register_subscriber(Texts)
    publisher.publish("x" * 2000)
    assert list(aws.s3.objects.values()) == [b"x" * 2000]
    assert [outcome.disposition for outcome in run_until_idle(listener, aws)] == [Disposition.DELETE]
    assert seen == ["x" * 2000]
    assert refused(aws.s3.get_object, Bucket="bucket", Key="nothing") == "NoSuchKey"


def test_a_filter_policy_of_subscribers_holds_in_memory(aws: InMemoryTransport) -> None:
    """``subscribe`` takes what ``filter_policy`` makes: of two events the wanted one arrives."""
    topic, url = aws.topic("orders"), aws.queue("orders")
    aws.subscribe(topic, url, raw=True, filter_policy=filter_policy(Bulk, scope="MessageBody"))
    SnsPublisher(topic, client=aws.sns).publish_many([added(6), added(5)])
    assert len(receive(aws, url)) == 1
    assert topic.endswith(":orders")
    assert url.endswith("/orders")


# --- assertions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(aws: InMemoryTransport) -> InMemoryTransport:
    """Four messages: two events in both encodings, a document, an event that is not valid."""
    topic, url = aws.topic("t"), aws.queue("q")
    SqsPublisher(url, client=aws.sqs).publish_many([added(3, subject="42"), {"type": "note"}])
    SnsPublisher(topic, client=aws.sns).publish(added(8), binary_encoding=True)
    event = {"domain": "shopping_cart", "name": "item.added", "version": 1, "timestamp": "2020-01-01T00:00:00Z"}
    SqsPublisher(url, client=aws.sqs).publish({"protocol": "mega", "version": 1, "event": event})
    return aws


def test_what_was_published_is_found(published: InMemoryTransport) -> None:
    """By class, pattern, predicate, destination, number, and by subscriber."""
    both = assert_published(published, ItemAdded, times=2)
    assert [event.quantity for event in both] == [3, 8]
    assert published_events(published, ItemAdded) == both
    assert assert_published(published, ItemAdded, attributes={"quantity": gt(5)}) == [both[1]]
    assert assert_published(published, ItemAdded, subject="42", attributes={"quantity": gte(1)}) == [both[0]]
    assert assert_published(published, ItemAdded, lambda event: event.quantity == 8) == [both[1]]
    assert assert_published(published, ItemAdded, to=both_topic(published)) == [both[1]]
    assert assert_published(published, Bulk) == [both[1]]
    assert assert_published(published, ItemRemoved, times=0) == []
    assert published_events(published, ItemRemoved) == []

    class Notes(DataSubscriber):
        pattern = {"type": "note"}

        def __init__(self) -> None:
            raise RuntimeError("an assertion makes no subscriber of the user's")

        def process(self, data: dict[str, Any]) -> None: ...

    class Untyped(EventSubscriber):
        name = "item.added"

        def process(self, event: Any) -> None: ...

    assert assert_published(published, Notes) == [{"type": "note"}]
    assert assert_published(published, {"type": prefix("no")}, times=1) == [{"type": "note"}]
    assert len(assert_published(published, {"event": {"name": "item.added"}}, times=3)) == 3
    SqsPublisher(published.queue(), client=published.sqs).publish("hello")
    assert assert_published(published, prefix("hell")) == ["hello"]
    with pytest.raises(AssertionError, match=r"at least one of prefix\('x'\), found 0 among 5 published"):
        assert_published(published, prefix("x"))
    assert len(assert_published(published, Untyped)) == 3


def both_topic(aws: Transport) -> str:
    return next(each.destination for each in aws.published if ":sns:" in each.destination)


def test_a_failed_assertion_says_why(published: InMemoryTransport) -> None:
    """It lists what was published, and of each message why it does not match."""
    with pytest.raises(AssertionError) as caught:
        assert_published(
            published, ItemAdded, lambda event: False, to=both_topic(published), attributes={"quantity": 8}
        )
    queue = "https://sqs.us-east-1.amazonaws.com/000000000000/q"
    said = str(caught.value).splitlines()
    assert said[0] == "expected at least one of ItemAdded with attributes={'quantity': 8}, found 0 among 4 published"
    assert said[1:3] == [
        f"1. shopping_cart item.added v1, to {queue}",
        "     it went elsewhere, and not to arn:aws:sns:us-east-1:000000000000:t",
    ]
    assert "     the predicate says no to ItemAdded(" in str(caught.value)
    with pytest.raises(AssertionError) as caught:
        assert_published(published, ItemAdded, times=3, attributes={"quantity": gt(5)})
    assert str(caught.value).splitlines() == [
        "expected 3 of ItemAdded with attributes={'quantity': gt(5)}, found 1 among 4 published",
        f"1. shopping_cart item.added v1, to {queue}",
        "     no  quantity: gt(5), found 3",
        f'2. object: {{"type":"note"}}, to {queue}',
        "     it is something else",
        "3. shopping_cart item.added v1, to arn:aws:sns:us-east-1:000000000000:t",
        "     it matches",
        f"4. shopping_cart item.added v1, to {queue}",
        "     it is not valid: ItemAdded is not valid:",
        "       - event.attributes.item_id: Field required",
        "       - event.attributes.quantity: Field required",
    ]


def test_an_assertion_that_cannot_be_right_is_no_assertion(published: InMemoryTransport) -> None:
    """A misspelt attribute, patterns beside a subscriber, and what is no class at all."""
    with pytest.raises(PatternError, match="did you mean `quantity`"):
        assert_published(published, ItemAdded, times=0, attributes={"quantiy": 1})
    wrong: list[tuple[Any, dict[str, Any]]] = [
        (Bulk, {"subject": "1"}),
        ({"a": 1}, {"subject": "1"}),
        ("ItemAdded", {}),
        (int, {}),
    ]
    for wanted, pattern in wrong:
        with pytest.raises(ConfigurationError):
            assert_published(published, wanted, **pattern)


def test_published_messages_by_themselves(published: InMemoryTransport) -> None:
    """An assertion takes a list of them, and each says how it was sent."""
    assert assert_published(published.published[:1], ItemAdded)
    url = published.queue(fifo=True)
    SqsPublisher(url, client=published.sqs).publish("m", group_id="g", deduplication_id="d")
    SqsPublisher(url, client=published.sqs).publish("m", group_id="g", deduplication_id="d")
    last = published.published[-1]
    assert (last.destination, last.record.body, last.group_id, last.deduplication_id) == (url, "m", "g", "d")
    assert len(published.published) == 5  # a duplicate is none


# --- delivery --------------------------------------------------------------------------------------------------------


def test_deliver_goes_through_dispatch(aws: InMemoryTransport) -> None:
    """To a class, several, a dispatcher or a listener; events, documents, text, bytes and records."""
    dispatcher = Dispatcher()
    dispatcher.register(Bulk)
    listener = SqsListener(aws.queue(), client=aws.sqs, dead_letter_queue_url=aws.queue(), max_attempts=2)
    listener.register_subscriber(Bulk)
    targets: list[Any] = [Bulk, [Bulk], dispatcher, listener]
    for target in targets:
        for binary in (False, True):
            outcome = deliver(target, added(), binary_encoding=binary)
            assert [result.status for result in outcome.results] == [ProcessStatus.DONE]
            assert outcome.reading is Reading.EVENT
    assert deliver(Bulk, added(5)).results == ()
    assert deliver(listener, added(), receive_count=3).reading is Reading.UNREAD
    document = added().to_payload().to_document()
    del document["event"]["attributes"]["item_id"]
    assert deliver(Bulk, document).reading is Reading.INVALID
    assert deliver(Bulk, "hello").reading is Reading.TEXT
    assert deliver(Bulk, b"\x00").reading is Reading.BINARY
    assert deliver(Bulk, Record(body="{", attributes={"content-type": "application/json"})).error is not None


def test_a_listener_runs_until_it_is_idle(aws: InMemoryTransport) -> None:
    """Delayed messages are waited for, retried ones come again, and what fails for ever is dead-lettered."""
    dead = aws.queue()
    url = aws.queue(dead_letter_queue_url=dead, max_receive_count=3)
    seen: list[int] = []

    class Picky(ItemAddedSubscriber):
        def process(self, event: ItemAdded) -> ProcessStatus:
            seen.append(event.quantity)
            return ProcessStatus.RETRY_LATER if event.quantity == 1 else ProcessStatus.DONE

    listener = SqsListener(url, client=aws.sqs, backoff=Backoff())
    listener.register_subscriber(Picky)
    publisher = SqsPublisher(url, client=aws.sqs)
    publisher.publish(added(1))
    publisher.publish(added(2), delay_seconds=900)
    outcomes = run_until_idle(listener, aws)
    assert sorted(seen) == [1, 1, 1, 2]
    assert len(outcomes) == 4
    assert (aws.waiting(url), aws.waiting(dead)) == (0, 1)


def test_a_message_that_is_retried_for_ever_is_told(aws: InMemoryTransport) -> None:
    """Instead of a test that never ends."""
    url = aws.queue()

    class Never(ItemAddedSubscriber):
        def process(self, event: ItemAdded) -> ProcessStatus:
            return ProcessStatus.RETRY_LATER

    listener = SqsListener(url, client=aws.sqs)
    listener.register_subscriber(Never)
    SqsPublisher(url, client=aws.sqs).publish(added(price=Decimal(1)))
    with pytest.raises(AssertionError, match="retried for ever"):
        run_until_idle(listener, aws, max_polls=20)
    assert run_until_idle(SqsListener(aws.queue(), client=aws.sqs)) == []
