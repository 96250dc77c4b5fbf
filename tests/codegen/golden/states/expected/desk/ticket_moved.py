"""desk ticket.moved, version 1."""

from __future__ import annotations

from typing import Any, ClassVar

from mega_typed import Event, EventType, ObjectState

from .ticket import Ticket


class TicketMoved(Event):
    """An event of the desk."""

    __event_type__: ClassVar[EventType] = EventType("desk", "ticket.moved", 1)
    __version_required__: ClassVar[bool] = True
    __schema__: ClassVar[str | None] = "ticket_moved.schema.json"

    object: ObjectState[Ticket, dict[str, Any]]  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]
