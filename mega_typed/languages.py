"""Sets of strings as automata: what a regular expression, a prefix, an order on text or a caseless equality admit.

Two questions are answered here. Whether a text matches an expression, in time that grows with the text and not faster
(``Expression.matches``); and whether any text at all satisfies several conditions at once (``any_text``), which
``possible`` asks when a subscriber is defined.

An automaton is stepped lazily: a state is made when a text leads to it, so that nothing explodes that no text reaches.
Characters between two *cuts* behave alike. Expressions are read by Python's own parser, so that they mean here what
they mean to ``re``; what no automaton can say (look-around, back-references) is left out, which makes the set larger
and ``exact`` false. This file knows nothing of patterns and schemas.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise, starmap
from typing import Any, Final, NamedTuple, Protocol

__all__ = ["UNBOUNDED", "Expression", "Folded", "Language", "Order", "TooMuchWork", "any_text", "parsed", "sample"]

_LAST: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)
_STATES: Final = 3000
"""The largest automaton that is built; repetitions are copied."""
_REMEMBERED: Final = 100_000
"""Threads in the states that an expression remembers."""
_THREADS: Final = 1_000_000
"""Threads that ``Expression.matches`` moves for one text before it gives up; what it remembers moves none."""
_STEPS: Final = 30_000
"""Steps after which ``any_text`` gives up and answers yes."""

Ranges = tuple[tuple[int, int], ...]
State = Hashable
Kind = Hashable


class Language(Protocol):
    """A set of strings.

    Attributes:
        exact: whether it is this set; else a larger one that contains it.
        cuts: code points at which another kind of character begins.
        start: the state before the first character.
    """

    exact: bool
    cuts: Sequence[int]
    start: State

    def kind(self, point: int) -> Kind:
        """What this language sees of a character."""
        ...

    def step(self, state: State, kind: Kind) -> State | None:
        """The state after a character; ``None`` when no continuation is in the language."""
        ...

    def accepts(self, state: State) -> bool:
        """Whether the text that led to this state is in the language."""
        ...


# --- sets of characters -----------------------------------------------------------------------------------------------


def _ranges(points: Iterable[int]) -> Ranges:
    found: list[tuple[int, int]] = []
    for point in points:
        if found and found[-1][1] == point - 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return tuple(found)


def _joined(parts: Iterable[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(parts):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def _others(ranges: Ranges) -> Ranges:
    edges = [(-1, -1), *ranges, (_LAST + 1, _LAST + 1)]
    return tuple((a[1] + 1, b[0] - 1) for a, b in pairwise(edges) if a[1] + 1 <= b[0] - 1)


_EVERYTHING: Final[Ranges] = ((0, _LAST),)
_NEWLINE: Final[Ranges] = ((10, 10),)


@cache
def _category(name: str, ascii_only: bool) -> Ranges:
    test = _CATEGORIES[name]
    return _ranges(point for point in range(128 if ascii_only else _LAST + 1) if test(chr(point)))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CATEGORIES: Final[dict[str, Callable[[str], bool]]] = {
    "DIGIT": str.isdecimal,
    "SPACE": str.isspace,
    "WORD": _is_word,
}


@cache
def _variants(ascii_only: bool) -> dict[int, set[int]]:
    """Every character that has a case, with all those that are the same to ``re`` when case does not matter."""
    lower, more = (_sre.ascii_tolower, {}) if ascii_only else (_sre.unicode_tolower, _extra_cases)
    spelled: dict[int, set[int]] = {small: {small} for small in more}
    for point in range(128 if ascii_only else _LAST + 1):
        small = lower(point)
        if small != point:
            spelled.setdefault(small, {small}).add(point)
    return {
        point: points.union(*(spelled[other] for other in more.get(small, ())))
        for small, points in spelled.items()
        for point in points
    }


@lru_cache(maxsize=256)
def _caseless(ranges: Ranges, ascii_only: bool) -> Ranges:
    variants = _variants(ascii_only)
    if sum(high - low + 1 for low, high in ranges) < len(variants):
        own = (point for low, high in ranges for point in range(low, high + 1))
    else:
        own = (point for point in variants if _within(ranges, point))
    return _joined([*ranges, *((other, other) for point in own for other in variants.get(point, ()))])


def _within(ranges: Ranges, point: int) -> bool:
    index = bisect_right(ranges, (point, _LAST + 1)) - 1
    return index >= 0 and ranges[index][1] >= point


# --- regular expressions ----------------------------------------------------------------------------------------------

_parser: Any = import_module("re._parser")
"""Python's own reader of expressions: private, and the same in all versions that are supported (the tests hold it)."""

