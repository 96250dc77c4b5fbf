"""desk ticket.opened, version 1."""

from __future__ import annotations

from typing import Any, ClassVar

from mega_typed import Event, EventType, ObjectState

from .ticket import Ticket


class TicketOpened(Event):
    """An event of the desk."""

    __event_type__: ClassVar[EventType] = EventType("desk", "ticket.opened", 1)
    __version_required__: ClassVar[bool] = True

    object: ObjectState[Ticket, dict[str, Any]] | None = None
