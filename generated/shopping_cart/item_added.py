"""shopping_cart item.added, version 1."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from mega_typed import DecimalString, Event, EventType, ObjectState
from pydantic import Field

from .cart import Cart


class ItemAdded(Event):
    """A shopper put an item into the cart."""

    __event_type__: ClassVar[EventType] = EventType("shopping_cart", "item.added", 1)
    __object_type__: ClassVar[str | None] = "shopping_cart"

    item_id: UUID
    """Key of the article."""
    quantity: Annotated[int, Field(ge=1)]
    """How many pieces were added."""
    price: DecimalString | None = None
    """Price of one piece at that moment."""
    object: ObjectState[Cart] | None = None
