"""Subscribers of shopping_cart checkout, version 1."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import (
    Matcher,
    MatcherOf,
    OptionalMatcher,
    OptionalMatcherOf,
    any_,
)

from ..cart import Cart
from ..checkout import Address, Checkout
from .cart import CartPattern


class AddressPattern(TypedDict, total=False):
    """Pattern of Address."""

    name: OptionalMatcher[str]
    street: Matcher[list[str]]
    city: Matcher[str]
    postal_code: OptionalMatcher[str]
    country: Matcher[str]


class CheckoutAttributes(TypedDict, total=False):
    """Pattern of the attributes of Checkout."""

    order_id: Matcher[UUID]
    payment_method: MatcherOf[Literal["credit_card", "bank_transfer", "voucher"], str]
    installments: OptionalMatcher[int]
    total: Matcher[Decimal]
    shipping: MatcherOf[AddressPattern, Address]
    billing: OptionalMatcherOf[AddressPattern, Address]
    deliver_on: OptionalMatcher[date]
    gift_messages: OptionalMatcherOf[dict[str, OptionalMatcher[str]], dict[str, str]]
    channel: MatcherOf[Literal["web"], str]


class CheckoutSubscriber(EventSubscriber[Checkout]):
    """Receives shopping_cart checkout, version 1."""

    domain: ClassVar[Literal["shopping_cart"]] = "shopping_cart"
    name: ClassVar[Literal["checkout"]] = "checkout"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[CheckoutAttributes] = {}
    object_type: ClassVar[OptionalMatcherOf[Literal["shopping_cart"], str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
    object_previous: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
