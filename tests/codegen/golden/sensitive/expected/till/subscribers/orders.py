"""Patterns of till: Card."""

from __future__ import annotations

from datetime import date
from typing import TypedDict

from mega_typed.match import Matcher, OptionalMatcher


class CardPattern(TypedDict, total=False):
    """Pattern of Card."""

    brand: Matcher[str]
    number: Matcher[str]
    issued: OptionalMatcher[date]
