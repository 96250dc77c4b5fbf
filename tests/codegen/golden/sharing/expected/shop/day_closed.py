"""shop day.closed, version 1."""

from __future__ import annotations

from typing import ClassVar

from mega_typed import Event, EventType


class DayClosed(Event):
    """shop day.closed, version 1."""

    __event_type__: ClassVar[EventType] = EventType("shop", "day.closed", 1)

    shop_id: int
