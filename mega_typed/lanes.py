"""Which message may start next: the order within FIFO groups, and nothing else.

Pure: no thread, no clock, no client. A message of a group waits until the one before it is done; groups do not wait
for each other, and what has no group waits for nobody. A message that failed halts its group: those behind it, of this
receive and of any other, are handed back, so that the queue delivers the failed one first again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Lanes"]

M = TypeVar("M")


class Lanes(Generic[M]):
    """Messages that were received and not finished."""

    def __init__(self) -> None:
        self._ready: deque[tuple[Hashable | None, M]] = deque()
        self._behind: dict[Hashable, deque[M]] = {}  # of each group that has a message ready or running: those after it
        self.running = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._ready) + sum(map(len, self._behind.values()))

    def add(self, group: Hashable | None, message: M) -> None:
        """A message was received; those of a group come in its order."""
        if group is None:
            self._ready.append((None, message))
        elif group in self._behind:
            self._behind[group].append(message)
        else:
            self._behind[group] = deque()
            self._ready.append((group, message))

    def start(self) -> tuple[Hashable | None, M] | None:
        """The next message that may start, with its group; None while there is none."""
        if not self._ready:
            return None
        self.running += 1
        return self._ready.popleft()

    def finish(self, group: Hashable | None, *, halt: bool = False) -> list[M]:
        """A message that was started is done, or has failed and halts its group.

        Returns:
            Those that go back to the queue, in their order.
        """
        self.running -= 1
        if group is None:
            return []
        behind = self._behind.pop(group)
        if halt:
            return list(behind)
        if behind:
            self._ready.append((group, behind.popleft()))
            self._behind[group] = behind
        return []

    def drain(self) -> list[M]:
        """Take out all that wait, the messages of each group in its order; what runs goes on."""
        back: list[M] = []
        for group, message in self._ready:
            back.append(message)
            if group is not None:
                back += self._behind.pop(group)
        self._ready.clear()
        for behind in self._behind.values():
            back += behind
            behind.clear()
        return back
