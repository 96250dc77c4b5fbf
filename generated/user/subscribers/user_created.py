"""Subscribers of user user.created, version 1."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import (
    Matcher,
    MatcherOf,
    OptionalMatcher,
    OptionalMatcherOf,
    any_,
)

from ..user_created import UserCreated


class UserCreatedAttributes(TypedDict, total=False):
    """Pattern of the attributes of UserCreated."""

    username: Matcher[str]
    name: OptionalMatcher[str]
    class_: MatcherOf[Literal["member", "staff", "guest"], str]
    email: OptionalMatcher[str]
    birth_date: OptionalMatcher[date]
    preferences: OptionalMatcherOf[dict[str, OptionalMatcher[bool]], dict[str, bool]]


class UserCreatedSubscriber(EventSubscriber[UserCreated]):
    """Receives user user.created, version 1."""

    domain: ClassVar[Literal["user"]] = "user"
    name: ClassVar[Literal["user.created"]] = "user.created"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[UserCreatedAttributes] = {}