_sre: Any = import_module("_sre")
_extra_cases: dict[int, tuple[int, ...]] = import_module("re._casefix")._EXTRA_CASES  # noqa: SLF001
"""What it knows of case, which is neither ``str.lower`` nor ``str.casefold``."""

UNBOUNDED: Final[int] = int(_parser.MAXREPEAT)
"""The upper bound of a repetition without one."""


def parsed(regex: re.Pattern[str]) -> Any:
    """The parts of an expression, each a code and its argument, as ``re`` itself reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whatever there is to warn of was said when it was compiled
        return _parser.parse(regex.pattern, regex.flags)


class TooMuchWork(Exception):  # noqa: N818 - whoever asked knows what it means that a text cannot be decided
    """An automaton with many states was led to ever new sets of them."""


class _TooLarge(Exception):  # noqa: N818 - it steers the building and leaves this file never
    """The automaton would be too large."""


class _Seen(NamedTuple):
    """What an expression sees of a character: the sets that it is in, and what assertions ask."""

    sets: frozenset[int]
    words: tuple[bool, ...]
    newline: bool


class _At(NamedTuple):
    """A place in a text: the threads that got there, and what stands before it."""

    threads: frozenset[tuple[int, int]]
    beginning: bool
    words: tuple[bool, ...]
    newline: bool


_FREE, _BEFORE_NEWLINE, _ENDED = range(3)
"""What a thread demands of the rest of the text: nothing, that it is one line feed, that it is empty."""

_MATCHED: Final = "matched"


class Expression:
    """The texts that a regular expression matches, as ``re.match`` or ``re.search`` would: at the start, or anywhere.

    Args:
        regex: a compiled expression.
        search: match anywhere.
        strict_end: ``$`` matches at the very end only, not before a final line feed.
    """

    def __init__(self, regex: re.Pattern[str], *, search: bool = False, strict_end: bool = False) -> None:
        self.exact = True
        self._strict_end = strict_end
        self._edges: list[list[tuple[str, Any, int]]] = [[]]
        self._sets: list[Ranges] = []
        self._words: list[bool] = []
        """The ideas of a word whose ends the expression asks for: whether it is ASCII's."""
        try:
            first = self._add(0, "set", self._set(_EVERYTHING), 0) if search else 0
            self._final = self._sequence(parsed(regex), first, regex.flags)
        except (_TooLarge, RecursionError):
            self.exact = False
            self._edges, self._final = [[]], 0
        words = [_category("WORD", ascii_only) for ascii_only in self._words]
        limits = {
            edge for ranges in (*self._sets, _NEWLINE, *words) for low, high in ranges for edge in (low, high + 1)
        }
        self.cuts: Sequence[int] = sorted(limits)
        self.start: State = _At(frozenset({(0, _FREE)}), True, (False,) * len(words), False)
        self._kinds: dict[str, _Seen] = {}
        self._known: dict[tuple[State, Kind], State | None] = {}
        self._remembered = 0

    def matches(self, text: str) -> bool:
        """Whether a text is in the language, in time that is linear in its length.

        Raises:
            TooMuchWork: the text would move more than a million threads.
        """
        moved = 0
        state: State | None = self.start
        for character in text:
            kind = self._kinds.get(character)
            if kind is None:
                if len(self._kinds) >= _STATES:
                    self._kinds.clear()
                kind = self._kinds[character] = self.kind(ord(character))
            here = (state, kind)
            state = self._known.get(here, _UNKNOWN)
            if state is _UNKNOWN:
                state = self._known[here] = self.step(here[0], kind)
                threads = len(state.threads) if isinstance(state, _At) else 1
                moved += threads
                self._remembered += 1 + threads
                if moved > _THREADS:
                    raise TooMuchWork
                if self._remembered > _REMEMBERED:
                    self._known.clear()
                    self._remembered = 0
            if state is None or state is _MATCHED:
                return state is _MATCHED
        return self.accepts(state)

    def kind(self, point: int) -> _Seen:
        """The sets of the expression that a character is in."""
        sets = frozenset(index for index, ranges in enumerate(self._sets) if _within(ranges, point))
        words = tuple(_within(_category("WORD", ascii_only), point) for ascii_only in self._words)
        return _Seen(sets, words, point == 10)

    def step(self, state: State, kind: Kind) -> State | None:
        """All threads moved by one character."""
        if state is _MATCHED:
            return state
        assert isinstance(state, _At)
        assert isinstance(kind, _Seen)
        moved: set[tuple[int, int]] = set()
        for node, demand in self._closure(state, kind):
            if demand == _ENDED or (demand == _BEFORE_NEWLINE and not kind.newline):
                continue
            after = _FREE if demand == _FREE else _ENDED
            if node == self._final:
                if after == _FREE:
                    return _MATCHED
                moved.add((node, after))
            moved.update((to, after) for how, what, to in self._edges[node] if how == "set" and what in kind.sets)
        return _At(frozenset(moved), False, kind.words, kind.newline) if moved else None

    def accepts(self, state: State) -> bool:
        """Whether a thread has come to the end of the expression."""
        if state is _MATCHED:
            return True
        assert isinstance(state, _At)
        return any(node == self._final for node, _ in self._closure(state, None))

    def _closure(self, at: _At, following: _Seen | None) -> set[tuple[int, int]]:
        """The threads, and all that they reach without a character; ``None`` follows at the end of the text."""
        found = set(at.threads)
        stack = list(found)
        while stack:
            node, demand = stack.pop()
            for how, what, to in self._edges[node]:
                if how == "set":
                    continue
                after: int | None = demand if how == "empty" else self._holds(what, at, following, demand)
                if after is not None and (to, after) not in found:
                    found.add((to, after))
                    stack.append((to, after))
        return found

    def _holds(self, asserted: tuple[str, int], at: _At, following: _Seen | None, demand: int) -> int | None:
        """What a thread demands of the rest behind an assertion; ``None`` where the assertion does not hold."""
        what, word = asserted
        newline = following is not None and following.newline
        if what == "BEGINNING_STRING":
            return demand if at.beginning else None
        if what == "BEGINNING_LINE":
            return demand if at.beginning or at.newline else None
        if what == "END_STRING":
            return demand if following is None else None
        if what == "END_LINE":
            return demand if following is None or newline else None
        if what == "END":
            return demand if following is None else _BEFORE_NEWLINE if newline and demand != _ENDED else None
        if what == "NON_BOUNDARY" and at.beginning and following is None:
            return demand if _INSIDE_NOTHING else None
        boundary = at.words[word] != (following is not None and following.words[word])
        return demand if boundary == (what == "BOUNDARY") else None

    # building: every method takes the state that it starts from and returns the state that it ends in

    def _set(self, ranges: Ranges) -> int:
        if ranges not in self._sets:
            self._sets.append(ranges)
        return self._sets.index(ranges)

    def _node(self) -> int:
        if len(self._edges) >= _STATES:
            raise _TooLarge
        self._edges.append([])
        return len(self._edges) - 1

    def _add(self, node: int, how: str, what: object, to: int | None = None) -> int:
        target = self._node() if to is None else to
        self._edges[node].append((how, what, target))
        return target

    def _sequence(self, parts: Iterable[tuple[Any, Any]], node: int, flags: int) -> int:
        for code, argument in parts:
            node = self._part(str(code), argument, node, flags)
        return node

    def _part(self, code: str, argument: Any, node: int, flags: int) -> int:
        match code:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._add(node, "set", self._set(_characters(code, argument, flags)))
            case "BRANCH":
                ends = [self._sequence(branch, self._add(node, "empty", None), flags) for branch in argument[1]]
                return self._meet(ends)
            case "SUBPATTERN":
                _, added, removed, inner = argument
                kept = flags & ~re.ASCII if added & re.UNICODE else flags
                return self._sequence(inner, node, (kept | added) & ~removed)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeated(argument, node, flags)
            case "AT":
                return self._add(node, "at", self._assertion(str(argument), flags))
            case _:
                self.exact = False
                return self._larger(code, argument, node, flags)

    def _larger(self, code: str, argument: Any, node: int, flags: int) -> int:
        """What no automaton can say, as a set that contains it."""
        match code:
            case "POSSESSIVE_REPEAT":
                return self._repeated(argument, node, flags)
            case "ATOMIC_GROUP":
                return self._sequence(argument, node, flags)
            case "ASSERT" | "ASSERT_NOT":
                return node
            case _:  # a back-reference, or what a later Python adds: any text
                loop = self._add(node, "empty", None)
                return self._add(loop, "set", self._set(_EVERYTHING), loop)

    def _meet(self, ends: list[int]) -> int:
        end = self._node()
        for each in ends:
            self._add(each, "empty", None, end)
        return end

    def _repeated(self, argument: tuple[int, int, Any], node: int, flags: int) -> int:
        low, high, inner = argument
        for _ in range(low):
            node = self._sequence(inner, node, flags)
        if high >= UNBOUNDED:
            loop = self._add(node, "empty", None)
            self._add(self._sequence(inner, loop, flags), "empty", None, loop)
            return loop
        ends = [node]
        for _ in range(high - low):
            ends.append(self._sequence(inner, ends[-1], flags))
            if len(ends) > _STATES:
                raise _TooLarge
        return self._meet(ends)

    def _assertion(self, code: str, flags: int) -> tuple[str, int]:
        """What is asserted, and of which idea of a word."""
        what = code.removeprefix("AT_")
        if what in ("BOUNDARY", "NON_BOUNDARY"):
            ascii_only = bool(flags & re.ASCII)
            if ascii_only not in self._words:
                self._words.append(ascii_only)
            return what, self._words.index(ascii_only)
        if what == "BEGINNING":
            what = "BEGINNING_LINE" if flags & re.MULTILINE else "BEGINNING_STRING"
        elif what == "END" and flags & re.MULTILINE:
            what = "END_LINE"
        elif what == "END" and self._strict_end:
            what = "END_STRING"
        return what, 0


