"""``mega-typed listen``: real processes with real listeners, killed, stopped and configured wrongly."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mega_typed.local import LocalAws

from tests.command_line import attributes, run, start

Factory = Callable[..., str]

APP = """
import os, signal, time
from mega_typed import MessageSubscriber, SqsListener
NUMBER = os.environ["MEGA_TYPED_PROCESS"]
class Texts(MessageSubscriber):
    def process(self, text):
        if text == "die" and not os.path.exists("died"):
            open("died", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "a slow one":
            open("slow", "w").close()
            time.sleep(1.5)
        with open("seen", "a") as file:
            file.write(f"{text} {NUMBER} {os.getpid()}\\n")
class Broken:
    def listen(self):
        raise RuntimeError("a defect")
def make_listener():
    open(f"started-{NUMBER}-{os.getpid()}", "w").close()
    listener = SqsListener(open("queue").read(), wait_time_seconds=1, visibility_timeout=5)
    listener.register_subscriber(Texts)
    return listener
no_queue = SqsListener("http://127.0.0.1:9/123456789012/nowhere" if "NO_SERVER" in os.environ else open("queue").read() + "x")
broken = Broken()
text = "x"
def wrong():
    return 5
"""


@pytest.fixture
def app(tmp_path: Path, queue: Factory) -> Path:
    """A folder with a module of listeners, and the URL of their queue."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "queue").write_text(queue())
    return tmp_path


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def lines(folder: Path) -> list[str]:
    return (folder / "seen").read_text().splitlines() if (folder / "seen").exists() else []


def started(folder: Path) -> list[Path]:
    return sorted(folder.glob("started-*"))


def alive(folder: Path) -> list[int]:
    """The processes that have started and are still there."""
    return [pid for pid in (int(path.name.split("-")[2]) for path in started(folder)) if Path(f"/proc/{pid}").exists()]


@contextmanager
def listening(app: Path, aws: LocalAws, processes: int) -> Generator[subprocess.Popen[str]]:
    with start("listen", "app:make_listener", "--processes", str(processes), aws=aws, path=app) as command:
        try:
            until(lambda: len(started(app)) == processes)
            yield command
        finally:
            command.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_stops_all_cleanly(how: signal.Signals, app: Path, aws: LocalAws, sqs: Any) -> None:
    """Each of N processes has its number and listens; after one signal the message in hand is finished, status 0."""
    url = (app / "queue").read_text()
    with listening(app, aws, 2) as command:
        sqs.send_message(QueueUrl=url, MessageBody="a slow one")
        until(lambda: (app / "slow").exists())
        command.send_signal(how)
        _, said = command.communicate(timeout=60)
    assert command.returncode == 0, said
    assert "a second signal ends at once" in said
    assert [line.rsplit(" ", 2)[0] for line in lines(app)] == ["a slow one"]
    assert {path.name.split("-")[1] for path in started(app)} == {"0", "1"}
    assert alive(app) == []
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_second_signal_ends_at_once(app: Path, aws: LocalAws, sqs: Any) -> None:
    """Nobody waits for the message in hand then; it comes back, and the status is that of the signal."""
    with listening(app, aws, 1) as command:
        sqs.send_message(QueueUrl=(app / "queue").read_text(), MessageBody="a slow one")
        until(lambda: (app / "slow").exists())
        command.send_signal(signal.SIGINT)
        assert command.stderr is not None
        while "second signal" not in command.stderr.readline():
            pass
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=60)
    assert (command.returncode, lines(app)) == (130, [])
    until(lambda: not alive(app))


def test_a_process_that_dies_is_started_again(app: Path, aws: LocalAws, sqs: Any) -> None:
    """A message that kills its process comes again and is processed, and so is the next one."""
    url = (app / "queue").read_text()
    with listening(app, aws, 2) as command:
        sqs.send_message(QueueUrl=url, MessageBody="die")
        until(lambda: len(started(app)) == 3)
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        until(lambda: {line.split()[0] for line in lines(app)} == {"die", "hello"})
        command.send_signal(signal.SIGTERM)
        _, said = command.communicate(timeout=60)
    assert re.search(r"process \d \(\d+\) ended with signal 9; starting it again in \d\.\d s", said)
    assert command.returncode == 0


def test_processes_end_with_the_command(app: Path, aws: LocalAws) -> None:
    """When the command is killed, its processes stop by themselves."""
    with listening(app, aws, 2) as command:
        assert len(alive(app)) == 2
        command.kill()
    until(lambda: not alive(app))


@pytest.mark.parametrize(
    ("listener", "said"),
    [
        ("app:no_queue", "cannot receive from"),
        ("app:broken", "RuntimeError: a defect"),
        ("app:text", "is a str, and no listener"),
        ("app:wrong", "makes a int, which has no listen()"),
        ("app:make_listner", "did you mean make_listener?"),
        ("nowhere:x", "cannot import nowhere"),
    ],
)
def test_what_cannot_run_is_not_tried_for_ever(listener: str, said: str, app: Path, aws: LocalAws) -> None:
    """A process that fails soon after each start ends the command with status 4, and the reason was said."""
    done = run("listen", listener, "--give-up-after", "2", aws=aws, path=app)
    assert done.returncode == 4
    assert said in done.stderr
    assert "starting it again" in done.stderr
    assert "2 times soon after its start; giving up" in done.stderr


def test_a_listener_is_named_by_its_place(aws: LocalAws) -> None:
    """Anything else is a wrong call."""
    done = run("listen", "app", aws=aws)
    assert (done.returncode, "package.module:listener" in done.stderr) == (2, True)


def test_aws_arguments_reach_the_listener(app: Path, aws: LocalAws) -> None:
    """``--endpoint-url`` and ``--region`` are the ones of the listener in the process as well."""
    command = ("listen", "app:make_listener", "--endpoint-url", aws["endpoint_url"], "--region", aws["region_name"])
    with start(*command, path=app) as listening:
        until(lambda: started(app))
        time.sleep(1)  # wrong ones fail sooner
        listening.send_signal(signal.SIGTERM)
        _, said = listening.communicate(timeout=60)
    assert (listening.returncode, "ended with" in said) == (0, False)
