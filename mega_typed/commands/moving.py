"""Dead letters back to where they came from: which of them, and in which order nothing can be lost.

A message is sent first, and deleted only when the service has accepted it; so one that is killed in between is there
twice, and never not at all. The state of a move is the dead-letter queue itself: what is in it is not moved yet, and to
go on is to begin again. What is not moved is held until the end, so that it is not received again and again.

This file knows queues and what a message is, and prints nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mega_typed.codecs import ContentKind
from mega_typed.commands.dead_letter import kind_of, reason_of, restored, subscribers_of
from mega_typed.commands.message_lines import opened_message, sent_at
from mega_typed.commands.queues import MAX_BATCH, Held, Message, Queue, holding, rounds
from mega_typed.commands.reading import Opened, Verdict, names_of
from mega_typed.commands.signals import undisturbed
from mega_typed.errors import InvalidPayload, PublishError
from mega_typed.fitting import Ladder
from mega_typed.offload import S3Payloads
from mega_typed.outgoing import PublishResult
from mega_typed.payload import MegaPayload
from mega_typed.rate_limit import RateLimit
from mega_typed.sending import SQS, SQS_MAX_BYTES, Entry, Route, Sender
from mega_typed.subscribers import DataSubscriber, EventSubscriber, Subscriber
from mega_typed.subscriptions import explain

MOVE: Final = "would move"
NOT_SELECTED: Final = "stays: not selected"
NOT_VALID: Final = "stays: not valid"
BEHIND: Final = "stays: behind one that failed"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are wanted; what is empty does not select.

    Attributes:
        kinds: of their reason.
        subscribers: names of those that did not process them.
        event_types: ``domain/name/version`` or ``domain/name``.
        pattern: a subscriber that would receive them.
        force: also those that are not valid today, or cannot be read.
    """

    kinds: Sequence[str] = ()
    subscribers: Sequence[str] = ()
    event_types: Sequence[str] = ()
    pattern: type[Subscriber[Any]] | None = None
    force: bool = False

    def fate(self, reason: Mapping[str, Any], found: Opened) -> str:
        """`MOVE`, or why it stays."""
        if (
            (self.kinds and kind_of(reason) not in self.kinds)
            or (self.subscribers and not set(self.subscribers) & set(subscribers_of(reason)))
            or (self.event_types and not set(self.event_types) & set(names_of(found.event_type)))
            or (self.pattern is not None and not receives(self.pattern, found))
        ):
            return NOT_SELECTED
        return MOVE if self.force or found.verdict in ("valid", "unchecked") else NOT_VALID


def receives(subscriber: type[Subscriber[Any]], found: Opened) -> bool:
    """Whether a subscriber would receive a message; what is not valid goes to no typed one."""
    content = found.content
    if content is None or found.verdict == "unreadable" or found.kind == "offloaded":
        return False
    if content.kind is not ContentKind.OBJECT:
        return explain(subscriber, content.text if content.kind is ContentKind.TEXT else content.data).matched
    if found.event_type is None or not issubclass(subscriber, EventSubscriber):
        wrong_kind = found.event_type is not None and issubclass(subscriber, DataSubscriber)
        return not wrong_kind and explain(subscriber, content.document()).matched
    try:
        if not subscriber.__wanted__.event_classes:
            return explain(subscriber, MegaPayload.from_document(content.document())).matched
        return any(
            explain(subscriber, each.from_json(content.json_text())).matched
            for each in subscriber.__wanted__.event_classes
            if each.__event_type__ == found.event_type
        )
    except InvalidPayload:
        return False


class Row(NamedTuple):
    """What the summary tells apart.

    Attributes:
        kind: of the reason.
        what: the event type, or what the message is else.
        today: the verdict by today's classes.
        fate: what becomes of it.
    """

    kind: str
    what: str
    today: Verdict
    fate: str


@dataclass(slots=True)
class Summary:
    """What was found, and what became of it."""

    counts: Counter[Row] = field(default_factory=Counter[Row])
    oldest: dict[Row, str] = field(default_factory=dict[Row, str])

    def add(self, row: Row, message: Message) -> None:
        """Count one."""
        self.counts[row] += 1
        sent = sent_at(message)
        known = self.oldest.get(row, "")
        self.oldest[row] = min(filter(None, (known, sent)), default="")

    def total(self, *fates: str) -> int:
        """How many have a fate that begins so."""
        return sum(count for row, count in self.counts.items() if row.fate.startswith(fates))


class _Candidate(NamedTuple):
    message: Message
    row: Row


