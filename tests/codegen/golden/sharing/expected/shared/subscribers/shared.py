"""Patterns of shared: Money, Audited and Tree."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypedDict

from mega_typed.match import EnumMatcher, Matcher, ModelListMatcher

from ..shared import Tree


class MoneyPattern(TypedDict, total=False):
    """Pattern of Money."""

    amount: Matcher[Decimal]
    currency: EnumMatcher[Literal["EUR", "USD"], str]


class AuditedPattern(TypedDict, total=False):
    """Pattern of Audited."""

    by: Matcher[str]
    note: Matcher[str] | None


class TreePattern(TypedDict, total=False):
    """Pattern of Tree."""

    label: Matcher[str]
    children: ModelListMatcher[TreePattern, Tree] | None
