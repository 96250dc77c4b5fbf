"""shop order.placed, version 1."""

from __future__ import annotations

from typing import Annotated, ClassVar

from mega_typed import Event, EventType, Model, ObjectState, Timestamp
from pydantic import Field

from ..crm.buyer import Order
from ..shared.shared import Tree


class OrderPlacedAudit(Model):
    """OrderPlacedAudit."""

    __nullable__: ClassVar[frozenset[str]] = frozenset({"note"})

    at: Timestamp
    by: str
    note: str | None = None


class OrderPlaced(Event):
    """shop order.placed, version 1."""

    __event_type__: ClassVar[EventType] = EventType("shop", "order.placed", 1)
    __object_type__: ClassVar[str | None] = "order"

    shop_id: Annotated[int, Field(ge=1)]
    audit: OrderPlacedAudit
    category: Tree | None = None
    object: ObjectState[Order]  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]
