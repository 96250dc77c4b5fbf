"""Processes of one command line, kept running: started again when they die, stopped together.

One queue of events steers it: a process ended, a signal came. The first signal asks all to stop, the second ends them.
A process that fails is started again after a pause that grows and is partly random; one that fails again and again soon
after its start will not get better, and ends the whole. Each process runs in a session of its own, so that Ctrl-C in a
terminal reaches it through here only; it holds a pipe, which tells it when this process is gone.

This file knows processes and signals, and nothing of listeners.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final

from mega_typed.backoff import pause_after_failures
from mega_typed.commands.command import Status

QUICK_SECONDS: Final = 10.0
"""A process that failed sooner after its start did not run."""
PROCESS_VARIABLE: Final = "MEGA_TYPED_PROCESS"
"""In the environment of each process: its number, from 0."""


@dataclass(slots=True)
class _Place:
    """One of the processes that shall run."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float | None = 0.0


@dataclass(frozen=True, slots=True)
class _Ended:
    place: _Place
    status: int


class Processes:
    """Several processes of one command line.

    Args:
        command: the command line.
        count: how many.
        give_up_after: quick failures in a row of one process, after which all are stopped.
        tell: is told what happens, a line each.
        chance: a number from 0 to 1, for the pauses.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        give_up_after: int,
        tell: Callable[[str], object],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._command, self._give_up_after, self._tell, self._chance = command, give_up_after, tell, chance
        self._places = [_Place(number) for number in range(count)]
        self._events: SimpleQueue[_Ended | signal.Signals] = SimpleQueue()
        self._stopping = False
        self._failed = False

    def run(self) -> int:
        """Run until all have ended, or have been stopped.

        Returns:
            `Status.OK`, when each that ended last was asked to or ended by itself with status 0; `Status.FAILED` when
            one was not; after a second signal 128 and its number.
        """
        with self._signals():
            try:
                while self._is_running():
                    event = self._next_event()
                    if isinstance(event, _Ended):
                        self._ended(event)
                    elif event is not None and self._stopping:
                        return 128 + event
                    elif event is not None:
                        self._tell("stopping; a second signal ends at once")
                        self._stop()
            finally:
                for process in self._alive():
                    process.kill()
        return Status.FAILED if self._failed else Status.OK

    def _is_running(self) -> bool:
        return any(place.process is not None or place.due is not None for place in self._places)

    def _alive(self) -> list[subprocess.Popen[bytes]]:
        return [place.process for place in self._places if place.process is not None]

    def _next_event(self) -> _Ended | signal.Signals | None:
        """Start what is due; then wait for what comes next, or until something is due."""
        now = monotonic()
        for place in self._places:
            if place.due is not None and place.due <= now:
                self._start(place)
        due = [place.due for place in self._places if place.due is not None]
        try:
            return self._events.get(timeout=max(0.0, min(due) - now) if due else None)
        except Empty:
            return None

    def _start(self, place: _Place) -> None:
        environment: Mapping[str, str] = {**os.environ, PROCESS_VARIABLE: str(place.number)}
        place.started, place.due = monotonic(), None
        process = place.process = subprocess.Popen(  # noqa: S603 - our own module
            self._command, stdin=subprocess.PIPE, env=environment, start_new_session=True
        )
        threading.Thread(
            target=lambda: self._events.put(_Ended(place, process.wait())), daemon=True, name=f"process {place.number}"
        ).start()

    def _ended(self, event: _Ended) -> None:
        place, status = event.place, event.status
        pid = place.process.pid if place.process is not None else 0
        if place.process is not None and place.process.stdin is not None:
            place.process.stdin.close()
        place.process = None
        if self._stopping and status in (0, -signal.SIGTERM):  # the signal itself where there was no handler yet
            return
        if status == 0:
            self._tell(f"process {place.number} ({pid}) ended by itself")
            return
        how = f"signal {-status}" if status < 0 else f"status {status}"
        line = f"process {place.number} ({pid}) ended with {how}"
        if self._stopping:
            self._failed = True
            self._tell(line)
            return
        quick = monotonic() - place.started < QUICK_SECONDS
        place.failures = place.failures + 1 if quick else 1
        if place.failures >= self._give_up_after:
            self._failed = True
            self._tell(f"{line}, {place.failures} times soon after its start; giving up")
            self._stop()
            return
        seconds = pause_after_failures(place.failures, self._chance())
        place.due = monotonic() + seconds
        self._tell(f"{line}; starting it again in {seconds:.1f} s")

    def _stop(self) -> None:
        self._stopping = True
        for place in self._places:
            place.due = None
        for process in self._alive():
            process.terminate()

    @contextmanager
    def _signals(self) -> Generator[None]:
        def on_signal(number: int, _frame: Any) -> None:
            self._events.put(signal.Signals(number))

        before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, action in before.items():
                signal.signal(number, action)
