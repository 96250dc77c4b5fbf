"""pinged, version 1."""

from __future__ import annotations

from typing import Any, ClassVar

from mega_typed import Event, EventType, ObjectState


class Pinged(Event):
    """pinged, version 1."""

    __event_type__: ClassVar[EventType] = EventType(None, "pinged", 1)

    object: ObjectState[dict[str, Any]] | None = None
