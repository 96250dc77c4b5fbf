"""Types of crm: BuyerContactOption1, BuyerContactOption2, Line, Order and Buyer."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from mega_typed import Model
from pydantic import Field

from ..shared.shared import Money


class BuyerContactOption1(Model):
    """BuyerContactOption1."""

    kind: Literal["mail"] = "mail"
    mail: str


class BuyerContactOption2(Model):
    """BuyerContactOption2."""

    kind: Literal["phone"] = "phone"
    phone: str


class Line(Model):
    """Line."""

    quantity: Annotated[int, Field(ge=1)]


class Order(Model):
    """Order."""

    id: UUID
    total: Money | None = None
    """What it costs."""
    lines: list[Line] | None = None
    buyer: Buyer | None = None


class Buyer(Model):
    """Buyer."""

    last_order: Order | None = None
    contact: BuyerContactOption1 | BuyerContactOption2 | None = None
