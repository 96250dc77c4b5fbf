"""Subscribers of desk ticket.moved, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..ticket import Ticket
from ..ticket_moved import TicketMoved
from .ticket import TicketPattern


class TicketMovedAttributes(TypedDict, total=False):
    """Pattern of the attributes of TicketMoved."""


class TicketMovedSubscriber(EventSubscriber[TicketMoved]):
    """Receives desk ticket.moved, version 1."""

    domain: ClassVar[Literal["desk"]] = "desk"
    name: ClassVar[Literal["ticket.moved"]] = "ticket.moved"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[TicketMovedAttributes] = {}
    object_type: ClassVar[OptionalMatcher[str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[TicketPattern, Ticket]] = any_()
    object_previous: ClassVar[
        OptionalMatcherOf[
            dict[str, OptionalMatcher[Any]],
            dict[str, Any],
        ]
    ] = any_()
