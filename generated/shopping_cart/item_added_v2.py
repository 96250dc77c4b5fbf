"""shopping_cart item.added, version 2."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from mega_typed import DecimalString, Event, EventType, Model, ObjectState
from pydantic import ConfigDict, Field

from .cart import Cart


class ItemAddedV2Source(Model):
    """Where in the shop the shopper found the item."""

    model_config = ConfigDict(extra="forbid")

    __nullable__: ClassVar[frozenset[str]] = frozenset({"campaign"})

    page: Literal["search", "product", "wishlist", "recommendation"]
    """The kind of page."""
    position: Annotated[int | None, Field(ge=1)] = None
    """Place in the list, from the top."""
    campaign: str | None = None
    """Key of the campaign; null when there is none."""


class ItemAddedV2(Event):
    """shopping_cart item.added, version 2.

    A shopper put an item into the cart; the price became required, and the source is
    known.
    """

    __event_type__: ClassVar[EventType] = EventType("shopping_cart", "item.added", 2)
    __object_type__: ClassVar[str | None] = "shopping_cart"
    __object_version__: ClassVar[int | None] = 2
    __nullable__: ClassVar[frozenset[str]] = frozenset({"note"})

    item_id: UUID
    """Key of the article."""
    quantity: Annotated[int, Field(ge=1)]
    """How many pieces were added."""
    price: DecimalString
    """Price of one piece at that moment."""
    currency: Literal["USD", "EUR", "GBP", "BRL"]
    """ISO 4217 code of the price."""
    source: ItemAddedV2Source | None = None
    """Where in the shop the shopper found the item."""
    note: Annotated[str | None, Field(max_length=500)] = None
    """What the shopper wrote to the seller; null when it was taken back."""
    object: ObjectState[Cart] | None = None
