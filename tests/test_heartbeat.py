"""Messages in hand stay invisible: as long as they are in hand, not longer, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.acknowledgement import Acknowledger
from mega_typed.aws import ClientSource
from mega_typed.envelopes import Record
from mega_typed.heartbeat import LONGEST_SECONDS, Heartbeat
from mega_typed.idempotency import Claim, MemoryStore
from mega_typed.listener import SqsListener
from mega_typed.message_context import current_message
from mega_typed.subscribers import MessageSubscriber, ProcessStatus

from .test_calls import until
from .test_listener import QUEUE, FakeClient, message


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Queue:
    """Notes what is extended, and knows some receipts no more."""

    def __init__(self, *unknown: str) -> None:
        self.unknown = set(unknown)
        self.extended: list[list[str]] = []

    def __call__(self, receipts: Sequence[tuple[str, int]]) -> Collection[str]:
        self.extended.append([receipt for receipt, _ in receipts])
        return [receipt for receipt, _ in receipts if receipt in self.unknown]


@given(st.lists(st.tuples(st.sampled_from("be"), st.sampled_from("abc")), max_size=20))
def test_what_is_in_hand_is_extended_and_nothing_else(steps: list[tuple[str, str]]) -> None:
    """After any sequence of begins and ends, a beat extends the receipts in hand, in the order in which they came."""
    queue, held = Queue(), dict[str, None]()
    heartbeat = Heartbeat(queue, 30)
    for step, receipt in steps:
        if step == "b":
            heartbeat.begin([receipt])
            held[receipt] = None
        else:
            heartbeat.end([receipt])
            held.pop(receipt, None)
    heartbeat.beat()
    assert queue.extended == ([list(held)] if held else [])
    heartbeat.end(list("abc"))


def test_a_lost_receipt_and_twelve_hours_end_it() -> None:
    """A receipt that SQS does not know is not extended again, nor one that nears the twelve hours of a delivery."""
    queue, clock, lost = Queue("a"), Clock(), list[str]()
    heartbeat = Heartbeat(queue, 30, clock=clock, lost=lost.append)
    heartbeat.begin(["a", "b"])
    heartbeat.beat()
    heartbeat.beat()
    clock.now = LONGEST_SECONDS - 29
    heartbeat.begin(["c"])
    heartbeat.beat()
    assert queue.extended == [["a", "b"], ["b"], ["c"]]
    assert lost == ["a", "b"]  # whoever works on them is told
    heartbeat.end(["b", "c"])


def test_nothing_is_extended_without_a_timeout() -> None:
    """With a visibility timeout of 0 there is nothing to keep up."""
    queue = Queue()
    heartbeat = Heartbeat(queue, 0)
    heartbeat.begin(["a"])
    heartbeat.beat()
    assert queue.extended == []


def test_an_end_waits_for_the_beat_under_way() -> None:
    """When ``end`` returns, no call is under way that could undo what is set next."""
    entered, go_on, order = threading.Event(), threading.Event(), list[str]()

    def extend(receipts: Sequence[tuple[str, int]]) -> Collection[str]:
        entered.set()
        go_on.wait(10)
        order.append("extended")
        return ()

    heartbeat = Heartbeat(extend, 30)
    heartbeat.begin(["a"])
    beating = threading.Thread(target=heartbeat.beat)
    beating.start()
    assert entered.wait(10)

    def end() -> None:
        heartbeat.end(["a"])
        order.append("ended")

    ending = threading.Thread(target=end)
    ending.start()
    ending.join(0.05)
    assert order == []
    go_on.set()
    ending.join(10)
    beating.join(10)
    assert order == ["extended", "ended"]


def test_a_slow_message_keeps_its_batch_invisible() -> None:
    """While a subscriber works, its message, those behind it and what is done but not deleted are extended."""
    client = FakeClient([message("one"), message("two"), message("three")])
    listener = SqsListener(QUEUE, client=client, visibility_timeout=30)

    class Slow(MessageSubscriber):
        def process(self, payload: Any) -> ProcessStatus:
            if payload == "two":
                listener._heartbeat.beat()
            return ProcessStatus.RETRY_LATER if payload == "three" else ProcessStatus.DONE

    listener.register_subscriber(Slow)
    listener.poll_once()
    assert client.visibility == [[("one", 30), ("two", 30), ("three", 30)]]
    listener._heartbeat.beat()
    assert len(client.visibility) == 1


def test_a_subscriber_sees_that_its_receipt_is_lost() -> None:
    """When a beat finds that SQS does not know the receipt any more, the subscriber that works on it can tell."""
    client = FakeClient([message("one"), message("two")])
    listener = SqsListener(QUEUE, client=client, visibility_timeout=30)
    seen: dict[object, tuple[bool, bool]] = {}

    class Lost(MessageSubscriber):
        def process(self, payload: Any) -> None:
            before = current_message().cancelled
            if payload == "one":
                client.lost = {"one"}
                listener._heartbeat.beat()
            seen[payload] = before, current_message().cancelled

    listener.register_subscriber(Lost)
    listener.poll_once()
    assert seen == {"one": (False, True), "two": (False, False)}


def test_a_beat_renews_leases() -> None:
    """A subscriber that works longer than its lease keeps it, so that a duplicate is not processed beside it."""
    clock = Clock()
    renewed = threading.Event()

    class Store(MemoryStore):
        def renew(self, claim: Claim) -> None:
            super().renew(claim)
            renewed.set()

    store = Store(lease_seconds=60, clock=clock)
    listener = SqsListener(QUEUE, client=FakeClient([message("one")]), visibility_timeout=30, idempotency=store)
    others: list[ProcessStatus] = []

    def beat() -> bool:
        listener._heartbeat.beat()
        return False

    class Slow(MessageSubscriber):
        def process(self, payload: Any) -> None:
            for _ in range(3):
                clock.now += 50
                renewed.clear()
                until(lambda: beat() or renewed.wait(0.01))  # not while the renewal before it ends
            record = Record.from_sqs(message("one"))
            others.extend(result.status for result in listener.dispatcher.handle(record).results)

    listener.register_subscriber(Slow)
    listener.poll_once()
    assert others == [ProcessStatus.RETRY_LATER]


def test_a_store_that_hangs_holds_up_no_beat(caplog: pytest.LogCaptureFixture) -> None:
    """While leases cannot be renewed messages are extended all the same; what the store raises is logged."""
    hangs, go_on, queue = threading.Event(), threading.Event(), Queue()

    def renew() -> None:
        hangs.set()
        assert go_on.wait(10)
        raise ConnectionError

    heartbeat = Heartbeat(queue, 30, renew=renew)
    heartbeat.begin(["a"])
    for _ in range(3):
        heartbeat.beat()
    assert hangs.wait(10)
    assert queue.extended == [["a"]] * 3
    go_on.set()
    until(lambda: any("ConnectionError" in str(record.exc_info) for record in caplog.records))
    heartbeat.end(["a"])


def test_a_thread_beats_by_itself(monkeypatch: Any) -> None:
    """Nobody has to call anything: a message that is in hand for an interval is extended."""
    monkeypatch.setattr(Heartbeat, "interval", 0.01)
    extended = threading.Event()

    def extend(receipts: Sequence[tuple[str, int]]) -> Collection[str]:
        extended.set()
        return ()

    heartbeat = Heartbeat(extend, 30)
    heartbeat.begin(["a"])
    assert extended.wait(10)
    heartbeat.end(["a"])


@pytest.mark.parametrize(
    ("code", "lost"),
    [("ReceiptHandleIsInvalid", ["one"]), ("InvalidParameterValue", ["one"]), ("InternalError", []), ("Throttled", [])],
)
def test_only_a_lost_receipt_counts_as_lost(code: str, lost: list[str]) -> None:
    """A message whose beat failed for a passing reason is extended by the next beat; one with a lost receipt is not."""

    class Failing:
        def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
            return {"Failed": [{"Id": Entries[0]["Id"], "Code": code}]}

    client: Any = Failing()
    acknowledger = Acknowledger(ClientSource("sqs", client=client), QUEUE, None)
    assert acknowledger.change_visibility([("one", 30), ("two", 30)]) == lost


def test_a_call_that_fails_as_a_whole_loses_no_receipt() -> None:
    """When SQS cannot be reached the messages stay in hand, and the next beat tries again."""

    class Unreachable:
        def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    client: Any = Unreachable()
    acknowledger = Acknowledger(ClientSource("sqs", client=client), QUEUE, None)
    assert acknowledger.change_visibility([("one", 30), ("two", 30)]) == []