_UNKNOWN: Final = object()
_INSIDE_NOTHING: Final = re.match(r"\B", "") is not None
"""Whether ``\\B`` matches in an empty text: not before Python 3.14."""


def _characters(code: str, argument: Any, flags: int) -> Ranges:
    """The characters that one element of an expression matches."""
    if code == "ANY":
        return _EVERYTHING if flags & re.DOTALL else _others(_NEWLINE)
    parts = [(code.removeprefix("NOT_"), argument)] if code != "IN" else [(str(op), value) for op, value in argument]
    negated = code == "NOT_LITERAL" or parts[0][0] == "NEGATE"
    ranges = _joined(each for op, value in parts for each in _element(op, value, flags))
    if flags & re.IGNORECASE:
        ranges = _caseless(ranges, bool(flags & re.ASCII))
    return _others(ranges) if negated else ranges


def _element(op: str, value: Any, flags: int) -> Ranges:
    if op == "LITERAL":
        return ((value, value),)
    if op == "RANGE":
        return (value,)
    if op == "NEGATE":
        return ()
    name = str(value).removeprefix("CATEGORY_")
    ranges = _category(name.removeprefix("NOT_"), bool(flags & re.ASCII))
    return _others(ranges) if name.startswith("NOT_") else ranges


def sample(regex: re.Pattern[str]) -> str:
    """A short text that the expression probably matches: the first branch, the fewest repetitions."""
    return _sample(parsed(regex))


