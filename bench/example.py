"""The event that is measured, and what somebody would write for it by hand: a nested model, the same constraints."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class PlainItem(BaseModel):
    """The same as the generated CartItem."""

    id: UUID
    price: Decimal
    quantity: int = Field(ge=1)
    tags: list[str] | None = Field(default=None, max_length=20)


class PlainCart(BaseModel):
    """The same as the generated Cart."""

    id: UUID
    user_id: int = Field(ge=1)
    items: list[PlainItem]
    currency: Literal["USD", "EUR", "GBP", "BRL"]
    value: Decimal
    discount: Decimal | None = None
    coupon: str | None = Field(default=None, min_length=1)
    created_at: datetime
    updated_at: datetime


class PlainAttributes(BaseModel):
    """event.attributes."""

    item_id: UUID
    quantity: int = Field(ge=1)
    price: Decimal | None = None


class PlainEvent(BaseModel):
    """The event section."""

    domain: Literal["shopping_cart"]
    name: Literal["item.added"]
    version: Literal[1] = 1
    timestamp: datetime
    subject: str | None = None
    publisher: str | None = None
    attributes: PlainAttributes


class PlainObject(BaseModel):
    """The object section."""

    type: Literal["shopping_cart"] | None = None
    id: str | None = None
    version: int = 1
    current: PlainCart | None = None
    previous: PlainCart | None = None


class PlainPayload(BaseModel):
    """What somebody would write by hand with pydantic alone."""

    protocol: Literal["mega"]
    version: Literal[1]
    event: PlainEvent
    object: PlainObject | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


def example() -> str:
    """The 1.7 KB example event of the ancestor's README, as JSON text."""

    def item(index: int) -> dict[str, Any]:
        return {"id": f"61fcc874-624e-40f8-8fd7-0e663c7837e{index}", "price": "19.99", "quantity": 5}

    cart = {
        "id": "18a3f92e-1fbf-45eb-8769-d836d0a1be55",
        "user_id": 987650,
        "items": [item(1), item(2), item(3)],
        "currency": "USD",
        "value": "377.37",
        "discount": "20.19",
        "created_at": "2020-05-03T12:20:23.000Z",
        "updated_at": "2020-05-04T15:52:01.000Z",
    }
    attributes = {"item_id": "61fcc874-624e-40f8-8fd7-0e663c7837e8", "quantity": 5, "price": "19.99"}
    event = {
        "domain": "shopping_cart",
        "name": "item.added",
        "version": 1,
        "timestamp": "2020-05-04T15:53:23.123Z",
        "subject": "987650",
        "publisher": "shopping-cart-service",
        "attributes": attributes,
    }
    state = {"type": "shopping_cart", "id": cart["id"], "version": 2, "current": cart, "previous": cart}
    extra = {
        "channel": "web/desktop",
        "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_4) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "user_ip_address": "177.182.205.103",
    }
    return json.dumps({"protocol": "mega", "version": 1, "event": event, "object": state, "extra": extra})
