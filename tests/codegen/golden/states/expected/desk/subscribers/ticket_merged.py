"""Subscribers of desk ticket.merged, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import (
    Matcher,
    MatcherOf,
    OptionalMatcher,
    OptionalMatcherOf,
    any_,
)

from ..ticket import Ticket
from ..ticket_merged import TicketMerged, TicketMergedPrevious
from .ticket import TicketPattern


class TicketMergedPreviousPattern(TypedDict, total=False):
    """Pattern of TicketMergedPrevious."""

    tickets: MatcherOf[list[TicketPattern], list[Ticket]]


class TicketMergedAttributes(TypedDict, total=False):
    """Pattern of the attributes of TicketMerged."""


class TicketMergedSubscriber(EventSubscriber[TicketMerged]):
    """Receives desk ticket.merged, version 1."""

    domain: ClassVar[Literal["desk"]] = "desk"
    name: ClassVar[Literal["ticket.merged"]] = "ticket.merged"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[TicketMergedAttributes] = {}
    object_type: ClassVar[OptionalMatcher[str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[TicketPattern, Ticket]] = any_()
    object_previous: ClassVar[
        OptionalMatcherOf[
            TicketMergedPreviousPattern,
            TicketMergedPrevious,
        ]
    ] = any_()