def _sample(parts: Iterable[tuple[Any, Any]]) -> str:
    text = ""
    for code, argument in parts:
        match str(code):
            case "LITERAL":
                text += chr(argument)
            case "NOT_LITERAL" | "ANY" | "IN" as element:
                text += _one_of(element, argument)
            case "BRANCH":
                text += _sample(argument[1][0])
            case "SUBPATTERN":
                text += _sample(argument[3])
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                text += _sample(argument[2]) * min(argument[0], _STATES)
            case "ATOMIC_GROUP":
                text += _sample(argument)
            case _:
                pass
    return text


def _one_of(code: str, argument: Any) -> str:
    """A character that an element matches, found without the ranges of Unicode where that is easy."""
    elements = [(str(op), value) for op, value in argument] if code == "IN" else []
    if elements and elements[0][0] in ("LITERAL", "RANGE", "CATEGORY"):
        op, value = elements[0]
        if op != "CATEGORY":
            return chr(value if op == "LITERAL" else value[0])
        return _SAMPLES[str(value).removeprefix("CATEGORY_")]
    unwanted = {argument} if code == "NOT_LITERAL" else {value for op, value in elements if op == "LITERAL"}
    return next(character for character in "a0 -\n\u0100" if ord(character) not in unwanted or character == "\u0100")


_SAMPLES: Final = {"DIGIT": "0", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "a", "NOT_SPACE": "a", "NOT_WORD": "-"}


# --- order and caseless equality --------------------------------------------------------------------------------------


