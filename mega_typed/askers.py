"""Which of the untyped event subscribers ask for an event, and which of those match it.

Their patterns are decided in two steps, because an event that nobody asks for is not read beyond its identity: first
domain, name and version, then the rest. The answer to the first step is remembered for each identity. Strangers choose
identities, so what is remembered is bounded in number and in size: identities of usual length, and for each of them a
few numbers, or that there are many. A few are then asked one by one, many by an index over both steps at once.

This file knows identities and conditions, and no subscriber.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mega_typed.compiled import Test, conjunction, piece_of
from mega_typed.conditions import Condition
from mega_typed.index import Failures, Growing, Numbers, cause_of
from mega_typed.payload import EventType

_FEW: Final = 8
_MANY: Final[Numbers] = range(_FEW + 1)
"""Stands for more than a few, whichever they are."""
_REMEMBERED: Final = 1024
_LENGTH: Final = 128  # of domain and of name; a longer identity is looked up each time, as is one with another version
_VERSIONS: Final = range(2**31)


class Askers:
    """Numbered pairs of conditions: over the identity of an event, and over its other parts.

    Args:
        parts_of: makes the identity and the other parts of a payload, by the names that the conditions have for them.
    """

    __slots__ = ("_identities", "_parts", "_parts_of", "_predicates", "_remembered", "_size", "_tests", "_whole")

    def __init__(self, parts_of: Callable[[Any], dict[str, Any]]) -> None:
        self._parts_of = parts_of
        self._size = 0
        self._predicates = False
        self._identities = Growing()
        self._whole = Growing()
        self._parts: dict[int, Condition] = {}
        self._tests: dict[int, Test] = {}
        self._remembered: tuple[int, dict[EventType, Numbers], Callable[[object], Numbers]] = (-1, {}, _nobody)

    def add(self, number: int, identity: Condition, parts: Condition) -> None:
        """Add a pair; its number is greater than those before it."""
        if parts.plain or parts.calling:
            self._parts[number] = parts
        self._predicates = self._predicates or bool(identity.calling)
        self._whole.add(number, Condition((*identity.plain, *parts.plain), parts.calling, conversions=True))
        self._identities.add(number, identity)
        self._size += 1

    def asking(self, identity: EventType) -> tuple[Numbers, Failures]:
        """Who asks for an identity, to be handed to ``matching``, and whose predicate over it failed."""
        size, remembered, select = self._remembered
        if size != self._size:
            index, remembered = self._identities.index(), {}
            select = index.select
            self._remembered = index.size, remembered, select
        numbers = remembered.get(identity)
        if numbers is None:
            domain, name, version = identity
            found = select({"domain": domain, "name": name, "version": version})
            numbers = _MANY if len(found) > _FEW else tuple(found)
            if len(name) <= _LENGTH and version in _VERSIONS and (domain is None or len(domain) <= _LENGTH):
                if len(remembered) >= _REMEMBERED:
                    remembered.clear()
                remembered[identity] = numbers
        return (numbers, ()) if not self._predicates else self._called(identity, numbers)

    def _called(self, identity: EventType, numbers: Numbers) -> tuple[Numbers, Failures]:
        """Those of them whose predicates hold as well."""
        index, root = self._identities.index(), identity._asdict()
        return index.matching(root) if numbers is _MANY else index.called(numbers, root)

    def matching(self, asking: Numbers, payload: object) -> tuple[Numbers, Failures]:
        """Those who ask and whose other patterns match as well, in order, and those whose predicate failed.

        Args:
            asking: what ``asking`` returned for the identity.
            payload: the event.
        """
        if asking is _MANY:
            return self._whole.index().matching(self._parts_of(payload))
        if len(asking) > _FEW:
            return self._among(asking, self._parts_of(payload))
        for number in asking:
            if number in self._parts:
                return self._asked(asking, self._parts_of(payload))
        return asking, ()

    def _asked(self, asking: Numbers, root: dict[str, Any]) -> tuple[Numbers, Failures]:
        """A few, one by one."""
        found: list[int] = []
        failures: list[tuple[int, BaseException]] = []
        for number in asking:
            parts = self._parts.get(number)
            if parts is None:
                found.append(number)
                continue
            test = self._tests.get(number)
            if test is None:
                test = self._tests[number] = conjunction(
                    (path, piece_of(pattern, parts.conversions)) for path, pattern in parts.plain
                )
            try:
                try:
                    met = test(root)
                except Exception:  # which leaf failed says nothing yet: the meaning decides
                    met = parts.holds(root)
                else:
                    met = met and (not parts.calling or parts.calls(root))
            except Exception as error:
                failures.append((number, cause_of(error)))
            else:
                found += [number] if met else []
        return found, failures

    def _among(self, asking: Numbers, root: dict[str, Any]) -> tuple[Numbers, Failures]:
        """Many, some of whom have said by a predicate whether they ask."""
        index = self._whole.index()
        try:
            plain = set(asking).intersection(index.select(root))
        except Exception:
            return self._asked(asking, root)
        return index.called(sorted(plain), root)


def _nobody(identity: object) -> Numbers:
    return ()
