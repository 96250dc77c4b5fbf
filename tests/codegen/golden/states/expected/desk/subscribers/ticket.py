"""Patterns of desk: Ticket."""

from __future__ import annotations

from typing import Literal, TypedDict

from mega_typed.match import MatcherOf, OptionalMatcher


class TicketPattern(TypedDict, total=False):
    """Pattern of Ticket."""

    state: MatcherOf[Literal["open", "closed"], str]
    note: OptionalMatcher[str]
