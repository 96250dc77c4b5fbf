"""Messages in several threads: with a fake queue, and over HTTP with processes that are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mega_typed.errors import ConfigurationError
from mega_typed.listener import SqsListener
from mega_typed.message_context import current_message
from mega_typed.publishers import SqsPublisher
from mega_typed.subscribers import MessageSubscriber, ProcessStatus

URL = "http://127.0.0.1:9/0/q"


class Queue:
    """A queue in memory that hands out each message once; stops the listener when all are accounted for."""

    def __init__(self, *bodies: str) -> None:
        self.left, self.total = list(bodies), len(bodies)
        self.deleted, self.visible = list[str](), list[tuple[str, int]]()
        self.lock = threading.Lock()
        self.held = self.most = self.calls = 0
        self.receives = list[int]()
        self.finished: Callable[[], None] = lambda: None
        self.error: Exception | None = None

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        with self.lock:
            self.receives.append(MaxNumberOfMessages)
            taken, self.left = self.left[:MaxNumberOfMessages], self.left[MaxNumberOfMessages:]
            self.held += len(taken)
            self.most = max(self.most, self.held)
        if not taken:
            if self.error is not None:
                raise self.error
            time.sleep(0.01)
        return {
            "Messages": [
                {"Body": body, "MessageId": body, "ReceiptHandle": body, "Attributes": {"MessageGroupId": body[0]}}
                for body in taken
            ]
        }

    def processed(self) -> None:
        with self.lock:
            self.held -= 1

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        return self._tell(Entries, lambda entry: self.deleted.append(entry["ReceiptHandle"]))

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        return self._tell(Entries, lambda e: self.visible.append((e["ReceiptHandle"], e["VisibilityTimeout"])))

    def _tell(self, entries: list[dict[str, Any]], note: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        with self.lock:
            assert len(entries) <= 10
            self.calls += 1
            for entry in entries:
                note(entry)
            if len(self.deleted) + len(self.visible) >= self.total:
                self.finished()
        return {}

    send_message = send_message_batch = receive_message


def listener_of(queue: Queue, process: Callable[[str], ProcessStatus | None], **arguments: Any) -> SqsListener:
    """A listener to the queue, of one subscriber and, unless told otherwise, four workers."""

    class Worker(MessageSubscriber):
        def process(self, payload: Any) -> ProcessStatus | None:
            return process(payload)

    url = arguments.pop("queue_url", URL)
    listener = SqsListener(url, client=queue, **{"concurrency": 4, **arguments})
    listener.register_subscriber(Worker)
    queue.finished = listener.stop
    return listener


def test_no_message_is_received_before_a_worker_is_free() -> None:
    """All are processed once, several at a time, and never are more in hand than there are workers."""
    queue = Queue(*(f"m-{number}" for number in range(200)))
    together = threading.Barrier(4)
    seen: list[str] = []

    def process(body: str) -> None:
        together.wait(10)  # passes only when four messages run at the same time
        seen.append(body)
        queue.processed()

    listener_of(queue, process).listen()
    assert sorted(seen) == sorted(queue.deleted) == sorted(f"m-{number}" for number in range(200))
    assert queue.most <= 4
    assert queue.calls <= 200 / 2


def test_groups_keep_their_order_and_a_failure_halts_its_own() -> None:
    """On FIFO: later ones of a failed message's group go back in order at visibility 0, other groups are all done."""
    bodies = [f"{group}{number}" for number in range(4) for group in "ab"]
    queue = Queue(*bodies)
    seen: list[str] = []
    others = threading.Event()

    def process(body: str) -> ProcessStatus:
        seen.append(body)
        if body == "b0":
            others.set()
        if body == "a0":
            others.wait(10)
        queue.processed()
        return ProcessStatus.RETRY_LATER if body == "a0" else ProcessStatus.DONE

    listener = listener_of(queue, process, queue_url=URL + ".fifo")
    queue.total -= 1  # of a0 the queue hears nothing: without a back-off it waits for its visibility timeout
    listener.listen()
    assert [body for body in seen if body[0] == "b"] == ["b0", "b1", "b2", "b3"] == sorted(queue.deleted)[-4:]
    # What the fake delivers after the group was halted starts anew, as a queue would not do; order holds all the same.
    in_a = [body for body in seen if body[0] == "a"]
    assert in_a == sorted(in_a)
    back = [body for body, seconds in queue.visible if seconds == 0]
    assert sorted([*in_a, *back]) == ["a0", "a1", "a2", "a3"]


def test_what_runs_when_the_grace_period_ends_goes_back() -> None:
    """A stop waits for the grace period only; what still runs is given back and not deleted later."""
    queue = Queue("slow one", "quick one")
    release = threading.Event()

    def process(body: str) -> None:
        if body == "slow one":
            release.wait(30)
        else:
            listener.stop()

    listener = listener_of(queue, process, grace_period=0.2)
    listener.listen()
    release.set()
    assert queue.deleted == ["quick one"]
    assert queue.visible == [("slow one", 0)]


