"""desk ticket.merged, version 1."""

from __future__ import annotations

from typing import ClassVar

from mega_typed import Event, EventType, Model, ObjectState

from .ticket import Ticket


class TicketMergedPrevious(Model):
    """What they were."""

    tickets: list[Ticket]


class TicketMerged(Event):
    """An event of the desk."""

    __event_type__: ClassVar[EventType] = EventType("desk", "ticket.merged", 1)
    __version_required__: ClassVar[bool] = True

    object: ObjectState[Ticket, TicketMergedPrevious] | None = None
