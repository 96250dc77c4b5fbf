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
    """Street and number, line by line."""
    city: Annotated[str, Field(min_length=1)]
    """Town, as it is written there."""
    postal_code: str | None = None
    """As the country writes it."""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    """ISO 3166 code."""


class Checkout(Event):
    """A shopper paid for the cart."""

    __event_type__: ClassVar[EventType] = EventType("shopping_cart", "checkout", 1)
    __object_type__: ClassVar[str | None] = "shopping_cart"
    __nullable__: ClassVar[frozenset[str]] = frozenset({"billing"})

    order_id: UUID
    """Key of the order."""
    payment_method: Literal["credit_card", "bank_transfer", "voucher"]
    """How the shopper pays."""
    installments: Annotated[int | None, Field(ge=1, le=12)] = None
    """In how many months the shopper pays."""
    total: DecimalString
    """To pay, discount taken off."""
    shipping: Address
    billing: Address | None = None
    """Where it differs from the shipping address; null when it was asked for and is the
    same.
    """
    deliver_on: date | None = None
    """The day that the shopper asked for."""
    gift_messages: dict[str, str] | None = None
    """Text of the card, by item."""
    channel: Literal["web"] = "web"
    """Where the shopper paid."""
    object: ObjectState[Cart]  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]
