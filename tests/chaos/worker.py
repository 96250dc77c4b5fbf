"""What runs in the processes of a trial: a listener whose subscriber writes down what it does, and a publisher.

Both end in ``os._exit``, because they are forks of the trial.
"""

from __future__ import annotations

import logging
import os
import random
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from mega_typed import DataSubscriber, ProcessStatus, RetryLater, SqsListener, SqsPublisher
from mega_typed.match import any_

VISIBILITY = 2
"""Seconds; short, so that what a killed worker had in hand comes back soon."""

GROUPS = 40

SLOW = 7
"""Number of a message that takes longer than the visibility timeout, always."""


def fork(run: Callable[[], None], errors: Path) -> int:
    """Run something in a process of its own; it ends with status 0 unless it raises, and its stderr goes to a file."""
    pid = os.fork()
    if not pid:
        _child(run, errors)
    return pid


def _child(run: Callable[[], None], errors: Path) -> NoReturn:
    status = 1
    try:
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        logging.basicConfig(level=logging.CRITICAL)
        run()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


class Log:
    """A file that processes append to: a line is written in one piece, and stays if its process is killed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, *words: object) -> None:
        """One line."""
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


def listen(url: str, log_path: Path, concurrency: int, seed: int) -> None:
    """Listen until SIGTERM. Of the messages most are done at once, some slowly, some fail a few times first."""
    log, chance = Log(log_path), random.Random(seed)
    name = url.rpartition("/")[2]

    class Works(DataSubscriber):
        pattern = {"number": any_()}
        retriable = (ConnectionError,)

        def process(self, data: dict[str, Any]) -> ProcessStatus:
            number, group = data["number"], data["group"]
            log.write(name, "begin", number, group, os.getpid(), time.monotonic_ns())
            outcome = chance.random()
            if outcome < 0.01:
                return ProcessStatus.RETRY_LATER
            if outcome < 0.02:
                raise RetryLater(after=chance.choice([0, 1]))
            if outcome < 0.03:
                raise ConnectionError
            if outcome < 0.05:
                time.sleep(0.05)
            if outcome > 0.9998 or number == SLOW:
                time.sleep(1.5 * VISIBILITY)
            log.write(name, "done", number, group, os.getpid(), time.monotonic_ns())
            return ProcessStatus.DONE

    listener = SqsListener(
        url,
        endpoint_url=url.rpartition("/000000000000/")[0],
        region_name="eu-west-1",
        wait_time_seconds=1,
        visibility_timeout=VISIBILITY,
        concurrency=concurrency,
    )
    listener.register_subscriber(Works)
    listener.listen()


def publish(url: str, log_path: Path, messages: int) -> None:
    """Publish numbered messages, those of a group in order, and write down which were accepted."""
    log = Log(log_path)
    name = url.rpartition("/")[2]
    publisher = SqsPublisher(url, endpoint_url=url.rpartition("/000000000000/")[0], region_name="eu-west-1")
    for start in range(0, messages, 50):
        payloads = [
            {"number": number, "group": f"g{number % GROUPS}"} for number in range(start, min(start + 50, messages))
        ]
        try:
            results = publisher.publish_many(payloads, group_id=lambda payload: payload["group"])
        except Exception as error:  # not typed: the trial counts it
            log.write(name, "raised", type(error).__name__)
            continue
        for payload, result in zip(payloads, results, strict=True):
            if result.error is None:
                log.write(name, "accepted", payload["number"], payload["group"])
    log.write(name, "published", messages)
