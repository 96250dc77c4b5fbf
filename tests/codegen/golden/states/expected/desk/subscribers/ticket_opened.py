"""Subscribers of desk ticket.opened, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..ticket import Ticket
from ..ticket_opened import TicketOpened
from .ticket import TicketPattern


class TicketOpenedAttributes(TypedDict, total=False):
    """Pattern of the attributes of TicketOpened."""


class TicketOpenedSubscriber(EventSubscriber[TicketOpened]):
    """Receives desk ticket.opened, version 1."""

    domain: ClassVar[Literal["desk"]] = "desk"
    name: ClassVar[Literal["ticket.opened"]] = "ticket.opened"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[TicketOpenedAttributes] = {}
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
