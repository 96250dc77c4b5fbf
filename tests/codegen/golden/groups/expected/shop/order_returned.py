"""shop order.returned, version 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mega_typed import Event, EventType, ObjectState


class OrderReturned(Event):
    """Events of one order are processed in their order."""

    __event_type__: ClassVar[EventType] = EventType("shop", "order.returned", 1)
    __wire_names__: ClassVar[Mapping[str, str]] = {"class_": "class"}
    __group_from__: ClassVar[str | None] = "object.id"
    __schema__: ClassVar[str | None] = "order_returned.schema.json"

    class_: int
    note: str | None = None
    object: ObjectState[dict[str, Any]]  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]
