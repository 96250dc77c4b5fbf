"""Regular expressions on texts by strangers: Python's ``re`` as long as its cost is bounded, an automaton beyond.

``re`` goes back and tries again: each repetition multiplies the ways to read a text. An expression's ways are counted
from its form, too high rather than too low; up to the length of text at which they reach a million, ``re`` decides,
beyond it an automaton (``languages``) in linear time, with the same answer. Look-around, back-references and possessive
repetitions are beyond automata, as is what is too large: then a longer text is refused, and an expression that could
explode is refused at once (``why_unbounded``). This file knows nothing of patterns.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from mega_typed.languages import UNBOUNDED, Expression, TooMuchWork, parsed

__all__ = ["BoundedMatch", "TextTooLong", "bounded", "why_unbounded"]

_WAYS: Final = 10**6
"""Ways to read a text that ``re`` may try where an automaton can take over."""
_WAYS_ALONE: Final = 10**8
"""The same where none can."""


_FEW: Final = 10
"""Repetitions that are counted one by one."""
_LONG: Final = 1000
"""Characters of a literal start."""


class TextTooLong(Exception):  # noqa: N818 - a pattern cannot be evaluated; its subscriber hears of it as of a predicate
    """An expression that no automaton can take over would cost too much on a text of this length."""


class _Ways(NamedTuple):
    """How many ways there are to read a text of n characters: ``factor * n ** degree``; more for ``None``.

    The same again where a repetition with an upper bound counts as one without: ``choices * n ** repetitions``. The
    lower one holds, for a text cannot be divided more often than it has characters.
    """

    degree: int | None = 0
    factor: int = 1
    repetitions: int = 0
    choices: int = 1

    def __mul__(self, other: object) -> _Ways:
        of = cast("_Ways", other)
        degree = None if self.degree is None or of.degree is None else self.degree + of.degree
        return _Ways(degree, self.factor * of.factor, self.repetitions + of.repetitions, self.choices * of.choices)

    def longest(self, ways: int) -> int:
        """The longest text that has no more ways than these."""
        if self.degree is None:
            return 0
        return max(_longest(ways, self.degree, self.factor), _longest(ways, self.repetitions, self.choices))


def _longest(ways: int, degree: int, factor: int) -> int:
    if factor > ways:
        return 0
    return UNBOUNDED if degree == 0 else int((ways / factor) ** (1 / degree))


class BoundedMatch:
    """``re.match`` with a bound on its cost.

    Args:
        regex: a compiled expression.

    Attributes:
        longest: the length of the longest text that ``re`` is trusted with; ``alone`` where no automaton takes over.
        start: a text with which everything begins that matches; often an empty one.
    """

    __slots__ = ("_language", "_match", "alone", "longest", "regex", "start")

    def __init__(self, regex: re.Pattern[str]) -> None:
        parts = parsed(regex)
        ways, automatic = _ways(parts)
        self.start = _start(parts, regex.flags)[0]
        self.regex = regex
        self.alone = ways.longest(_WAYS_ALONE)
        self.longest = ways.longest(_WAYS) if automatic else self.alone
        self._match = regex.match
        self._language: Expression | None = None

    def __call__(self, text: str) -> bool:
        """Whether the expression matches at the start of a text.

        Raises:
            TextTooLong: ``re`` is not trusted with it, and an automaton cannot be made or has too much to do.
        """
        if len(text) <= self.longest:
            return self._match(text) is not None
        if self._language is None:
            self._language = Expression(self.regex)
        if self._language.exact:
            try:
                return self._language.matches(text)
            except TooMuchWork as error:
                raise self._too_long(text) from error
        if len(text) <= self.alone:
            return self._match(text) is not None
        raise self._too_long(text)

    def _too_long(self, text: str) -> TextTooLong:
        return TextTooLong(
            f"{self.regex.pattern!r} would cost too much on a text of {len(text)} characters; write it "
            "without look-around, back-reference, possessive and large repetitions, or use a function"
        )


bounded = lru_cache(maxsize=16_384)(BoundedMatch)
"""The ``BoundedMatch`` of an expression, remembered: reading an expression costs more than a match."""


def _start(parts: Any, flags: int) -> tuple[str, bool]:
    """The literal start of a sequence, and whether it is all of it."""
    text = ""
    for code, argument in parts:
        literal, whole = _literal(str(code), argument, flags)
        text += literal
        if not whole:
            return text, False
    return text, True


def _literal(code: str, argument: Any, flags: int) -> tuple[str, bool]:
    match code:
        case "LITERAL" if not flags & re.IGNORECASE:
            return chr(argument), True
        case "AT":
            return "", True
        case "SUBPATTERN":
            _, added, removed, inner = argument
            return _start(inner, (flags | added) & ~removed)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, inner = argument
            text, whole = _start(inner, flags) if low else ("", False)
            return (text * low, high == low) if whole and len(text) * low <= _LONG else (text, False)
        case _:
            return "", False


def why_unbounded(regex: re.Pattern[str]) -> str | None:
    """Why the cost of an expression cannot be bounded; ``None`` where it can."""
    ways, automatic = _ways(parsed(regex))
    if ways.degree is not None or (automatic and Expression(regex).exact):
        return None
    return (
        "a repetition within a repetition can take for ever on a text by a stranger, and with look-around, "
        "back-references, possessive or very large repetitions its cost cannot be bounded; "
        "write it without one of them, or use a function"
    )


def _ways(parts: Any) -> tuple[_Ways, bool]:
    """The ways to read a text, and whether an automaton can be made."""
    total, automatic = _Ways(), True
    for code, argument in parts:
        ways, possible = _part(str(code), argument)
        total *= ways
        automatic = automatic and possible
    return total, automatic


def _part(code: str, argument: Any) -> tuple[_Ways, bool]:
    match code:
        case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN" | "AT":
            return _Ways(), True
        case "SUBPATTERN":
            return _ways(argument[3])
        case "BRANCH":
            branches = [_ways(branch) for branch in argument[1]]
            return _either([ways for ways, _ in branches]), all(possible for _, possible in branches)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, inner = argument
            ways, possible = _ways(inner)
            return _repeated(ways, low, high), possible and code != "POSSESSIVE_REPEAT"
        case "ATOMIC_GROUP":
            return _ways(argument)[0], False
        case "ASSERT" | "ASSERT_NOT":
            return _ways(argument[1])[0], False
        case "GROUPREF_EXISTS":
            return _either([_ways(branch or ())[0] for branch in argument[1:]]), False
        case _:
            return _Ways(1, 1, 1), False


def _either(branches: list[_Ways]) -> _Ways:
    return _all(branches, len(branches))


def _all(parts: list[_Ways], outcomes: int) -> _Ways:
    """All of the parts, and one of so many outcomes beside them."""
    total = _Ways(0, outcomes, 0, outcomes)
    for each in parts:
        total *= each
    return total


def _repeated(inner: _Ways, low: int, high: int) -> _Ways:
    span = high - low + 1
    if high <= 1:
        return inner * _Ways(0, span, 0, span)
    if inner != _Ways():
        return _all([inner] * high, span) if high <= _FEW and inner.degree is not None else _Ways(None)
    if high >= UNBOUNDED:
        return _Ways(1, 1, 1)
    return _Ways(0, span, int(span > 1))
