"""Subscribers of shopping_cart checkout, version 1."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import (
    EnumMatcher,
    MappingMatcher,
    Matcher,
    ModelMatcher,
    OptionalMatcher,
    OptionalModelMatcher,
    any_,
)

from ..cart import Cart
from ..checkout import Address, Checkout
from .cart import CartPattern


class AddressPattern(TypedDict, total=False):
    """Pattern of Address."""

    name: Matcher[str] | None
    street: Matcher[list[str]]
    city: Matcher[str]
    postal_code: Matcher[str] | None
    country: Matcher[str]


class CheckoutAttributes(TypedDict, total=False):
    """Pattern of the attributes of Checkout."""

    order_id: Matcher[UUID]
    payment_method: EnumMatcher[Literal["credit_card", "bank_transfer", "voucher"], str]
    installments: Matcher[int] | None
    total: Matcher[Decimal]
    shipping: ModelMatcher[AddressPattern, Address]
    billing: ModelMatcher[AddressPattern, Address] | None
    deliver_on: Matcher[date] | None
    gift_messages: MappingMatcher[Matcher[str], str] | None
    channel: EnumMatcher[Literal["web"], str]


class CheckoutSubscriber(EventSubscriber[Checkout]):
    """Receives shopping_cart checkout, version 1."""

    domain: ClassVar[Literal["shopping_cart"]] = "shopping_cart"
    name: ClassVar[Literal["checkout"]] = "checkout"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[CheckoutAttributes] = {}
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalModelMatcher[CartPattern, Cart]] = any_()
    object_previous: ClassVar[OptionalModelMatcher[CartPattern, Cart]] = any_()
