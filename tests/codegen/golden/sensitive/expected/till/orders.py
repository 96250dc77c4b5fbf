"""Types of till: Card."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from mega_typed import Model


class Card(Model):
    """A card; which one must not be seen."""

    __sensitive__: ClassVar[frozenset[str]] = frozenset({"number"})

    brand: str
    number: str
    issued: date | None = None
