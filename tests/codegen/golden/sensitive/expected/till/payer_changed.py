"""till payer.changed, version 1."""

from __future__ import annotations

from typing import ClassVar

from mega_typed import Event, EventType, ObjectState

from .orders import Card


class PayerChanged(Event):
    """Marks on the envelope, and in the state of the entity."""

    __event_type__: ClassVar[EventType] = EventType("till", "payer.changed", 1)
    __object_type__: ClassVar[str | None] = "payer"
    __sensitive__: ClassVar[frozenset[str]] = frozenset(
        {
            "extra",
            "object.id",
            "object.previous",
            "publisher",
            "subject",
        }
    )
    __schema__: ClassVar[str | None] = "payer_changed.schema.json"

    object: ObjectState[Card] | None = None
