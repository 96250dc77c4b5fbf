"""The buffered publisher: batches, back-pressure, errors that are not lost, and the end of the interpreter."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from mega_typed import sending
from mega_typed.buffered import BufferedPublisher, Delivery
from mega_typed.calls import Calls, run_coroutine
from mega_typed.errors import ConfigurationError, EncodeError, PublishError
from mega_typed.outgoing import AsyncPublishProceed, PublishCall, PublishResult
from mega_typed.publishers import SnsPublisher, SqsPublisher

from .test_publishers import FIFO_QUEUE, QUEUE, REFUSED, THROTTLED, TOPIC, FakeClient

FOREVER = 3_600.0
PATIENCE = 10.0


class SlowClient(FakeClient):
    """Waits in each call until the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.called = threading.Event()

    def send_message_batch(self, **parameters: Any) -> dict[str, Any]:
        self.called.set()
        assert self.gate.wait(PATIENCE)
        return super().send_message_batch(**parameters)


@pytest.fixture
def make() -> Iterator[Callable[..., BufferedPublisher]]:
    """Buffered publishers that linger for ever unless told, closed in the end."""
    made: list[BufferedPublisher] = []

    def create(client: FakeClient, target: str = QUEUE, **options: Any) -> BufferedPublisher:
        publisher = SqsPublisher(target, client=client)
        made.append(publisher.buffered(**{"linger_seconds": FOREVER, **options}))
        return made[-1]

    yield create
    for buffered in made:
        with suppress(PublishError):
            buffered.close()


def test_a_full_batch_goes_out_and_the_rest_at_the_end() -> None:
    """Ten go at once, what is left when the context ends, in the order of the calls; each delivery has its id."""
    client = FakeClient()
    with SqsPublisher(QUEUE, client=client).buffered(linger_seconds=FOREVER) as buffered:
        deliveries = [buffered.publish(f"{n}") for n in range(23)]
        assert not wait(deliveries[:20], PATIENCE).not_done
        assert not deliveries[20].done()
    assert client.batches() == [[f"{n}" for n in range(start, min(start + 10, 23))] for start in (0, 10, 20)]
    assert deliveries[22].result() == "id-2"


def test_a_message_does_not_linger_longer_than_it_was_told(make: Callable[..., BufferedPublisher]) -> None:
    """A lone message goes out by itself after the linger time, and a flush does not wait for that time."""
    client = FakeClient()
    assert make(client, linger_seconds=0.001).publish("x").result(PATIENCE) == "id-0"
    patient = make(client)
    delivery = patient.publish("y")
    patient.flush()
    assert delivery.done()
    assert client.batches() == [["x"], ["y"]]


def test_batches_keep_to_the_bytes_of_a_call(make: Callable[..., BufferedPublisher]) -> None:
    """Messages that fit into one call by number but not by bytes are sent in two."""
    client = FakeClient()
    buffered = make(client, max_batch=3)
    for _ in range(3):
        buffered.publish("x" * 500_000)
    buffered.flush()
    assert [len(batch) for batch in client.batches()] == [2, 1]


@pytest.mark.parametrize("bound", [{"max_pending": 2}, {"max_pending_bytes": 100}])
def test_publishing_waits_for_room(bound: dict[str, int], make: Callable[..., BufferedPublisher]) -> None:
    """With the bound reached the next call waits, though nothing lingers, and goes on when there is room."""
    client = SlowClient()
    buffered = make(client, **bound)
    accepted: list[Delivery] = []

    def publish() -> None:
        accepted.extend(buffered.publish("x" * 30) for _ in range(5))

    thread = threading.Thread(target=publish)
    thread.start()
    assert client.called.wait(PATIENCE)
    assert len(accepted) <= 2
    assert thread.is_alive()
    client.gate.set()
    thread.join(PATIENCE)
    assert len(accepted) == 5


