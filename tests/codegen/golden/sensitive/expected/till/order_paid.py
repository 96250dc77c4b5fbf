"""till order.paid, version 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from mega_typed import Event, EventType
from pydantic import Field

from .orders import Card


class OrderPaid(Event):
    """till order.paid, version 1.

    Marks on attributes, on a type, on what a list holds, and below one that types
    cannot say.
    """

    __event_type__: ClassVar[EventType] = EventType("till", "order.paid", 1)
    __wire_names__: ClassVar[Mapping[str, str]] = {"class_": "class"}
    __nullable__: ClassVar[frozenset[str]] = frozenset({"token"})
    __sensitive__: ClassVar[frozenset[str]] = frozenset(
        {
            "class_",
            "hints",
            "details",
            "token",
        }
    )
    __schema__: ClassVar[str | None] = "order_paid.schema.json"

    order_id: Annotated[str, Field(min_length=1)]
    note: str | None = None
    class_: str | None = None
    card: Card
    others: list[Card] | None = None
    hints: list[str | int] | None = None
    details: dict[str, Any] | None = None
    token: Annotated[str | None, Field(pattern="^[A-Z]")] = None
