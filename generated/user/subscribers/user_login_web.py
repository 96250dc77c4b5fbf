"""Subscribers of user user.login.web, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, any_

from ..user_login_web import UserLoginWeb


class UserLoginWebAttributes(TypedDict, total=False):
    """Pattern of the attributes of UserLoginWeb."""

    ip_address: Matcher[str]
    user_agent: OptionalMatcher[str]
    two_factor: OptionalMatcher[bool]


class UserLoginWebSubscriber(EventSubscriber[UserLoginWeb]):
    """Receives user user.login.web, version 1."""

    domain: ClassVar[Literal["user"]] = "user"
    name: ClassVar[Literal["user.login.web"]] = "user.login.web"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[UserLoginWebAttributes] = {}