class Order:
    """The texts that are greater or less than one, code point by code point, or equal to it.

    Args:
        text: the bound.
        less, equal, greater: which texts are meant.
    """

    exact = True
    start: State = 0

    def __init__(self, text: str, *, less: bool = False, equal: bool = False, greater: bool = False) -> None:
        self._points = [ord(character) for character in text]
        self._sorted = sorted(set(self._points))
        self._accepted = {"less": less, "equal": equal, "greater": greater}
        self.cuts: Sequence[int] = sorted({edge for point in self._points for edge in (point, point + 1)})

    def kind(self, point: int) -> Kind:
        """Where a character stands among those of the bound."""
        return bisect_left(self._sorted, point), bisect_right(self._sorted, point)

    def step(self, state: State, kind: Kind) -> State | None:
        """How many characters were equal so far, or how the text compares."""
        if not isinstance(state, int):
            return state if self._accepted[str(state)] else None
        if state == len(self._points):
            return "greater" if self._accepted["greater"] else None
        expected = self.kind(self._points[state])
        if kind == expected:
            return state + 1
        side = "less" if kind < expected else "greater"  # type: ignore[operator]
        return side if self._accepted[side] else None

    def accepts(self, state: State) -> bool:
        """Whether a text compares as asked; one that ends early is less."""
        if isinstance(state, int):
            return self._accepted["equal" if state == len(self._points) else "less"]
        return self._accepted[str(state)]


class Folded:
    """The texts that are equal to one when both are case-folded."""

    exact = True
    start: State = 0

    def __init__(self, text: str) -> None:
        self._folded = text.casefold()
        points = [*map(ord, set(self._folded)), *(p for p, fold in _foldings().items() if fold in self._folded)]
        self.cuts: Sequence[int] = sorted({edge for point in points for edge in (point, point + 1)})

    def kind(self, point: int) -> Kind:
        """What a character is folded to, where the text has it."""
        folded = chr(point).casefold()
        return folded if folded in self._folded else None

    def step(self, state: State, kind: Kind) -> State | None:
        """How much of the folded text was read."""
        assert isinstance(state, int)
        return state + len(kind) if isinstance(kind, str) and self._folded.startswith(kind, state) else None

    def accepts(self, state: State) -> bool:
        """Whether all of it was."""
        return state == len(self._folded)


@cache
def _foldings() -> dict[int, str]:
    return {point: chr(point).casefold() for point in range(_LAST + 1) if chr(point).casefold() != chr(point)}


# --- any text at all --------------------------------------------------------------------------------------------------


def any_text(inside: Sequence[Language], outside: Sequence[Language], shortest: int, longest: int | None) -> bool:
    """Whether there is a text that is in some languages and not in others, of a length between two bounds.

    Yes may mean that it could not be decided: a language is not exact, or the search became too long. No is certain.

    Args:
        inside: the languages that the text must be in.
        outside: the languages that it must not be in.
        shortest: the least number of code points.
        longest: the largest; none when it is ``None``.
    """
    outside = [language for language in outside if language.exact]
    languages = [*inside, *outside]
    letters = list(_letters(languages))

    @cache
    def move(index: int, state: State | None, kind: Kind) -> State | None:
        return None if state is None else languages[index].step(state, kind)

    indexes = range(len(languages))
    steps = 0
    level: set[tuple[State | None, ...]] = {tuple(language.start for language in languages)}
    seen: set[tuple[State | None, ...]] = set()
    length = 0
    while level and (longest is None or length <= longest):
        if length >= shortest:
            if any(_accepted(states, inside, outside) for states in level):
                return True
            level -= seen
            seen |= level
        following: set[tuple[State | None, ...]] = set()
        for states in level:
            for letter in letters:
                steps += 1
                if steps > _STEPS:
                    return True
                moved = tuple(starmap(move, zip(indexes, states, letter, strict=True)))
                if None not in moved[: len(inside)]:
                    following.add(moved)
        level = following
        length += 1
    return False


def _accepted(states: tuple[State | None, ...], inside: Sequence[Language], outside: Sequence[Language]) -> bool:
    accepted = [
        state is not None and language.accepts(state)
        for language, state in zip([*inside, *outside], states, strict=True)
    ]
    return all(accepted[: len(inside)]) and not any(accepted[len(inside) :])


def _letters(languages: Sequence[Language]) -> Iterator[tuple[Kind, ...]]:
    """One tuple of kinds for every sort of character that the languages tell apart."""
    cuts = {0, *(cut for language in languages for cut in language.cuts), _SURROGATES[1] + 1}
    points = (point for point in cuts if point <= _LAST and not _SURROGATES[0] <= point <= _SURROGATES[1])
    return iter({tuple(language.kind(point) for language in languages): None for point in sorted(points)})
