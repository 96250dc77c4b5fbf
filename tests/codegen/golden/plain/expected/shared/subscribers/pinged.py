"""Subscribers of pinged, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..pinged import Pinged


class PingedAttributes(TypedDict, total=False):
    """Pattern of the attributes of Pinged."""


class PingedSubscriber(EventSubscriber[Pinged]):
    """Receives pinged, version 1."""

    domain: ClassVar[None] = None
    name: ClassVar[Literal["pinged"]] = "pinged"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[PingedAttributes] = {}
    object_type: ClassVar[OptionalMatcher[str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[
        OptionalMatcherOf[
            dict[str, OptionalMatcher[Any]],
            dict[str, Any],
        ]
    ] = any_()
    object_previous: ClassVar[
        OptionalMatcherOf[
            dict[str, OptionalMatcher[Any]],
            dict[str, Any],
        ]
    ] = any_()
