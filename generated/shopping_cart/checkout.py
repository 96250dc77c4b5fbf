"""shopping_cart checkout, version 1."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from mega_typed import DecimalString, Event, EventType, Model, ObjectState
from pydantic import Field

from .cart import Cart


class Address(Model):
    """A postal address."""

    name: str | None = None
    """Who receives it."""
    street: Annotated[list[str], Field(max_length=3, min_length=1)]
    city: Annotated[str, Field(min_length=1)]
    postal_code: str | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    """ISO 3166 code."""


class Checkout(Event):
    """A shopper paid for the cart."""

    __event_type__: ClassVar[EventType] = EventType("shopping_cart", "checkout", 1)
    __object_type__: ClassVar[str | None] = "shopping_cart"
    __nullable__: ClassVar[frozenset[str]] = frozenset({"billing"})

    order_id: UUID
    payment_method: Literal["credit_card", "bank_transfer", "voucher"]
    installments: Annotated[int | None, Field(ge=1, le=12)] = None
    total: DecimalString
    shipping: Address
    billing: Address | None = None
    """Where it differs from the shipping address."""
    deliver_on: date | None = None
    gift_messages: dict[str, str] | None = None
    """Text of the card, by item."""
    channel: Literal["web"] = "web"
    object: ObjectState[Cart]  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]
