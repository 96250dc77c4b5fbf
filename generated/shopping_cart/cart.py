"""Types of shopping_cart: CartItem and Cart."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from mega_typed import DecimalString, Model, Timestamp
from pydantic import Field


class CartItem(Model):
    """One line of a cart."""

    id: UUID
    """Key of the article."""
    price: DecimalString
    """Price of one piece."""
    quantity: Annotated[int, Field(ge=1)]
    """How many pieces."""
    tags: Annotated[list[str] | None, Field(max_length=20)] = None
    """Labels that the shopper gave."""


class Cart(Model):
    """A shopping cart."""

    __nullable__: ClassVar[frozenset[str]] = frozenset({"discount", "delivery_date"})

    id: UUID
    """Key of the cart."""
    user_id: Annotated[int, Field(ge=1)]
    """The shopper."""
    items: list[CartItem]
    """The lines, oldest first."""
    currency: Literal["USD", "EUR", "GBP", "BRL"]
    """ISO 4217 code of all prices in the cart."""
    value: DecimalString
    """Sum of the items before the discount."""
    discount: DecimalString | None = None
    """What is taken off the value; null when a discount was taken back."""
    coupon: Annotated[str | None, Field(min_length=1)] = None
    """Code of the coupon that gave the discount."""
    delivery_date: date | None = None
    """The day that the shopper asked for; null for any day."""
    created_at: Timestamp
    """When the first item was added."""
    updated_at: Timestamp
    """When the cart changed last."""