class Move:
    """One pass over a dead-letter queue.

    Args:
        source: the dead-letter queue.
        target: where messages go.
        wanted: which.
        execute: move them; else only see what would be moved.
        rate: messages per second that are moved.
        limit: messages that are moved.
        hold_seconds: how long messages are held; what is not moved comes back after it when the command is killed.
        progress: is told after each step.
        payloads: fetches what lies in S3, to look at it; what is moved is the pointer.
    """

    def __init__(
        self,
        source: Queue,
        target: Queue,
        wanted: Selection,
        *,
        execute: bool,
        rate: float | None,
        limit: int | None,
        hold_seconds: int,
        progress: Callable[[Summary], object] = lambda _summary: None,
        payloads: S3Payloads | None = None,
    ) -> None:
        self.summary = Summary()
        self._source, self._target, self._wanted = source, target, wanted
        self._execute, self._hold_seconds, self._progress = execute, hold_seconds, progress
        self._rate = RateLimit(rate) if rate is not None and execute else None
        self._left, self._payloads = limit, payloads
        self._granted = 0
        self._halted: set[str] = set()
        ladder = Ladder("SQS", SQS_MAX_BYTES, None, None)
        self._sender = Sender(SQS, target.url, ladder, SQS_MAX_BYTES, target.clients)

    def run(self) -> Summary:
        """Go through the queue once. What is not moved is given back, also when it is interrupted."""
        with holding(self._source) as held:
            for messages in rounds(self._source, held, self._hold_seconds, self._next):
                chosen: list[_Candidate] = []
                for message in messages:
                    candidate = self._judged(message)
                    if candidate.row.fate == MOVE and self._left != 0:
                        chosen.append(candidate)
                        self._left = None if self._left is None else self._left - 1
                    elif candidate.row.fate != MOVE:  # beyond the limit nothing is counted
                        self.summary.add(candidate.row, message)
                if self._execute:
                    with undisturbed():
                        self._move(chosen, held)
                else:
                    for candidate in chosen:
                        self.summary.add(candidate.row, candidate.message)
                if self._rate is not None:
                    self._rate.give_back(self._granted - len(chosen))
                self._progress(self.summary)
        return self.summary

    def _next(self) -> int:
        """How many to receive, when the rate allows some."""
        if self._left == 0:
            return 0
        self._granted = MAX_BATCH
        while self._rate is not None:
            self._granted, seconds = self._rate.take(MAX_BATCH)
            if self._granted:
                break
            time.sleep(seconds)
        return self._granted

    def _judged(self, message: Message) -> _Candidate:
        reason, found = reason_of(message), opened_message(message, self._payloads)
        fate = self._wanted.fate(reason, found)
        return _Candidate(message, Row(kind_of(reason), found.title, found.verdict, fate))

    def _move(self, chosen: Sequence[_Candidate], held: Held) -> None:
        accepted: list[_Candidate] = []
        for candidate, result in self._sent(chosen):
            if result.error is None:
                accepted.append(candidate)
            else:
                self._halted.add(_group(candidate.message))
                code = result.error.code if isinstance(result.error, PublishError) else type(result.error).__name__
                self.summary.add(candidate.row._replace(fate=f"refused: {code}"), candidate.message)
        receipts = {held.let_go(candidate.message): candidate for candidate in accepted}
        still_there = set(self._source.delete(list(receipts)))
        for receipt, candidate in receipts.items():
            fate = "sent, not deleted" if receipt in still_there else "moved"
            self.summary.add(candidate.row._replace(fate=fate), candidate.message)

    def _sent(self, chosen: Sequence[_Candidate]) -> Iterator[tuple[_Candidate, PublishResult]]:
        """Send them, in batches that SQS takes. Of a group nothing is sent after one that failed."""
        route = Route(self._target.url, None, None, None)
        batch, inside = self._sender.batch(), list[_Candidate]()
        for candidate in chosen:
            if self._target.fifo and _group(candidate.message) in self._halted:
                self.summary.add(candidate.row._replace(fate=BEHIND), candidate.message)
                continue
            parameters = restored(candidate.message, fifo=self._target.fifo)
            entry = Entry(len(inside), _size(parameters), parameters)
            if not batch.takes(entry):
                yield from zip(inside, self._sender.send_batch(route, batch.held), strict=True)
                batch, inside = self._sender.batch(), []
                entry = Entry(0, entry.size, parameters)
            batch.add(entry)
            inside.append(candidate)
        yield from zip(inside, self._sender.send_batch(route, batch.held), strict=True)


def _group(message: Message) -> str:
    return str((message.get("Attributes") or {}).get("MessageGroupId", ""))


def _size(parameters: Mapping[str, Any]) -> int:
    size = len(parameters["MessageBody"].encode(errors="surrogatepass"))
    for name, parts in (parameters.get("MessageAttributes") or {}).items():
        size += len(name) + sum(len(part.encode() if isinstance(part, str) else part) for part in parts.values())
    return size
