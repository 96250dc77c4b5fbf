"""desk ticket.deleted, version 1."""

from __future__ import annotations

from typing import Any, ClassVar

from mega_typed import Event, EventType, ObjectState

from .ticket import Ticket


class TicketDeleted(Event):
    """An event of the desk."""

    __event_type__: ClassVar[EventType] = EventType("desk", "ticket.deleted", 1)
    __version_required__: ClassVar[bool] = True
    __schema__: ClassVar[str | None] = "ticket_deleted.schema.json"

    object: ObjectState[dict[str, Any], Ticket] | None = None
