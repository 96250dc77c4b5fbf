"""Event classes written by hand for the tests of the runtime, so that they do not depend on the generator."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from mega_typed import DecimalString, Event, EventType, Model, ObjectState, Timestamp
from pydantic import Field

ITEM_ID = UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8")


class Line(Model):
    """One line of an order."""

    sku: str
    quantity: Annotated[int, Field(ge=1)]
    price: DecimalString
    tags: list[str] = []


class Order(Model):
    """An order; ``note`` may be null, ``class`` is a name that Python takes."""

    __nullable__: ClassVar[frozenset[str]] = frozenset({"note"})
    __wire_names__: ClassVar[dict[str, str]] = {"class_": "class"}

    lines: list[Line]
    currency: Literal["USD", "EUR"]
    placed_on: date | None = None
    note: str | None = None
    class_: str | None = None


class OrderPlaced(Event):
    """An event with every kind of field."""

    __event_type__: ClassVar[EventType] = EventType("sales", "order.placed", 1)
    __object_type__: ClassVar[str | None] = "order"
    __object_version__: ClassVar[int | None] = 2
    __wire_names__: ClassVar[dict[str, str]] = {"subject_": "subject", "from_": "from"}
    __nullable__: ClassVar[frozenset[str]] = frozenset({"coupon"})

    item_id: UUID
    quantity: Annotated[int, Field(ge=1, le=100)]
    currency: Literal["USD", "EUR"] = "USD"
    channel: Literal["web"] = "web"
    total: DecimalString | None = None
    weight: float | None = None
    gift: bool = False
    tags: list[str] = []
    coupon: str | None = None
    subject_: str | None = None
    from_: str | None = None
    shipped_at: Timestamp | None = None
    due: date | None = None
    best_line: Line | None = None
    labels: dict[str, int] | None = None
    anything: Any = None
    object: ObjectState[Order] | None = None


class OrderPlacedV2(Event):
    """The same event, a version later: what was a choice is any string, and there is a priority."""

    __event_type__: ClassVar[EventType] = EventType("sales", "order.placed", 2)

    item_id: UUID
    quantity: Annotated[int, Field(ge=1, le=100)]
    currency: str
    priority: int


class Card(Model):
    """One way to pay, by its constant."""

    kind: Literal["card"] = "card"
    digits: int


class Cash(Model):
    """The other way."""

    kind: Literal["cash"] = "cash"


class Paid(Event):
    """An event with a union of models."""

    __event_type__: ClassVar[EventType] = EventType("sales", "paid", 1)

    way: Card | Cash


class OrderCancelled(Event):
    """An event without a domain, closed to attributes that it does not list, that must have an object."""

    __event_type__: ClassVar[EventType] = EventType(None, "order.cancelled", 3)
    __closed__: ClassVar[bool] = True

    reason: str | None = None
    object: ObjectState[Order]


class ByCard(Model):
    """Told apart by its kind."""

    kind: Literal["card"] = "card"
    number: str


class ByTransfer(Model):
    """Has two kinds, and another name for them in Python."""

    __wire_names__: ClassVar[dict[str, str]] = {"kind_": "kind"}

    kind_: Literal["transfer", "sepa"]
    iban: str


class Branch(Model):
    """Contains itself."""

    kind: Literal["node"] = "node"
    child: ByCard | Branch | None = None


class Either(Model):
    """Refers to what is defined later, by names that Python takes."""

    __wire_names__: ClassVar[dict[str, str]] = {"or_": "or", "not_": "not"}

    or_: list[Negation | Either] = []
    not_: Negation | None = None


class Negation(Model):
    """Refers back."""

    __wire_names__: ClassVar[dict[str, str]] = {"not_": "not"}

    not_: Either


class Settled(Event):
    """Unions with tags, beside others and inside of lists."""

    __event_type__: ClassVar[EventType] = EventType("shop", "settled", 1)

    how: ByCard | ByTransfer | int | None = None
    many: list[ByCard | ByTransfer] = []
    node: Branch | None = None
    rule: Either | None = None


def order() -> Order:
    """A small order."""
    return Order(lines=[Line(sku="a", quantity=2, price=Decimal("1.50"))], currency="EUR")


def placed(**changes: Any) -> OrderPlaced:
    """An event with an entity, with changes."""
    arguments: dict[str, Any] = {
        "subject": "42",
        "publisher": "shop",
        "item_id": ITEM_ID,
        "quantity": 5,
        "total": Decimal("19.99"),
        "object": ObjectState(id="o-1", current=order()),
        "extra": {"channel": "web"},
    }
    return OrderPlaced(**{**arguments, **changes})
