"""Patterns of shared: Money, Audited and Tree."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypedDict

from mega_typed.match import Matcher, MatcherOf, OptionalMatcher, OptionalMatcherOf

from ..shared import Tree


class MoneyPattern(TypedDict, total=False):
    """Pattern of Money."""

    amount: Matcher[Decimal]
    currency: MatcherOf[Literal["EUR", "USD"], str]


class AuditedPattern(TypedDict, total=False):
    """Pattern of Audited."""

    by: Matcher[str]
    note: OptionalMatcher[str]


class TreePattern(TypedDict, total=False):
    """Pattern of Tree."""

    label: Matcher[str]
    children: OptionalMatcherOf[list[TreePattern], list[Tree]]
