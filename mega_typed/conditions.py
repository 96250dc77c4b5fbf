"""What a subscriber requires, as a flat conjunction of leaves, and the order in which they are decided.

A leaf is a path and a pattern. A partial mapping becomes the leaves of its keys, ``and_`` those of its parts, so that
an index can look at each of them alone. ``Condition.holds`` is the meaning: slow, obvious, and made of nothing but
``match.matches``. ``test_of`` turns a pattern into a closure for speed; a closure decides the usual exact types itself,
and asks ``matches`` about every other value, so that there is one implementation of the meaning.

Leaves that run code of the subscriber's author come last (PATTERNS.md, section 8): a predicate is called only for what
everything else lets through, and so it does not matter in which order an index has looked at the rest.

This file knows patterns and values; it knows no event, no subscriber and no index.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias, cast
from uuid import UUID

from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from mega_typed.match import Pattern, PredicateFailed, ends, is_nan, is_predicate, matches
from mega_typed.regexes import bounded
from pydantic import BaseModel

Path: TypeAlias = tuple[object, ...]
Test: TypeAlias = Callable[[Any], bool]


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

    def test(self) -> Test:
        """A closure that says whether the plain leaves hold."""
        return conjunction([(path, test_of(pattern, self.conversions)) for path, pattern in self.plain])

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


def value_at(root: Any, path: Path) -> Any:
    """What a path leads to; ``None`` where there is nothing."""
    for key in path:
        root = _field(root, key)
    return root


def reader(path: Path) -> Callable[[Any], Any]:
    """``value_at`` for one path."""
    if len(path) == 1:
        return _shallow_reader(*path)
    return _deep_reader(path, _MODELS) if path else lambda root: root


def _shallow_reader(key: object) -> Callable[[Any], Any]:
    def read(root: Any) -> Any:
        return root.get(key) if type(root) is dict else _field(root, key)

    return read


def _deep_reader(path: Path, models: set[type]) -> Callable[[Any], Any]:
    def read(root: Any) -> Any:
        for key in path:
            kind = type(root)
            if kind is dict:
                root = root.get(key)
            elif kind in models:
                root = root.__dict__.get(key)
            else:
                root = _field(root, key)
        return root

    return read


def fields_reader(path: Path) -> Callable[[Any], Mapping[object, Any]]:
    """The fields of what a path leads to."""
    models = _MODELS
    if not path:
        return _own_fields

    def read(root: Any) -> Mapping[object, Any]:
        for key in path:
            value: Any = root.get(key) if type(root) is dict else _field(root, key)
            kind = type(value)
            root = value if kind is dict else value.__dict__ if kind in models else fields_of(value)
        return cast("Mapping[object, Any]", root)

    return read


def _own_fields(root: Any) -> Mapping[object, Any]:
    return root if type(root) is dict else fields_of(root)


def _field(value: Any, key: object) -> Any:
    if type(value) is dict:
        return value.get(key)
    return fields_of(value).get(key)


def fields_of(value: Any) -> Mapping[object, Any]:
    """The fields of an object; none for what has no fields."""
    if type(value) in _MODELS:
        return cast("Mapping[object, Any]", value.__dict__)
    if value is None or type(value) is str:
        return _NO_FIELDS
    if isinstance(value, BaseModel):
        if len(_MODELS) >= _MAX_MODELS:
            _MODELS.clear()
        _MODELS.add(type(value))
        return cast("Mapping[object, Any]", value.__dict__)
    return cast("Mapping[object, Any]", value) if isinstance(value, Mapping) else _NO_FIELDS


_NO_FIELDS: Final[Mapping[object, Any]] = {}
_MODELS: Final[set[type]] = set()
"""Classes that are known to be models: asking pydantic costs more than all the rest."""
_MAX_MODELS: Final = 4096

_PLAIN_EQUALITY: Final = {
    kind.__eq__
    for kind in (
        object, bool, int, float, str, bytes, Decimal, UUID, date, datetime, timedelta, time_of_day, ObjectId,
        Decimal128,
    )
}  # fmt: skip


def _runs_code(pattern: object) -> bool:
    """Whether deciding a pattern runs code of the author's: a function, a class with its own ``==``."""
    return any(
        is_predicate(end) or (type(end).__eq__ not in _PLAIN_EQUALITY and not isinstance(end, re.Pattern))
        for end in ends(pattern)
    )


