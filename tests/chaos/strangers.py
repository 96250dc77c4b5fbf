"""Whether hostile messages come to what the table of outcomes says, and none is lost: a listener against the server.

Somebody subscribes to everything, so nothing is deleted because nobody wants it: a message was processed, or it is in
one of the queues, as it was.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from typing import Any

from mega_typed import DataSubscriber, EventSubscriber, MessageSubscriber, ProcessStatus, RetryLater, SqsListener
from mega_typed.dead_letters import REASON_ATTRIBUTE
from mega_typed.dispatch import Disposition, Outcome, Reading, disposition
from mega_typed.envelopes import Record
from mega_typed.match import any_

from tests.chaos.hostile import hostile_messages, sendable
from tests.chaos.server import ChaosSqs
from tests.samples import OrderPlaced

CHUNK = 500
PATIENCE = 300.0


def subscribers(seed: int) -> list[type[Any]]:
    """Subscribers that take everything between them, and say and raise anything."""
    chance = random.Random(seed)

    def said() -> ProcessStatus:
        choice = chance.random()
        if choice < 0.02:
            raise ValueError("\ud800")
        if choice < 0.03:
            raise RetryLater(after=43_200)
        [status] = chance.choices(tuple(ProcessStatus), [20, 1, 1, 1])
        return status

    class Texts(MessageSubscriber):
        def process(self, payload: Any) -> ProcessStatus:
            return said()

    class Documents(DataSubscriber):
        pattern = any_()

        def process(self, data: dict[str, Any]) -> ProcessStatus:
            return said()

    class Events(EventSubscriber):
        def process(self, payload: Any) -> ProcessStatus:
            return said()

    class Placed(EventSubscriber[OrderPlaced]):
        def process(self, event: OrderPlaced) -> ProcessStatus:
            return said()

    return [Texts, Documents, Events, Placed]


def run(
    sqs: ChaosSqs, name: str, *, number: int, seed: int, dead_letters: bool, concurrency: int = 1
) -> tuple[list[str], Counter[str]]:
    """Feed so many messages to a listener.

    Returns:
        What was wrong, in words, and how many messages came to what.
    """
    url, dead = sqs.url(name), f"{name}-dead"
    listener = SqsListener(
        url,
        dead_letter_queue_url=sqs.url(dead) if dead_letters else None,
        wait_time_seconds=1,
        visibility_timeout=43_200,  # what stays, stays out of sight
        concurrency=concurrency,
        endpoint_url=sqs.endpoint,
        region_name="eu-west-1",
    )
    for subscriber in subscribers(seed):
        listener.register_subscriber(subscriber)
    outcomes: dict[str, Outcome] = {}
    lock, handle = threading.Lock(), listener.dispatcher.handle

    def noted(record: Record, *arguments: Any, **more: Any) -> Outcome:
        outcome = handle(record, *arguments, **more)
        with lock:
            outcomes[record.message_id] = outcome
            if len(outcomes) == number:
                listener.stop()
        return outcome

    listener.dispatcher.handle = noted  # type: ignore[method-assign]
    sent: dict[str, dict[str, Any]] = {}
    messages = [sendable(message) for message in hostile_messages(seed, number)]
    for start in range(0, number, CHUNK):
        chunk = messages[start : start + CHUNK]
        sent |= zip(sqs.fill(name, chunk), chunk, strict=True)
    watchdog = threading.Timer(PATIENCE, listener.stop)
    watchdog.start()
    listener.listen()
    watchdog.cancel()
    if len(outcomes) < number:
        return [f"{number - len(outcomes)} messages were not handled within {PATIENCE:g} s"], Counter()
    return _judge(sent, outcomes, sqs.left(name), sqs.left(dead), dead_letters=dead_letters)


def _judge(
    sent: dict[str, dict[str, Any]],
    outcomes: dict[str, Outcome],
    left: list[dict[str, Any]],
    dead: list[dict[str, Any]],
    *,
    dead_letters: bool,
) -> tuple[list[str], Counter[str]]:
    kept = {message["MessageId"]: message for message in left}
    copies = {_reason(message)["message_id"]: message for message in dead}
    wrong: list[str] = []
    counted: Counter[str] = Counter()
    if len(copies) != len(dead):
        wrong.append(f"{len(dead) - len(copies)} dead letters too many")
    for message_id, message in sent.items():
        outcome = outcomes[message_id]
        counted[f"{outcome.reading}: {outcome.disposition}"] += 1
        statuses = [result.status for result in outcome.results]
        if outcome.disposition != disposition(outcome.reading, statuses, dead_letters=dead_letters):
            wrong.append(f"{outcome} is not what the table says")
        where = {
            Disposition.DELETE: (False, False),
            Disposition.RETRY: (True, False),
            Disposition.DEAD_LETTER: (False, True),
        }
        if (message_id in kept, message_id in copies) != where[outcome.disposition]:
            wrong.append(f"{outcome.disposition}: {message_id in kept=}, {message_id in copies=}")
        elif message_id in kept and not _is_same(message, kept[message_id]):
            wrong.append("a message that stays has changed")
        elif message_id in copies and not _is_same(message, copies[message_id]):
            wrong.append("a dead letter is not what was sent")
        elif outcome.disposition is Disposition.DELETE and not statuses:
            wrong.append(f"deleted, and nobody has processed it: {outcome}")
        elif outcome.reading in (Reading.INVALID, Reading.UNDECODABLE) and outcome.error is None:
            wrong.append(f"no reason is given: {outcome}")
    return wrong, counted


def _reason(message: dict[str, Any]) -> dict[str, Any]:
    reason: dict[str, Any] = json.loads(message["MessageAttributes"][REASON_ATTRIBUTE]["StringValue"])
    return reason


def _is_same(sent: dict[str, Any], found: dict[str, Any]) -> bool:
    attributes = dict(found.get("MessageAttributes") or {})
    more = _reason(found).get("more_attributes", {}) if REASON_ATTRIBUTE in attributes else {}
    attributes.pop(REASON_ATTRIBUTE, None)
    same = all(parts == sent["MessageAttributes"][name] for name, parts in attributes.items())
    return (
        same
        and found["Body"] == sent["MessageBody"]
        and attributes.keys() | more.keys() == sent["MessageAttributes"].keys()
    )
