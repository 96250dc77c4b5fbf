"""Types of desk: Ticket."""

from __future__ import annotations

from typing import ClassVar, Literal

from mega_typed import Model


class Ticket(Model):
    """A ticket."""

    __sensitive__: ClassVar[frozenset[str]] = frozenset({"note"})

    state: Literal["open", "closed"]
    note: str | None = None
