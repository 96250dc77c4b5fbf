"""How tests run ``mega-typed``: the real command, in a process of its own, against the server of the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-W", "error", "-m", "mega_typed.cli"]
Done = subprocess.CompletedProcess[str]


def environment(aws: Mapping[str, Any] | None = None, path: Path | None = None) -> dict[str, str]:
    """Variables with which the command, and the modules that it imports, find the server and the generated events."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *([path] if path else [])]))}
    if aws is not None:
        variables |= {"AWS_ENDPOINT_URL": aws["endpoint_url"], "AWS_DEFAULT_REGION": aws["region_name"]}
    return variables


def run(*arguments: str, aws: Mapping[str, Any] | None = None, path: Path | None = None, **options: Any) -> Done:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=path or ROOT, env=environment(aws, path), capture_output=True, text=True,
        check=False, timeout=120, **options,
    )  # fmt: skip


def start(*arguments: str, aws: Mapping[str, Any] | None = None, path: Path | None = None) -> subprocess.Popen[str]:
    """Start the command, for a signal to end it: one that breaks into a call leaves its socket to the interpreter."""
    unclosed = ["-W", "ignore::ResourceWarning"]
    return subprocess.Popen(
        [*COMMAND[:-2], *unclosed, *COMMAND[-2:], *arguments], cwd=path or ROOT, env=environment(aws, path), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_hears_ctrl_c,
    )  # fmt: skip


def _hears_ctrl_c() -> None:
    """As in a terminal, also where the tests run in the background, with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def objects(done: Done) -> list[dict[str, Any]]:
    """What a command with ``--format json`` has said."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def bodies(sqs: Any, url: str) -> list[str]:
    """What is visible in a queue, deleted from it."""
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def attributes(sqs: Any, url: str) -> dict[str, str]:
    """All attributes of a queue."""
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found
