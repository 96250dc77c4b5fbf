"""What a subscriber requires, as a flat conjunction of leaves, and the order in which they are decided.

A leaf is a path and a pattern. A partial mapping becomes the leaves of its keys, ``and_`` those of its parts, so that
an index can look at each of them alone. ``Condition.holds`` is the meaning: slow, obvious, and made of nothing but
``match.matches``; ``compiled`` makes functions of leaves for speed.

Leaves that run code of the subscriber's author come last (PATTERNS.md, section 8): a predicate is called only for what
everything else lets through, and so it does not matter in which order an index has looked at the rest.

This file knows patterns and values; it knows no event, no subscriber and no index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Final, NamedTuple, cast
from uuid import UUID

from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from mega_typed.fields import Path, value_at
from mega_typed.match import Pattern, PredicateFailed, ends, is_predicate, matches


class Leaf(NamedTuple):
    """One requirement: the value at ``path``, ``None`` where there is none, matches ``pattern``."""

    path: Path
    pattern: object


class Condition(NamedTuple):
    """All that a subscriber requires of a payload.

    Attributes:
        plain: the leaves that run no code of the subscriber's author, in the order of declaration.
        calling: the others, which are decided when all of those hold.
        conversions: the untyped reading.
    """

    plain: tuple[Leaf, ...]
    calling: tuple[Leaf, ...]
    conversions: bool

    def holds(self, root: object) -> bool:
        """Whether a payload meets the condition: the meaning. Raises whatever ``matches`` raises."""
        return self._plain_hold(root) and self._hold(self.calling, root)

    def calls(self, root: object) -> bool:
        """The same for a payload of which it is known that the plain leaves hold."""
        return self._hold(self.calling, root)

    def _plain_hold(self, root: object) -> bool:
        """Whether the plain leaves hold; one that cannot be decided counts only if all others do."""
        undecided: PredicateFailed | None = None
        for leaf in self.plain:
            try:
                if not self._hold((leaf,), root):
                    return False
            except PredicateFailed as error:
                undecided = undecided or error
        if undecided is not None:
            raise undecided
        return True

    def _hold(self, leaves: tuple[Leaf, ...], root: object) -> bool:
        return all(matches(pattern, value_at(root, path), conversions=self.conversions) for path, pattern in leaves)


def condition(required: Iterable[tuple[Path, object]], *, conversions: bool) -> Condition:
    """The condition of patterns at paths; each pattern may be a tree."""
    plain: list[Leaf] = []
    calling: list[Leaf] = []
    for path, pattern in required:
        for leaf in leaves_of(pattern, path):
            (calling if _runs_code(leaf.pattern) else plain).append(leaf)
    return Condition(tuple(plain), tuple(calling), conversions)


def leaves_of(pattern: object, path: Path = ()) -> Iterator[Leaf]:
    """The leaves of a pattern, from left to right. Together they match what the pattern matches."""
    if isinstance(pattern, Pattern):
        if pattern.operator == "any":
            return
        if pattern.operator == "and" or (pattern.operator in ("eq", "in", "or") and len(pattern.operands) == 1):
            for part in pattern.operands:
                yield from leaves_of(part, path)
            return
    elif isinstance(pattern, Mapping):
        fields = cast("Mapping[object, object]", pattern)
        inner = [leaf for key, expected in fields.items() for leaf in leaves_of(expected, (*path, key))]
        if all(matches(each, None) for _, each in inner):  # else a leaf below says that there is a mapping
            yield Leaf(path, {})
        yield from inner
        return
    yield Leaf(path, pattern)


_PLAIN_EQUALITY: Final = {
    kind.__eq__
    for kind in (
        object, type(None), bool, int, float, str, bytes, Decimal, UUID, date, datetime, timedelta, time_of_day,
        ObjectId, Decimal128,
    )
}  # fmt: skip


def _runs_code(pattern: object) -> bool:
    """Whether deciding a pattern runs code of the author's: a function, a class with its own ``==``."""
    return any(
        is_predicate(end) or (type(end).__eq__ not in _PLAIN_EQUALITY and not isinstance(end, re.Pattern))
        for end in ends(pattern)
    )
