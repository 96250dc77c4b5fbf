"""shopping_cart item.removed, version 1."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from mega_typed import Event, EventType, ObjectState
from pydantic import Field

from .cart import Cart


class ItemRemoved(Event):
    """A shopper took an item out of the cart."""

    __event_type__: ClassVar[EventType] = EventType("shopping_cart", "item.removed", 1)
    __object_type__: ClassVar[str | None] = "shopping_cart"
    __nullable__: ClassVar[frozenset[str]] = frozenset({"reason"})

    item_id: UUID
    """Key of the article."""
    quantity: Annotated[int | None, Field(ge=1)] = None
    """How many pieces were removed; all of them where it is missing."""
    reason: Literal["changed_mind", "out_of_stock", "too_expensive"] | None = None
    """What the shopper said; null when the shopper was asked and did not say."""
    object: ObjectState[Cart] | None = None
