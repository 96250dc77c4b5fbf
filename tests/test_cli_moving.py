"""The move of dead letters under whatever can happen between its steps, against two queues in memory."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_typed.commands.moving import Move, Selection
from mega_typed.commands.queues import Queue, look
from mega_typed.commands.signals import undisturbed

DEAD, SOURCE = "http://127.0.0.1:9/0/dead", "http://127.0.0.1:9/0/source"
HOLD = 60


class Killed(BaseException):
    """The command is no more; nothing of it runs after that."""


class Cloud:
    """Two queues, of which every call takes time and may fail before or after it had its effect."""

    def __init__(self, bodies: list[str], trouble: Callable[[], str]) -> None:
        self.queues: dict[str, dict[str, dict[str, Any]]] = {DEAD: {}, SOURCE: {}}
        self.clock = self.count = 0
        self.trouble, self.alive = trouble, True
        for body in bodies:
            self.put(DEAD, body)

    def put(self, url: str, body: str) -> str:
        self.count += 1
        self.queues[url][f"m{self.count}"] = {"Body": body, "visible": 0}
        return f"m{self.count}"

    def bodies(self, url: str) -> list[str]:
        return [message["Body"] for message in self.queues[url].values()]

    def in_trouble(self, effect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """One call, with what befalls it."""
        if not self.alive:  # what a killed command would do in a `finally` does not happen
            raise Killed
        what = self.trouble()
        self.clock += {"slow": HOLD + 1}.get(what, 1)
        if what == "killed before":
            self.alive = False
            raise Killed
        answer = effect()
        if what == "killed after":
            self.alive = False
            raise Killed
        return answer

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            found: list[dict[str, Any]] = []
            for message_id, message in self.queues[asked["QueueUrl"]].items():
                if message["visible"] <= self.clock and len(found) < asked["MaxNumberOfMessages"]:
                    message["visible"] = self.clock + asked["VisibilityTimeout"]
                    receipt = f"{message_id} {self.clock}"
                    found.append({"MessageId": message_id, "ReceiptHandle": receipt, "Body": message["Body"]})
            return {"Messages": found}

        return self.in_trouble(effect)

    def each(self, entries: list[dict[str, Any]], act: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            done: list[dict[str, Any]] = []
            failed: list[dict[str, Any]] = []
            for entry in entries:
                if self.trouble() == "refused":
                    failed.append({"Id": entry["Id"], "Code": "Refused", "SenderFault": True, "Message": "no"})
                else:
                    done.append({"Id": entry["Id"], **act(entry)})
            return {"Successful": done, "Failed": failed}

        return self.in_trouble(effect)

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        return self.each(Entries, lambda entry: {"MessageId": self.put(QueueUrl, entry["MessageBody"])})

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        def delete(entry: dict[str, Any]) -> dict[str, Any]:
            self.queues[QueueUrl].pop(entry["ReceiptHandle"].split()[0], None)
            return {}

        return self.each(Entries, delete)

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        def show(entry: dict[str, Any]) -> dict[str, Any]:
            message = self.queues[QueueUrl].get(entry["ReceiptHandle"].split()[0])
            if message is not None:
                message["visible"] = self.clock + entry["VisibilityTimeout"]
            return {}

        return self.each(Entries, show)


def moved(cloud: Cloud, **options: Any) -> Any:
    client: Any = cloud
    kinds = options.pop("kinds", ())
    arguments = {"execute": True, "rate": None, "limit": None, "hold_seconds": HOLD, **options}
    return Move(Queue(DEAD, client), Queue(SOURCE, client), Selection(kinds), **arguments).run()


TROUBLE = st.sampled_from(["none"] * 12 + ["slow", "refused", "killed before", "killed after"])


@settings(max_examples=300)
@given(st.integers(0, 45), st.data())
def test_whatever_happens_nothing_is_lost(count: int, data: st.DataObject) -> None:
    """Refused, slow, killed before or after the effect of any call: each message is somewhere, and at last moved."""
    bodies = [f"text {number}" for number in range(count)]
    cloud = Cloud(bodies, lambda: data.draw(TROUBLE))
    for _ in range(3):
        cloud.alive = True
        try:
            moved(cloud)
        except Killed:
            cloud.clock += HOLD
        assert set(cloud.bodies(DEAD)) | set(cloud.bodies(SOURCE)) == set(bodies)
    cloud.trouble, cloud.alive = lambda: "none", True
    cloud.clock += HOLD
    summary = moved(cloud)
    assert summary.total("moved") == summary.counts.total()
    assert (cloud.bodies(DEAD), set(cloud.bodies(SOURCE))) == ([], set(bodies))


@given(st.integers(0, 45), st.integers(0, 9))
def test_what_is_slow_is_moved_once(count: int, place: int) -> None:
    """Though messages that are in hand too long come again, none is moved or counted twice, and the pass ends."""
    bodies = [f"text {number}" for number in range(count)]
    calls = iter(range(1_000))
    cloud = Cloud(bodies, lambda: "slow" if next(calls) % 10 == place else "none")  # longer than messages are held
    assert moved(cloud, kinds=("invalid",)).counts.total() == count
    cloud.clock += HOLD
    assert moved(cloud).total("moved") == count
    assert Counter(cloud.bodies(SOURCE)) == Counter(bodies)


@given(st.integers(0, 45), st.integers(1, 50), st.data())
def test_a_look_changes_nothing(count: int, limit: int, data: st.DataObject) -> None:
    """Whatever happens to its calls, a look leaves the queue as it was, and shows no message twice."""
    bodies = [f"text {number}" for number in range(count)]
    cloud = Cloud(bodies, lambda: data.draw(TROUBLE))
    client: Any = cloud
    seen: list[str] = []
    with suppress(Killed):
        seen += [message["MessageId"] for message in look(Queue(DEAD, client), limit, HOLD)]
    assert len(set(seen)) == len(seen) <= limit
    assert cloud.bodies(DEAD) == bodies


def test_answers_that_make_no_sense_are_no_messages() -> None:
    """What a proxy may answer in the place of SQS is left alone."""
    cloud = Cloud([], lambda: "none")
    cloud.receive_message = lambda **_: {"Messages": [None, 5, {}, {"MessageId": "m", "ReceiptHandle": 5, "Body": "x"}]}  # type: ignore[method-assign]
    assert moved(cloud).counts.total() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_a_step(number: signal.Signals) -> None:
    """The first signal is seen when the step is done, the second at once."""

    class Seen(Exception):
        pass

    def see(*_: object) -> None:
        raise Seen

    def step(signals: int) -> None:
        with undisturbed():
            for sent in range(signals):
                os.kill(os.getpid(), number)
                done.append(sent)

    before = signal.signal(number, see)
    done: list[int] = []
    try:
        for signals, expected in ((1, [0]), (2, [0])):
            done.clear()
            with pytest.raises(Seen):
                step(signals)
            assert done == expected
            assert signal.getsignal(number) is see
        done.clear()
        step(0)
        assert signal.getsignal(number) is see
    finally:
        signal.signal(number, before)