def test_a_grace_period_ends_also_for_one_worker() -> None:
    """With a concurrency of 1 messages are received by tens, and after a stop all in hand goes back, what runs too."""
    queue = Queue(*(f"m-{n}" for n in range(10)))
    release, cancelled = threading.Event(), threading.Event()

    def process(body: str) -> None:
        context = current_message()
        if body == "m-1":
            listener.stop()
            while not context.cancelled:
                release.wait(0.01)
            cancelled.set()

    listener = listener_of(queue, process, concurrency=1, grace_period=0.2, visibility_timeout=3)
    listener.listen()
    release.set()
    assert queue.receives[0] == 10
    assert queue.deleted == ["m-0"]
    assert sorted(queue.visible) == [(f"m-{n}", 0) for n in range(1, 10)]
    assert cancelled.wait(10)
    assert listener._heartbeat._since == {}


def test_quick_workers_are_waited_for_so_that_receives_are_large() -> None:
    """A receive costs the same for one message as for ten: with quick subscribers, few ask for less."""
    queue = Queue(*(f"m-{n}" for n in range(400)))

    def process(_: str) -> None:
        queue.processed()

    listener_of(queue, process, concurrency=10).listen()
    assert len(queue.deleted) == 400
    assert len(queue.receives) <= 80


def test_without_a_grace_period_a_stop_waits_for_what_runs() -> None:
    """What runs is finished and deleted before listen returns."""
    queue = Queue("m0")

    def process(body: str) -> None:
        listener.stop()
        time.sleep(0.3)

    listener = listener_of(queue, process)
    listener.listen()
    assert (queue.deleted, queue.visible) == (["m0"], [])


def test_pointless_trouble_and_a_break_end_the_crew() -> None:
    """What waiting cannot cure, and a subscriber's KeyboardInterrupt, come out of listen; nothing is lost."""
    from botocore.exceptions import NoCredentialsError

    queue = Queue("m0")
    queue.error = NoCredentialsError()
    with pytest.raises(ConfigurationError, match="NoCredentialsError"):
        listener_of(queue, lambda body: None).listen()
    assert [*queue.deleted, *(body for body, _ in queue.visible)] == ["m0"]

    def breaks(body: str) -> None:
        raise KeyboardInterrupt

    broken = Queue("m0")
    with pytest.raises(KeyboardInterrupt):
        listener_of(broken, breaks).listen()
    assert broken.deleted == []


def test_without_a_client_the_crew_ends_with_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """When no client can be built, ``listen`` says why, and no thread dies of the same."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(ConfigurationError, match="region"):
        SqsListener(URL, concurrency=3).listen()


def test_a_crew_that_is_not_complete_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the machine has no more threads, ``listen`` raises and leaves none behind that goes on receiving."""
    start, queue = threading.Thread.start, Queue("m0", "m1")
    started = list[threading.Thread]()

    def at_most_three(thread: threading.Thread) -> None:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        start(thread)
        started.append(thread)

    monkeypatch.setattr(threading.Thread, "start", at_most_three)
    with pytest.raises(RuntimeError, match="new thread"):
        listener_of(queue, lambda body: None, visibility_timeout=0).listen()
    for thread in started:
        thread.join(10)
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("arguments", [{"concurrency": 0}, {"concurrency": True}, {"grace_period": -1}])
def test_arguments_of_the_crew_are_checked(arguments: dict[str, Any]) -> None:
    """A number of workers and a grace period that make no sense are refused."""
    with pytest.raises(ConfigurationError):
        SqsListener(URL, **arguments)


CONSUMER = """
import os, sys, time
from mega_typed import MessageSubscriber, SqsListener

class Works(MessageSubscriber):
    def process(self, payload):
        time.sleep(0.05)
        os.write(1, f"{payload}\\n".encode())  # in one piece, whatever other threads write

listener = SqsListener(
    sys.argv[1], endpoint_url=sys.argv[2], region_name="eu-west-1", wait_time_seconds=1, visibility_timeout=2, concurrency=4
)
listener.register_subscriber(Works)
listener.listen()
"""


def test_nothing_is_lost_when_processes_are_killed(
    aws_server: str, queue: Callable[..., str], sqs: Any, tmp_path: Path, aws: Mapping[str, Any]
) -> None:
    """Over HTTP: consumers are killed in the middle of their work; every message is processed, the queue gets empty."""
    url = queue()
    wanted = {f"m{number}" for number in range(40)}
    list(SqsPublisher(url, client=sqs).publish_many(sorted(wanted)))
    script = tmp_path / "consumer.py"
    script.write_text(CONSUMER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, str(script), url, aws_server]
    seen: set[str] = set()

    def in_queue() -> tuple[str, str]:
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]

    for lines in (7, 5, None):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            watchdog = threading.Timer(30, process.kill)
            watchdog.start()
            assert process.stdout is not None
            count = 0
            while seen != wanted and count != lines and (line := process.stdout.readline()):
                seen.add(line.strip())
                count += 1
            if lines is None:
                # What was processed and not deleted by one that was killed is delivered once more.
                while process.poll() is None and in_queue() != ("0", "0"):
                    time.sleep(0.1)
                process.terminate()
                process.wait(15)
                assert process.returncode == 0
            else:
                process.kill()  # SIGKILL
                seen |= {line.strip() for line in process.stdout}  # what it did before it died
            watchdog.cancel()
    assert seen == wanted
    assert in_queue() == ("0", "0")
