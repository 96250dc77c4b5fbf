"""Types of shared: Money, Audited and Tree."""

from __future__ import annotations

from typing import ClassVar, Literal

from mega_typed import DecimalString, Model


class Money(Model):
    """An amount."""

    amount: DecimalString
    currency: Literal["EUR", "USD"]


class Audited(Model):
    """Audited."""

    __nullable__: ClassVar[frozenset[str]] = frozenset({"note"})

    by: str
    note: str | None = None


class Tree(Model):
    """Tree."""

    label: str
    children: list[Tree] | None = None
