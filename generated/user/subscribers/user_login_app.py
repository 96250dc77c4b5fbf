"""Subscribers of user user.login.app, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, MatcherOf, OptionalMatcher, any_

from ..logins import Device
from ..user_login_app import UserLoginApp
from .logins import DevicePattern


class UserLoginAppAttributes(TypedDict, total=False):
    """Pattern of the attributes of UserLoginApp."""

    device: MatcherOf[DevicePattern, Device]
    app_version: Matcher[str]


class UserLoginAppSubscriber(EventSubscriber[UserLoginApp]):
    """Receives user user.login.app, version 1."""

    domain: ClassVar[Literal["user"]] = "user"
    name: ClassVar[Literal["user.login.app"]] = "user.login.app"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[UserLoginAppAttributes] = {}
