"""A trial: workers are killed and calls fail at random for a while, then the queues must run empty; what was wrong.

One process publishes to each of two queues, standard and FIFO; on each listen two workers, with one thread and with
eight. While calls fail in all ways, a worker is killed, told to stop or stalled every other second, and started again.
In between come outages, in which every call fails in one way and receives are counted. Everything is checked afterwards,
from what the subscribers wrote down and what the server still has.

Linux only: it forks and looks into /proc. It knows the listener as an operator does: as a process.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import boto3.session

from tests.chaos.server import ChaosSqs
from tests.chaos.worker import GROUPS, VISIBILITY, fork, listen, publish

QUEUES = ("standard", "ordered.fifo")
CONCURRENCIES = (1, 8)
CALLS_A_SECOND = 12
"""Receives of one worker in an outage: botocore tries three times, then the listener waits half a second or more."""
BUSY = 0.7
"""Part of a processor that a worker may use in an outage."""
PATIENCE = 30.0
"""Seconds for a worker to end after SIGTERM, and for queues in which nothing changes any more."""

RATES = {
    "drop_before": 0.02, "drop_after": 0.02, "truncated": 0.01, "slow": 0.01, "partial": 0.02, "partial_after": 0.02,
    "duplicate": 0.02, "unavailable": 0.02, "internal": 0.02, "throttled": 0.02, "throttling": 0.01, "too_many": 0.01,
    "expired": 0.01, "in_flight": 0.01, "malformed": 0.01,
}  # fmt: skip

OUTAGES = ("unavailable", "drop_before", "throttled", "truncated", "impostor", "impostor:6")


@dataclass(slots=True)
class Report:
    """What came of a trial.

    Attributes:
        wrong: what must not be, in words; empty when all is well.
        figures: what was counted.
    """

    wrong: list[str] = field(default_factory=list[str])
    figures: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(slots=True)
class _Worker:
    pid: int
    queue: str
    concurrency: int
    errors: Path
    asked_to_end: float = 0.0
    killed: bool = False
    resume_at: float = 0.0


def run(
    sqs: ChaosSqs,
    folder: Path,
    *,
    messages: int,
    seconds: float,
    seed: int,
    rates: dict[str, float],
    outages: Sequence[str] = OUTAGES,
    outage_seconds: float = 3.0,
) -> Report:
    """Run a trial.

    Args:
        sqs: a fresh server.
        folder: where the processes write.
        messages: how many, for each queue.
        seconds: how long workers are killed and calls fail, outages not counted.
        seed: of all that is random here.
        rates: how often each fault happens.
        outages: faults that happen to every call for a while.
        outage_seconds: for how long each.
    """
    trial = _Trial(sqs, folder, messages, random.Random(seed))
    try:
        trial.start()
        for outage in outages:
            trial.storm(seconds / (len(outages) + 1), rates)
            trial.outage(outage, outage_seconds)
        trial.storm(seconds / (len(outages) + 1), rates)
        trial.blackout()
        trial.drain()
        trial.stop()
    finally:
        trial.kill_all()
    return trial.judge()


class _Trial:
    def __init__(self, sqs: ChaosSqs, folder: Path, messages: int, chance: random.Random) -> None:
        self._sqs, self._folder, self._messages, self._random = sqs, folder, messages, chance
        self._log = folder / "log"
        self._workers: list[_Worker] = []
        self._publishers: dict[int, str] = {}
        self._report = Report()
        self._counted: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        boto3.session.Session().client("sqs", endpoint_url=sqs.endpoint, region_name="eu-west-1").close()  # warm forks

    def start(self) -> None:
        """Start publishers and workers."""
        for queue in QUEUES:
            run = partial(publish, self._sqs.url(queue), self._log, self._messages)
            self._publishers[fork(run, self._folder / f"publisher-{queue}")] = queue
            for concurrency in CONCURRENCIES:
                self._start_worker(queue, concurrency)

    def _start_worker(self, queue: str, concurrency: int) -> None:
        seed = self._random.getrandbits(32)
        errors = self._folder / f"worker-{seed}"
        pid = fork(partial(listen, self._sqs.url(queue), self._log, concurrency, seed), errors)
        self._workers.append(_Worker(pid, queue, concurrency, errors))

    def storm(self, seconds: float, rates: dict[str, float]) -> None:
        """Calls fail, and workers are killed, told to stop or stalled."""
        self._counted.update(self._sqs.rates(rates))
        end = time.monotonic() + seconds
        blow = time.monotonic() + self._random.uniform(0.5, 2)
        while time.monotonic() < end:
            time.sleep(0.02)
            self._look()
            if time.monotonic() > blow:
                blow = time.monotonic() + self._random.uniform(0.2, 2)
                self._strike()
        self._counted.update(self._sqs.rates({}))
        self._resume()

    def _strike(self) -> None:
        free = [worker for worker in self._workers if not (worker.asked_to_end or worker.resume_at or worker.killed)]
        if not free:
            return
        worker, chance = self._random.choice(free), self._random.random()
        if chance < 0.6:
            worker.killed = True
            os.kill(worker.pid, signal.SIGKILL)
        elif chance < 0.9:
            worker.asked_to_end = time.monotonic()
            os.kill(worker.pid, signal.SIGTERM)
        else:
            worker.resume_at = time.monotonic() + 1.5 * VISIBILITY
            os.kill(worker.pid, signal.SIGSTOP)
            self._ended["stalled"] += 1

    def _resume(self) -> None:
        for worker in self._workers:
            if worker.resume_at:
                worker.resume_at = 0.0
                os.kill(worker.pid, signal.SIGCONT)

    def _look(self, restart: bool = True) -> None:
        """See which workers have ended, and start others."""
        for worker in list(self._workers):
            if worker.resume_at and time.monotonic() > worker.resume_at:
                worker.resume_at = 0.0
                os.kill(worker.pid, signal.SIGCONT)
            ended, status = os.waitpid(worker.pid, os.WNOHANG)
            if not ended:
                if worker.asked_to_end and time.monotonic() - worker.asked_to_end > PATIENCE and not worker.killed:
                    self._wrong(f"a worker did not end within {PATIENCE:g} s of SIGTERM ({worker.concurrency} threads)")
                    worker.killed = True
                    os.kill(worker.pid, signal.SIGKILL)
                continue
            self._workers.remove(worker)
            code = os.waitstatus_to_exitcode(status)
            if worker.killed and code == -signal.SIGKILL:
                self._ended["killed"] += 1
            elif worker.asked_to_end and code == 0:
                self._ended["stopped"] += 1
            else:
                said = worker.errors.read_text(errors="replace").strip().splitlines()
                self._wrong(f"a worker ended by itself, with status {code}: {' / '.join(said[-6:])[-600:]}")
            if restart:
                self._start_worker(worker.queue, worker.concurrency)
        for pid, queue in list(self._publishers.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._publishers[pid]
                if status:
                    self._wrong(f"the publisher of {queue} ended with status {status}")

    def outage(self, fault: str, seconds: float) -> None:
        """Every call fails in one way; nobody may spin."""
        self._settle()
        for publisher in self._publishers:
            os.kill(publisher, signal.SIGSTOP)
        self._counted.update(self._sqs.rates({fault: 1.0}))
        time.sleep(1.5)  # calls that were under way, and long polls
        self._counted.update(self._sqs.rates({fault: 1.0}))
        before = {worker.pid: _cpu_seconds(worker.pid) for worker in self._workers}
        time.sleep(seconds)
        counted = self._sqs.rates({})
        self._counted.update(counted)
        used = [(_cpu_seconds(worker.pid) - before[worker.pid]) / seconds for worker in self._workers]
        calls = counted.get("ReceiveMessage", 0) / seconds / max(1, len(self._workers))
        self._report.figures[f"receives a second and worker while {fault}"] = round(calls, 1)
        if calls > CALLS_A_SECOND:
            self._wrong(f"while every answer is {fault}, a worker receives {calls:.0f} times a second")
        if max(used, default=0.0) > BUSY:
            self._wrong(f"while every answer is {fault}, a worker uses {max(used):.0%} of a processor")
        for publisher in self._publishers:
            os.kill(publisher, signal.SIGCONT)
        self._look()

    def _settle(self) -> None:
        """Wait until as many workers run as there should be."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and any(w.killed or w.asked_to_end for w in self._workers):
            self._look()
            time.sleep(0.02)

    def blackout(self) -> None:
        """All workers are killed at once: what they had in hand is visible within the visibility timeout."""
        self._settle()
        for worker in self._workers:
            worker.killed = True
            os.kill(worker.pid, signal.SIGKILL)
        while self._workers:
            self._look(restart=False)
        hidden = max(float(self._sqs.state(queue)["hidden_for"]) for queue in QUEUES)
        self._report.figures["seconds hidden after a blackout, at most"] = round(hidden, 2)
        if hidden > VISIBILITY:
            self._wrong(f"a message would be invisible for {hidden:.1f} s although nobody works on it")
        for queue in QUEUES:
            for concurrency in CONCURRENCIES:
                self._start_worker(queue, concurrency)

    def drain(self) -> None:
        """Nothing fails any more: publishers end, queues run empty, as long as anything is processed."""
        began = quiet = time.monotonic()
        left = -1
        while time.monotonic() - quiet < PATIENCE:
            self._look()
            now = sum(int(self._sqs.state(queue)["all"]) for queue in QUEUES)
            if self._publishers or now != left:
                quiet, left = time.monotonic(), now
            if not now and not self._publishers:
                break
            time.sleep(0.1)
        self._report.figures["seconds until the queues were empty"] = round(time.monotonic() - began, 1)
        if left or self._publishers:
            self._wrong(f"{left} messages stay in the queues, {len(self._publishers)} publishers do not end")

    def stop(self) -> None:
        """Tell all to stop; they end with status 0."""
        for worker in self._workers:
            worker.asked_to_end = time.monotonic()
            os.kill(worker.pid, signal.SIGTERM)
        while self._workers:
            self._look(restart=False)
            time.sleep(0.02)

    def kill_all(self) -> None:
        """Whatever happened, nobody is left."""
        for pid in [*self._publishers, *(worker.pid for worker in self._workers)]:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def judge(self) -> Report:
        """Read what was written down."""
        accepted: dict[str, set[int]] = {queue: set() for queue in QUEUES}
        done: dict[str, list[int]] = {queue: [] for queue in QUEUES}
        begun: Counter[str] = Counter()
        raised: Counter[str] = Counter()
        for line in self._log.read_text().splitlines():
            queue, what, number, *_ = line.split()
            if what == "accepted":
                accepted[queue].add(int(number))
            elif what == "done":
                done[queue].append(int(number))
            elif what == "begin":
                begun[queue] += 1
            elif what == "raised":
                raised[number] += 1
        for kind, times in raised.items():
            self._wrong(f"publish_many raised {kind}, {times} times")
        for queue in QUEUES:
            lost = accepted[queue] - set(done[queue])
            if lost:
                self._wrong(
                    f"{len(lost)} of {len(accepted[queue])} messages of {queue} were not processed: {_some(lost)}"
                )
            self._report.figures |= {
                f"{queue}: accepted": len(accepted[queue]),
                f"{queue}: processed": len(set(done[queue])),
                f"{queue}: begun": begun[queue],
                f"{queue}: done again": len(done[queue]) - len(set(done[queue])),
            }
        disorder = _disorder(done["ordered.fifo"])
        asked = max(int(self._sqs.state(queue)["asked"]) for queue in QUEUES)
        if not 0 < asked <= VISIBILITY:
            self._wrong(f"a visibility timeout of {asked} s was set at most, not of {VISIBILITY} s")
        if disorder:
            self._wrong(
                f"{len(disorder)} messages were first processed after a later one of their group: {_some(disorder)}"
            )
        self._report.figures |= {
            "workers": dict(self._ended),
            "calls": {name: number for name, number in sorted(self._counted.items()) if name[0].isupper()},
            "faults": {name: number for name, number in sorted(self._counted.items()) if not name[0].isupper()},
        }
        return self._report

    def _wrong(self, what: str) -> None:
        self._report.wrong.append(what)


def _disorder(done: Iterable[int]) -> list[int]:
    """Numbers whose first success came after that of a higher number of their group."""
    highest: dict[int, int] = {}
    seen: set[int] = set()
    late: list[int] = []
    for number in done:
        if number not in seen:
            seen.add(number)
            if number < highest.get(number % GROUPS, -1):
                late.append(number)
            highest[number % GROUPS] = max(number, highest.get(number % GROUPS, -1))
    return late


def _some(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)[:5]))


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