def conjunction(tests: Sequence[tuple[Path, Test]]) -> Test:
    """A closure that says whether all tests of values at paths hold; a common part of paths is read once."""
    here = [test for path, test in tests if not path]
    below: dict[object, list[tuple[Path, Test]]] = {}
    for path, test in tests:
        if path:
            below.setdefault(path[0], []).append((path[1:], test))
    if below:
        here.append(_of_fields([(key, conjunction(inner)) for key, inner in below.items()]))
    if not here:
        return _anything
    return here[0] if len(here) == 1 else partial(_all_hold, tuple(here))


def _anything(value: Any) -> bool:
    return True


def _of_fields(tests: Sequence[tuple[object, Test]]) -> Test:
    if len(tests) == 1:
        ((key, below),) = tests

        # a default is one object fewer than a cell: of ten thousand closures the one that is called is not in a cache
        def only(value: Any, key: object = key, test: Test = below) -> bool:
            return test(value.get(key) if type(value) is dict else _field(value, key))

        return only
    tests = tuple(tests)

    def hold(value: Any) -> bool:
        fields = value if type(value) is dict else fields_of(value)
        for key, test in tests:  # noqa: SIM110 - a generator costs more than what it runs
            if not test(fields.get(key)):
                return False
        return True

    return hold


def _all_hold(tests: tuple[Test, ...], value: Any) -> bool:
    for test in tests:  # noqa: SIM110
        if not test(value):
            return False
    return True


# --- closures: each equals `matches` for every value whatsoever -------------------------------------------------------

_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def test_of(pattern: object, conversions: bool) -> Test:
    """A closure that equals ``matches(pattern, value, conversions=conversions)`` for every value."""
    slow: Test = partial(_untyped if conversions else matches, pattern)
    if not isinstance(pattern, Pattern):
        return _equality(pattern, slow, conversions)
    make = _CLOSURES.get(pattern.operator)
    return slow if make is None else make(pattern.operands, slow, conversions)


def _untyped(pattern: object, value: object) -> bool:
    return matches(pattern, value, conversions=True)


def _is_number(operand: object) -> bool:
    return type(operand) in (int, float, Decimal) and not is_nan(operand)


def _equality(operand: Any, slow: Test, conversions: bool) -> Test:
    if type(operand) is str:
        return lambda value: value == operand if type(value) is str else slow(value)
    if _is_number(operand):
        return lambda value: value == operand if type(value) is int else slow(value)
    if type(operand) is UUID:
        return lambda value: value == operand if type(value) is UUID else slow(value)
    return slow


def _order(holds: Callable[[Any, Any], bool], operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    (bound,) = operands
    if not _is_number(bound):
        return slow
    return lambda value: holds(value, bound) if type(value) is int else slow(value)


def _between(operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    low, high = operands
    if not (_is_number(low) and _is_number(high)):
        return slow
    return lambda value: low <= value <= high if type(value) is int else slow(value)


def _membership(operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    if all(type(option) is str for option in operands):
        texts = frozenset(operands)
        return lambda value: value in texts if type(value) is str else slow(value)
    if all(map(_is_number, operands)) and not {float, Decimal} <= set(map(type, operands)):
        numbers = frozenset(operands)
        return lambda value: value in numbers if type(value) is int else slow(value)
    return _any_of(operands, slow, conversions)


def _regex(operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    (regex,) = operands
    if not isinstance(regex, re.Pattern) or not isinstance(regex.pattern, str):
        return slow

    def matched(
        value: Any,
        match: Callable[[str], object] = regex.match,
        longest: float = bounded(regex).longest,
        slow: Test = slow,
    ) -> bool:
        return match(value) is not None if type(value) is str and len(value) <= longest else slow(value)

    return matched


def _text(holds: Callable[[str, str], bool], operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    (text,) = operands
    if type(text) is not str:
        return slow
    return lambda value: holds(value, text) if type(value) is str else slow(value)


def _negation(operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    inner = test_of(operands[0], conversions)
    return lambda value: value is not None and not inner(value)


def _any_of(operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    tests = tuple(test_of(part, conversions) for part in operands)

    def holds(value: Any) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than what it runs
            if test(value):
                return True
        return False

    return holds


def _all_of(operands: Sequence[Any], slow: Test, conversions: bool) -> Test:
    return partial(_all_hold, tuple(test_of(part, conversions) for part in operands))


_CLOSURES: Final[dict[str, Callable[[Sequence[Any], Test, bool], Test]]] = {
    "eq": _any_of,
    "in": _membership,
    "or": _any_of,
    "and": _all_of,
    "not": _negation,
    "between": _between,
    "match": _regex,
    "prefix": partial(_text, str.startswith),
    "suffix": partial(_text, str.endswith),
    **{name: partial(_order, holds) for name, holds in _ORDERS.items()},
}
