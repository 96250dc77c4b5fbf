"""One queue in memory: what is visible, to whom, until when.

A message is visible from a moment on (``visible_at``); sending with a delay, receiving and changing its visibility set
that moment, and nothing else hides it. A FIFO queue gives the messages of a group in order and stops before the first
that is hidden, so that the message in hand holds up those behind it. What AWS does where its API reference is silent is
taken from recorded answers of AWS (``tests/contract`` says which).

The callers hold the lock of the clock and pass the time, in seconds. This file knows no client, and its only errors are
refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from uuid import uuid4

from mega_typed.testing.faults import Refusal

DEDUPLICATION_SECONDS: Final = 300.0
LONGEST_HIDDEN_SECONDS: Final = 43_200.0


@dataclass(slots=True, eq=False)
class Stored:
    """A message in a queue."""

    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    sent: float
    visible_at: float
    id: str = field(default_factory=lambda: str(uuid4()))
    group: str | None = None
    deduplication: str | None = None
    sequence: str | None = None
    trace: str | None = None
    source: str | None = None
    received: float | None = None
    first_received: float | None = None
    receive_count: int = 0
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where a message goes that was received too often, and where it says it comes from."""

    target: Queue
    maximum: int
    source_arn: str


class Queue:
    """Messages, receipts, groups, and the window of de-duplication."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fifo = name.endswith(".fifo")
        self._messages: dict[str, Stored] = {}
        self._groups: dict[str, dict[str, Stored]] = {}  # of a FIFO queue; the one that was longest not received first
        self._receipts: dict[str, str] = {}
        self._accepted: dict[tuple[str | None, str], tuple[float, Stored]] = {}
        self._sequence = count(1)

    def accept(self, message: Stored, group_scoped: bool = False) -> Stored:
        """Take a message; of a duplicate the one that was taken before.

        Args:
            message: as it was sent.
            group_scoped: whether duplicates are looked for in the group only.
        """
        if self.fifo and message.deduplication is not None:
            key = (message.group if group_scoped else None, message.deduplication)
            until, known = self._accepted.get(key, (float("-inf"), message))
            if message.sent < until:
                return known
            self._accepted[key] = (message.sent + DEDUPLICATION_SECONDS, message)
        if self.fifo:
            message.sequence = f"{next(self._sequence):020d}"
        self._put(message)
        return message

    def _put(self, message: Stored) -> None:
        self._messages[message.id] = message
        if self.fifo:
            self._groups.setdefault(message.group or "", {})[message.id] = message

    def _remove(self, message: Stored) -> None:
        del self._messages[message.id]
        if self.fifo:
            group = self._groups[message.group or ""]
            del group[message.id]
            if not group:
                del self._groups[message.group or ""]

    def receive(self, now: float, most: int, hidden_seconds: float, redrive: Redrive | None) -> list[Stored]:
        """Hand out visible messages and hide them; what was received too often moves to the dead-letter queue."""
        taken: list[Stored] = []
        for message in self._visible(now):
            if len(taken) == most:
                break
            if redrive is not None and message.receive_count >= redrive.maximum:
                self._move(message, redrive, now)
                continue
            message.receive_count += 1
            message.received = now
            message.first_received = now if message.first_received is None else message.first_received
            message.visible_at = now + hidden_seconds
            message.receipt = f"{self.name}#{message.id}#{message.receive_count}#{uuid4().hex}"
            self._receipts[message.receipt] = message.id
            taken.append(message)
        for group in dict.fromkeys(message.group or "" for message in taken if self.fifo):
            self._groups[group] = self._groups.pop(group)
        return taken

    def _visible(self, now: float) -> Iterator[Stored]:
        if not self.fifo:
            yield from [message for message in self._messages.values() if message.visible_at <= now]
            return
        for group in list(self._groups.values()):
            for message in list(group.values()):
                if message.visible_at > now:
                    break
                yield message

    def _move(self, message: Stored, redrive: Redrive, now: float) -> None:
        self._remove(message)
        message.visible_at, message.receipt = now, None
        message.source = redrive.source_arn
        if redrive.target.fifo:  # its retention starts anew; a standard queue counts from the first sending
            message.sent = now
        redrive.target._put(message)  # noqa: SLF001 - another of these

    def delete(self, receipt: str, now: float) -> None:
        """Delete a message; nothing for one that is gone, or that a standard queue has handed out again since."""
        message = self._messages.get(self._id_of(receipt))
        if message is None:
            return
        if self.fifo and (message.receipt != receipt or message.visible_at <= now):
            raise _expired(receipt)
        if message.receipt == receipt:
            self._remove(message)

    def change_visibility(self, receipt: str, seconds: float, now: float) -> None:
        """Hide a message that is in hand for so many seconds from now; nothing for one that is not in hand any more."""
        message = self._messages.get(self._id_of(receipt))
        if message is None:
            said = "Reason: Message does not exist or is not available for visibility timeout change."
            raise Refusal("InvalidParameterValue", f"Value {receipt} for parameter ReceiptHandle is invalid. {said}")
        if message.receipt != receipt or message.visible_at <= now:
            if self.fifo:
                raise _expired(receipt)
            return
        if now + seconds > (message.received or now) + LONGEST_HIDDEN_SECONDS:
            said = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            raise Refusal(
                "InvalidParameterValue",
                f"Value {seconds:g} for parameter VisibilityTimeout is invalid. Reason: {said}.",
            )
        message.visible_at = now + seconds

    def _id_of(self, receipt: str) -> str:
        try:
            return self._receipts[receipt]
        except KeyError:
            said = f'The input receipt handle "{receipt}" is not a valid receipt handle.'
            raise Refusal("ReceiptHandleIsInvalid", said, status=404) from None

    def expire(self, now: float, retention: float) -> None:
        """Forget what is older than the retention."""
        for message in [each for each in self._messages.values() if each.sent + retention <= now]:
            self._remove(message)

    def purge(self) -> None:
        """Forget all messages."""
        self._messages.clear()
        self._groups.clear()

    def count(self, chosen: Callable[[Stored], bool]) -> int:
        """How many messages are such."""
        return sum(map(chosen, self._messages.values()))

    def next_moment(self, now: float) -> float | None:
        """The earliest moment at which a hidden or delayed message becomes visible."""
        return min((each.visible_at for each in self._messages.values() if each.visible_at > now), default=None)

    def __len__(self) -> int:
        return len(self._messages)


def _expired(receipt: str) -> Refusal:
    said = "Reason: The receipt handle has expired."
    return Refusal("InvalidParameterValue", f"Value {receipt} for parameter ReceiptHandle is invalid. {said}")
