"""Patterns of user: Device."""

from __future__ import annotations

from typing import TypedDict

from mega_typed.match import Matcher, OptionalMatcher


class DevicePattern(TypedDict, total=False):
    """Pattern of Device."""

    model: Matcher[str]
    os_version: OptionalMatcher[str]
