"""What a listener must survive, as a process against a server that fails: a small trial of ``python -m tests.chaos``,
hostile messages, answers that are none, and the life of PID 1."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mega_typed import (
    Backoff,
    Dispatcher,
    MessageSubscriber,
    ProcessStatus,
    PublishError,
    Record,
    SqsListener,
    SqsPublisher,
)
from mega_typed.dispatch import disposition

from .chaos.hostile import hostile_messages
from .chaos.server import MALFORMED, ChaosSqs, chaos_sqs
from .chaos.strangers import run, subscribers
from .chaos.trial import _disorder
from .chaos.worker import GROUPS

ROOT = Path(__file__).parent.parent
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it forks, and reads /proc")


@pytest.fixture
def sqs(aws_environment: None) -> Iterator[ChaosSqs]:
    """The server that can fail, in a process of its own."""
    with chaos_sqs(seed=5) as server:
        yield server


@LINUX
def test_a_small_trial_ends_well() -> None:
    """Workers are killed while calls fail: everything is processed, in order, nobody spins, and all end with 0."""
    command = [sys.executable, "-m", "tests.chaos", "--messages=400", "--seconds=3", "--seed=11"]
    faults = ["--outages", "unavailable", "--outage-seconds=1"]
    done = subprocess.run([*command, *faults], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)["figures"]
    assert all(figures[f"{queue}: processed"] > 0 for queue in ("standard", "ordered.fifo"))


def test_the_trial_sees_disorder() -> None:
    """A message first processed after a later one of its group is found; repetitions and other groups are not."""
    first, second, third = 0, GROUPS, 2 * GROUPS
    assert _disorder([first, 1, second, first, third]) == []
    assert _disorder([first, third, 1, second, third]) == [second]


@pytest.mark.parametrize("dead_letters", [False, True])
def test_no_hostile_message_is_lost(
    sqs: ChaosSqs, dead_letters: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Over HTTP each ends where the table of outcomes says: processed, kept as it was, or copied with the reason."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    caplog.set_level(logging.CRITICAL)
    for concurrency in (1, 8):
        wrong, counted = run(
            sqs, f"q{concurrency}", number=1_000, seed=concurrency, dead_letters=dead_letters, concurrency=concurrency
        )
        assert wrong == []
        assert {name.partition(":")[0] for name in counted} >= {"event", "invalid", "undecodable", "data", "text"}


@pytest.mark.parametrize("dead_letters", [False, True])
def test_ten_thousand_hostile_records_have_an_outcome(dead_letters: bool) -> None:
    """Also of what no queue would take: the dispatcher never raises, and the table decides."""
    dispatcher = Dispatcher(dead_letters=dead_letters)
    for subscriber in subscribers(3):
        dispatcher.register(subscriber)
    counted: Counter[str] = Counter()
    for message in hostile_messages(seed=3, number=5_000):
        sent: dict[str, Any] = message["MessageAttributes"]
        attributes = {name: parts.get("StringValue", b"\xff") for name, parts in sent.items()}
        outcome = dispatcher.handle(Record(body=message["MessageBody"], attributes=attributes))
        statuses = [result.status for result in outcome.results]
        assert outcome.disposition == disposition(outcome.reading, statuses, dead_letters=dead_letters)
        counted[outcome.reading] += 1
    assert counted.keys() >= {"event", "invalid", "undecodable", "data", "text", "binary", "confirmation"}


class Notes(MessageSubscriber):
    """Notes what it was given, and says what it was told to."""

    seen: list[Any] = []
    call: Callable[[], ProcessStatus | None] = staticmethod(lambda: None)

    def process(self, payload: Any) -> ProcessStatus | None:
        self.seen.append(payload)
        return type(self).call()


@pytest.fixture
def notes() -> Iterator[type[Notes]]:
    Notes.seen.clear()
    yield Notes
    Notes.call = staticmethod(lambda: None)


def listener_at(sqs: ChaosSqs, name: str, **arguments: Any) -> SqsListener:
    listener = SqsListener(
        sqs.url(name), endpoint_url=sqs.endpoint, region_name="eu-west-1", wait_time_seconds=1, **arguments
    )
    listener.register_subscriber(Notes)
    return listener


def test_an_answer_that_is_none_does_not_end_the_listener(sqs: ChaosSqs, notes: type[Notes]) -> None:
    """Whatever comes with status 200 instead of an answer to a receive, the loop goes on and the message is processed."""
    sqs.fill("q", [{"MessageBody": "hello world"}])
    sqs.rates({"ReceiveMessage/parade": 1.0})
    listener = listener_at(sqs, "q", sleep=lambda _: None)
    notes.call = staticmethod(listener.stop)
    listener.listen()
    assert notes.seen == ["hello world"]


@pytest.mark.parametrize(
    ("operation", "status"),
    [("DeleteMessageBatch", ProcessStatus.DONE), ("ChangeMessageVisibilityBatch", ProcessStatus.RETRY_LATER)],
)
def test_an_acknowledgement_that_is_not_answered_ends_nothing(
    sqs: ChaosSqs, notes: type[Notes], operation: str, status: ProcessStatus
) -> None:
    """Whatever comes instead of an answer to a delete or a change of visibility, poll after poll goes on."""
    sqs.rates({f"{operation}/parade": 1.0})
    listener = listener_at(sqs, "q", visibility_timeout=600, backoff=Backoff())
    notes.call = staticmethod(lambda: status)
    for answer in range(len(MALFORMED)):
        sqs.fill("q", [{"MessageBody": f"message {answer}"}])
        listener.poll_once()
    assert len(notes.seen) == len(MALFORMED)
    assert sqs.rates({})[operation] >= len(MALFORMED)


def test_empty_answers_that_did_not_wait_are_paused_after() -> None:
    """A proxy that answers a long poll at once, with what is read as no messages, does not make the listener spin."""
    pauses: list[float] = []

    class Hollow:
        calls = 0

        def receive_message(self, **_: Any) -> dict[str, Any]:
            self.calls += 1
            if self.calls == 100:
                listener.stop()
            return {}

        send_message = send_message_batch = delete_message_batch = change_message_visibility_batch = receive_message

    listener = SqsListener("http://127.0.0.1:9/0/q", wait_time_seconds=20, client=Hollow(), sleep=pauses.append)
    listener.register_subscriber(Notes)
    listener.listen()
    assert len(pauses) > 50


def test_a_publisher_says_that_it_was_not_answered(sqs: ChaosSqs) -> None:
    """Whatever comes with status 200 instead of an answer to a send is a PublishError, in a batch of each entry."""
    publisher = SqsPublisher(sqs.url("q"), endpoint_url=sqs.endpoint, region_name="eu-west-1")
    for answer in range(len(MALFORMED)):
        sqs.rates({f"impostor:{answer}": 1.0})
        results = publisher.publish_many(["a", "b"])
        assert [type(result.error) for result in results] == [PublishError, PublishError]
        with pytest.raises(PublishError):
            publisher.publish("a")


PID_1 = """
import os, sys, time
from mega_typed import MessageSubscriber, SqsListener