def test_threads_share_a_buffer_and_lose_nothing() -> None:
    """Messages of eight threads all arrive, once each, with their own ids, through a small buffer."""
    client = FakeClient()
    with SqsPublisher(QUEUE, client=client).buffered(max_pending=7, linger_seconds=0) as buffered:

        def publish(name: int) -> None:
            assert all(buffered.publish(f"{name}-{n}").result(PATIENCE) for n in range(50))

        threads = [threading.Thread(target=publish, args=[name]) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    sent = [body for batch in client.batches() for body in batch]
    assert sorted(sent) == sorted(f"{name}-{n}" for name in range(8) for n in range(50))


def test_a_wrong_payload_is_raised_at_once(make: Callable[..., BufferedPublisher]) -> None:
    """What cannot be sent is an error where it is published; nothing of it stays behind."""
    client = FakeClient()
    buffered = make(client)
    with pytest.raises(EncodeError):
        buffered.publish("")
    with pytest.raises(ConfigurationError, match="delay_seconds"):
        buffered.publish("x", delay_seconds=901)
    with pytest.raises(ConfigurationError, match="group_id"):
        make(client, FIFO_QUEUE).publish("x")
    with pytest.raises(ConfigurationError, match="delay_seconds"):
        SnsPublisher(TOPIC, client=client).buffered().publish("x", delay_seconds=1)
    buffered.close()
    assert client.calls == []


def test_failed_entries_alone_are_sent_again_and_reported(
    make: Callable[..., BufferedPublisher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A passing failure is cured, a lasting one is the error of its own delivery, and close does not raise it again."""
    monkeypatch.setattr(sending, "time", SimpleNamespace(sleep=lambda _: None))
    failures = {"a": REFUSED, "b": THROTTLED}
    client = FakeClient(fail=lambda entry: failures.get(entry["MessageBody"]) if len(client.calls) == 1 else None)
    buffered = make(client)
    first, second, third = [buffered.publish(text) for text in "abc"]
    buffered.close()
    assert isinstance(first.exception(), PublishError)
    assert (second.result(), third.result()) == ("id-1", "id-2")
    assert client.batches() == [["a", "b", "c"], ["b"]]


def test_an_error_that_nobody_can_ask_for_is_raised_in_the_end(
    make: Callable[..., BufferedPublisher], caplog: pytest.LogCaptureFixture
) -> None:
    """With the deliveries dropped, flush raises once and says how many; errors are logged in any case."""
    buffered = make(FakeClient(fail=lambda _: REFUSED))
    for _ in range(3):
        buffered.publish("x")
    gc.collect()
    with pytest.raises(PublishError, match="3 messages were not published") as caught:
        buffered.flush()
    assert caught.value.code == REFUSED["Code"]
    buffered.flush()
    assert len(caplog.records) == 3
    buffered.publish("x").add_done_callback(lambda _: None)
    buffered.close()


def test_the_error_of_the_body_is_not_hidden() -> None:
    """An exception in the context comes through, whatever else failed, after what was published is sent."""
    client = FakeClient(fail=lambda _: REFUSED)
    buffered = SqsPublisher(QUEUE, client=client).buffered(linger_seconds=FOREVER)

    def publish_and_fail() -> None:
        with buffered:
            buffered.publish("x")
            raise LookupError

    with pytest.raises(LookupError):
        publish_and_fail()
    assert client.batches() == [["x"]]


def test_whatever_a_client_or_a_callback_raises_the_buffer_lives(make: Callable[..., BufferedPublisher]) -> None:
    """A client that fails in an unknown way fails its batch only; a callback may raise, publish and flush."""
    client = FakeClient(down=lambda call: SystemExit(1) if call == 1 else None)  # type: ignore[arg-type,return-value]
    buffered = make(client, linger_seconds=0, max_pending=1)
    again: list[Delivery] = []

    def callback(_: object) -> None:
        again.append(buffered.publish("from the callback"))
        buffered.flush()
        raise SystemExit

    assert isinstance(buffered.publish("x").exception(PATIENCE), SystemExit)
    delivery = buffered.publish("y")
    delivery.add_done_callback(lambda done: callback(done) if threading.current_thread().daemon else None)
    assert delivery.result(PATIENCE)
    assert buffered.publish("z").result(PATIENCE)
    buffered.close()
    assert all(each.result(PATIENCE) for each in again)


def test_a_cancelled_message_is_not_sent(make: Callable[..., BufferedPublisher]) -> None:
    """A delivery that waits can be cancelled; its message is not sent and does not hold up the flush."""
    client = FakeClient()
    buffered = make(client)
    deliveries = [buffered.publish(text) for text in "abc"]
    assert deliveries[1].cancel()
    buffered.flush()
    assert client.batches() == [["a", "c"]]
    assert [delivery.cancelled() for delivery in deliveries] == [False, True, False]


def test_a_closed_buffer_takes_nothing(make: Callable[..., BufferedPublisher]) -> None:
    """After close, publishing is an error, and closing again does nothing."""
    buffered = make(FakeClient())
    buffered.close()
    buffered.close()
    with pytest.raises(PublishError, match="closed"):
        buffered.publish("x")


@pytest.mark.parametrize(
    "options",
    [{"linger_seconds": -1}, {"linger_seconds": float("nan")}, {"max_batch": 0}, {"max_batch": 11}, {"max_pending": 0}],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    """Bounds out of range, and a missing queue, are errors when the buffer is made."""
    with pytest.raises(ConfigurationError):
        SqsPublisher(QUEUE, client=FakeClient()).buffered(**options)
    with pytest.raises(ConfigurationError, match="queue_url"):
        SqsPublisher(client=FakeClient()).buffered()


def test_the_end_of_the_interpreter_flushes(aws: Any, queue: Callable[..., str], sqs: Any) -> None:
    """A program that ends without closing its buffer, with an exception even, has published everything."""
    url = queue()
    code = (
        "import json, sys\n"
        "from mega_typed import SqsPublisher\n"
        "buffered = SqsPublisher(sys.argv[1], **json.loads(sys.argv[2])).buffered(linger_seconds=3600)\n"
        "for n in range(12): buffered.publish(str(n))\n"
        "raise SystemExit(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, url, json.dumps(aws)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
    bodies: list[str] = []
    while len(bodies) < 12:
        bodies += [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(bodies, key=int) == [str(n) for n in range(12)]


@pytest.mark.parametrize("before", [0, 1])
def test_the_end_of_the_interpreter_flushes_through_middleware(before: int) -> None:
    """What waits at the end is sent through middleware on the event loop too, whether it was used before or not."""
    code = """
import sys
from types import SimpleNamespace
from mega_typed import SqsPublisher
def send(QueueUrl, Entries):
    print(*[entry["MessageBody"] for entry in Entries])
    return {"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in Entries]}
async def around(call, proceed):
    return await proceed()
client = SimpleNamespace(send_message_batch=send)
buffered = SqsPublisher("https://sqs/q", client=client, middleware=[around]).buffered(linger_seconds=3600)
for n in range(int(sys.argv[1])):
    buffered.publish("before")
    buffered.flush()
buffered.publish("end")
"""
    done = subprocess.run([sys.executable, "-c", code, str(before)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "before\n" * before + "end\n", "")


def test_a_coroutine_never_waits_for_its_own_loop() -> None:
    """On the event loop that middleware needs, a full buffer lets messages in, and a flush is refused."""

    async def around(call: PublishCall, proceed: AsyncPublishProceed) -> Sequence[PublishResult]:
        return await proceed()

    client = FakeClient()
    buffered = SqsPublisher(QUEUE, client=client, middleware=[around]).buffered(max_pending=2)

    async def publish() -> None:
        for n in range(20):
            buffered.publish(str(n))
        with pytest.raises(ConfigurationError, match="to_thread"):
            buffered.flush()
        await asyncio.to_thread(buffered.flush)

    Calls(PATIENCE).call(lambda _: run_coroutine(publish()), None, given_up=lambda: None, late=None)
    buffered.close()
    assert [body for batch in client.batches() for body in batch] == [str(n) for n in range(20)]
