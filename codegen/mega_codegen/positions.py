"""Find lines and columns in the text of a JSON file, when there is something to report about it.

Parsing keeps no positions, because most files have nothing to report. Where one has, its text is scanned here once,
token by token, for all pointers together: in linear time, without recursion, and for any text, JSON or not. This file
knows text and pointers, and no step.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mega_codegen.resolve import unescape

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[][{},:]|[^][{},:" \t\r\n]++', re.DOTALL)
"""A string (to the end of the text when it is not closed), a mark, or anything else up to the next mark or space."""

_OPENING, _CLOSING, _BETWEEN = frozenset("{["), frozenset("}]"), frozenset(",:")


class Position(NamedTuple):
    """Line and column, both from 1; a column counts characters."""

    line: int
    column: int


NOWHERE = Position(0, 0)
"""Stands for a position that is not known."""


class _Token(NamedTuple):
    """A token, and where it stands.

    Attributes:
        text: as it is written.
        offset: of its first character.
        depth: how many arrays and objects are open around it; a bracket stands outside of what it opens or closes.
        key: whether it is the key of a member.
        element: its place in the array around it; -1 in an object and at the root.
    """

    text: str
    offset: int
    depth: int
    key: bool
    element: int


def _tokens(text: str) -> Iterator[_Token]:
    indexes: list[int] = []
    """For each open array the index of the element; -1 for an object before a colon, -2 after it."""
    for found in _TOKEN.finditer(text, len(_mark(text))):
        written = found[0]
        if written in _CLOSING and indexes:
            indexes.pop()
        now = indexes[-1] if indexes else -2
        yield _Token(written, found.start(), len(indexes), now == -1 and written[0] == '"', max(now, -1))
        if written in _OPENING:
            indexes.append(0 if written == "[" else -1)
        elif written == "," and indexes:
            indexes[-1] = now + 1 if now >= 0 else -1
        elif written == ":" and now == -1:
            indexes[-1] = -2


@dataclass(slots=True)
class _Wanted:
    """A node of the tree that the wanted pointers form."""

    children: dict[str, _Wanted] = field(default_factory=dict[str, "_Wanted"])
    offset: int = -1


def locate(text: str, pointers: Iterable[str]) -> Mapping[str, Position]:
    """Where JSON pointers lead to: to the key of a member, to the first character of an element.

    Args:
        text: the text of a file, with or without a byte order mark.
        pointers: JSON pointers, ``""`` for the root.

    Returns:
        The position for each pointer. Where the text has nothing there, it is that of the deepest ancestor it has.
    """
    root, paths = _Wanted(), {pointer: [unescape(token) for token in pointer.split("/")[1:]] for pointer in pointers}
    for path in paths.values():
        node = root
        for token in path:
            node = node.children.setdefault(token, _Wanted())
    _fill(root, text)
    position = _positions(text)
    found: dict[str, Position] = {}
    for pointer, path in paths.items():
        node = root
        for token in path:
            below = node.children.get(token)
            if below is None or below.offset < 0:
                break
            node = below
        found[pointer] = position(max(node.offset, 0))
    return found


def _fill(root: _Wanted, text: str) -> None:
    """Give the nodes their offsets."""
    open_: list[_Wanted | None] = []
    member: _Wanted | None = None
    for token in _tokens(text):
        if token.text in _BETWEEN:
            continue
        if token.text in _CLOSING:
            del open_[token.depth :]
            continue
        here = open_[-1] if open_ else None
        if token.key:
            member = here.children.get(_string(token.text)) if here and here.children else None
            node = member
        elif not open_:
            node = root
        elif token.element < 0:
            node = member
        else:
            node = here.children.get(str(token.element)) if here else None
        if node is not None and node.offset < 0:
            node.offset = token.offset
        if token.text in _OPENING:
            open_.append(node)


def first(text: str, test: Callable[[str, int], bool]) -> Position:
    """The position of the first value or key that passes a test.

    Args:
        text: the text of a file.
        test: called with a token as it is written, and with the number of arrays and objects that are open around it.

    Returns:
        The position; ``NOWHERE`` when nothing passes.
    """
    for token in _tokens(text):
        if token.text not in _CLOSING | _BETWEEN and test(token.text, token.depth):
            return _positions(text)(token.offset)
    return NOWHERE


def repeated(text: str) -> tuple[str, Position]:
    """The first key that stands in its object for the second time, and its position there; an empty key without one."""
    known: list[set[str]] = []
    for token in _tokens(text):
        if token.text in _CLOSING:
            del known[token.depth :]
        elif token.text in _OPENING:
            known.append(set())
        elif token.key:
            key = _string(token.text)
            if key in known[-1]:
                return key, _positions(text)(token.offset)
            known[-1].add(key)
    return "", NOWHERE


def decoded(token: str) -> str | None:
    """What a token says when it is a string; ``None`` for other tokens."""
    return _string(token) if token.startswith('"') else None


def _string(token: str) -> str:
    """What a string says; the token itself when it is no JSON string."""
    if "\\" not in token:
        return token[1:-1]
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return token


def _mark(text: str) -> str:
    """The byte order mark that the text begins with; it is no part of the first line."""
    return "\ufeff" if text.startswith("\ufeff") else ""


def _positions(text: str) -> Callable[[int], Position]:
    """The function from offsets to positions."""
    starts = [len(_mark(text)), *(found.end() for found in re.finditer("\n", text))]

    def position(offset: int) -> Position:
        line = bisect_right(starts, offset) or 1
        return Position(line, max(offset - starts[line - 1], 0) + 1)

    return position