class Works(MessageSubscriber):
    def process(self, payload):
        os.write(1, f"{os.getpid()} begins\\n".encode())
        time.sleep(float(sys.argv[3]))
        os.write(1, b"done\\n")

listener = SqsListener(
    sys.argv[1] + "/000000000000/q", endpoint_url=sys.argv[1], region_name="eu-west-1", concurrency=int(sys.argv[2]),
    wait_time_seconds=1, visibility_timeout=600
)
listener.register_subscriber(Works)
listener.listen()
"""


def unshared() -> list[str] | None:
    """The command that runs another as PID 1, where that is allowed."""
    if shutil.which("unshare"):
        for more in ([], ["--user", "--map-root-user"]):
            command = ["unshare", *more, "--fork", "--pid", "--mount-proc"]
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    return None


UNSHARED = unshared()
AS_PID_1 = pytest.mark.skipif(UNSHARED is None, reason="no namespace of processes can be made here")


@pytest.fixture
def first(sqs: ChaosSqs, tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
    """Starts a listener as PID 1 and waits until it works: the process around it, and its own number out here."""
    started: list[subprocess.Popen[str]] = []

    def start(concurrency: int, seconds: float) -> tuple[subprocess.Popen[str], int]:
        script = tmp_path / "first.py"
        script.write_text(PID_1)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        arguments = [sys.executable, str(script), sqs.endpoint, str(concurrency), str(seconds)]
        process = subprocess.Popen([*(UNSHARED or []), *arguments], env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "1 begins\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return process, int(children[0])

    yield start
    for process in started:
        if process.poll() is None:
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)  # and with PID 1 its whole namespace
        process.communicate()


@AS_PID_1
@pytest.mark.parametrize("concurrency", [1, 4])
def test_pid_1_ends_cleanly(
    sqs: ChaosSqs, first: Callable[..., tuple[subprocess.Popen[str], int]], concurrency: int
) -> None:
    """As PID 1, for which the kernel ignores signals without a handler, SIGTERM lets what runs end, gives back the rest,
    and the status is 0."""
    sqs.fill("q", [{"MessageBody": f"message {number}"} for number in range(9)])
    process, number = first(concurrency, 1.0)
    os.kill(number, signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    processed = out.count("done")
    assert 1 <= processed <= concurrency
    state = sqs.state("q")
    assert (state["all"], state["hidden"]) == (9 - processed, 0)


@AS_PID_1
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_second_signal_ends_pid_1_at_once(
    sqs: ChaosSqs, first: Callable[..., tuple[subprocess.Popen[str], int]], concurrency: int
) -> None:
    """A subscriber that hangs does not keep PID 1 alive after a second SIGTERM."""
    sqs.fill("q", [{"MessageBody": "message"}])
    process, number = first(concurrency, 600.0)
    os.kill(number, signal.SIGTERM)
    stopper = threading.Timer(1.0, os.kill, [number, signal.SIGTERM])
    stopper.start()
    process.wait(timeout=10)
    stopper.join()
    assert process.returncode != 0
