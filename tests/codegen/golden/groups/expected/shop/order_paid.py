"""shop order.paid, version 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mega_typed import Event, EventType


class OrderPaid(Event):
    """Events of one order are processed in their order."""

    __event_type__: ClassVar[EventType] = EventType("shop", "order.paid", 1)
    __wire_names__: ClassVar[Mapping[str, str]] = {"class_": "class"}
    __group_from__: ClassVar[str | None] = "attributes.class"

    class_: int
    note: str | None = None
