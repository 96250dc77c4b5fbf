"""Conditions as functions that are made for them: all leaves of one condition in one function, without a call between.

The source of such a function is made of fixed fragments and of numbers; keys, operands and patterns are handed to it as
defaults of its arguments, so nothing that anybody wrote becomes code, and all conditions of the same form share one
code object. A fragment decides the usual exact types itself, and asks ``matches`` about every other value, so that
there is one implementation of the meaning.

This file knows patterns and values; it knows no event, no subscriber and no index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from mega_typed.fields import MODELS, Path, fields_of
from mega_typed.match import Pattern, is_nan, matches
from mega_typed.regexes import bounded

__all__ = ["Piece", "Test", "conjunction", "piece_of", "test_of"]

Test: TypeAlias = Callable[[Any], bool]

_LONG: Final = 400
"""Characters of a fragment beyond which it becomes a function of its own: Python's parser bounds how deep it nests."""
_MANY: Final = 16
"""Alternatives that stand in one fragment; more are asked in a loop."""


class Piece(NamedTuple):
    """What decides one leaf: an expression over the value ``{v}`` and over operands ``{0}``, ``{1}``, ..."""

    expression: str
    operands: tuple[object, ...]


def piece_of(pattern: object, conversions: bool) -> Piece:
    """The piece that equals ``matches(pattern, value, conversions=conversions)`` for every value."""
    if isinstance(pattern, Pattern):
        form = _FORMS.get(pattern.operator)
        found = None if form is None else form(pattern, conversions)
    else:
        found = _equality(pattern, conversions)
    if found is None:
        return Piece(f"{_MEANING[conversions]}({{0}}, {{v}})", (pattern,))
    return Piece("{0}({v})", (conjunction([((), found)]),)) if len(found.expression) > _LONG else found


def test_of(pattern: object, conversions: bool) -> Test:
    """The function that equals ``matches(pattern, value, conversions=conversions)`` for every value."""
    return conjunction([((), piece_of(pattern, conversions))])


def conjunction(
    leaves: Iterable[tuple[Path, Piece]],
    yes: object = True,
    no: object = False,
    failed: Callable[[Any], object] | None = None,
) -> Callable[[Any], Any]:
    """A function of a payload: ``yes`` if all leaves hold, else ``no``. A common part of paths is read once.

    Args:
        leaves: a path and a piece each.
        yes: what it returns if all hold.
        no: what it returns if one does not.
        failed: called with the payload when anything at all is raised; what it returns counts. Without it the function
            raises whatever a piece raises.
    """
    writer = _Writer()
    tree = _Tree()
    for path, piece in leaves:
        at = tree
        for key in path:
            at = at.below.setdefault(key, _Tree())
        at.here.append(piece)
    writer.write(tree, "at")
    return writer.function(yes, no, failed)


class _Tree:
    """Pieces by the path that they are about."""

    __slots__ = ("below", "here")

    def __init__(self) -> None:
        self.here: list[Piece] = []
        self.below: dict[object, _Tree] = {}


class _Writer:
    """Writes the lines of a function, and collects what they are about."""

    __slots__ = ("_arguments", "_lines")

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._arguments: list[object] = []

    def write(self, tree: _Tree, value: str) -> None:
        """The lines that decide a tree of pieces on what is in the variable ``value``; they may overwrite it."""
        for piece in tree.here:
            names = [self._argument(operand) for operand in piece.operands]
            self._lines.append(f"if not {piece.expression.format(*names, v=value)}: return no")
        if tree.below:
            fields = f"{value}.__dict__ if type({value}) in models else fields_of({value})"
            self._lines.append(f"if type({value}) is not dict: {value} = {fields}")
            for key, below in tree.below.items():
                part = f"{value}_"  # a variable for each level, used again by the next key
                self._lines.append(f"{part} = {value}.get({self._argument(key)})")
                self.write(below, part)

    def function(self, yes: object, no: object, failed: Callable[[Any], object] | None) -> Callable[[Any], Any]:
        """The function of all lines that were written."""
        lines = ["at = v", *self._lines, "return yes"]
        if failed is not None:
            lines = ["try:", *[f" {line}" for line in lines], f"except Exception: return {self._argument(failed)}(v)"]
        code = _code("\n  ".join(lines), len(self._arguments))
        return FunctionType(code, _NAMES, "decide", (yes, no, *self._arguments))

    def _argument(self, value: object) -> str:
        self._arguments.append(value)
        return f"a{len(self._arguments) - 1}"


@lru_cache(maxsize=1024)
def _code(lines: str, arguments: int) -> CodeType:
    """The code of a function; that of forms which are no longer remembered is made again."""
    parameters = "".join([f", a{number}=None" for number in range(arguments)])
    made: dict[str, FunctionType] = {}
    exec(compile(f"def decide(v, yes=None, no=None{parameters}):\n  {lines}", __name__, "exec"), made)  # noqa: S102
    return made["decide"].__code__


def _untyped(pattern: object, value: object) -> bool:
    return matches(pattern, value, conversions=True)


def _any_holds(tests: Sequence[Test], value: object) -> bool:
    for test in tests:  # noqa: SIM110 - a generator costs more than what it runs
        if test(value):
            return True
    return False


_NAMES: Final[dict[str, Any]] = {
    "__builtins__": {},
    **{each.__name__: each for each in (Exception, dict, int, len, str, type, UUID)},
    "any_holds": _any_holds,
    "fields_of": fields_of,
    "matches": matches,
    "models": MODELS,
    "untyped": _untyped,
}
"""All that the functions can see."""


# --- pieces: each equals `matches` for every value whatsoever ---------------------------------------------------------


def _decided(kind: str, expression: str, operands: tuple[object, ...], pattern: object, conversions: bool) -> Piece:
    """A piece whose expression decides values of exactly one type."""
    return _guarded(f"type({{v}}) is {kind}", expression, operands, pattern, conversions)


def _guarded(guard: str, expression: str, operands: tuple[object, ...], pattern: object, conversions: bool) -> Piece:
    """A piece whose expression decides the values that a guard lets through; ``matches`` decides all others."""
    if pattern is not operands[-1]:
        operands = (*operands, pattern)
    return Piece(f"({expression} if {guard} else {_MEANING[conversions]}({{{len(operands) - 1}}}, {{v}}))", operands)


_MEANING: Final = ("matches", "untyped")


def _is_number(operand: object) -> bool:
    return type(operand) in (int, float, Decimal) and not is_nan(operand)


def _equality(operand: object, conversions: bool) -> Piece | None:
    kind = type(operand)
    if not _is_number(operand) and kind not in (str, UUID):
        return None
    return _decided("int" if _is_number(operand) else kind.__name__, "{v} == {0}", (operand,), operand, conversions)


def _order(sign: str, pattern: Pattern[Any], conversions: bool) -> Piece | None:
    (bound,) = pattern.operands
    return _decided("int", f"{{v}} {sign} {{0}}", (bound,), pattern, conversions) if _is_number(bound) else None


def _between(pattern: Pattern[Any], conversions: bool) -> Piece | None:
    if not all(map(_is_number, pattern.operands)):
        return None
    return _decided("int", "{0} <= {v} <= {1}", pattern.operands, pattern, conversions)


def _membership(pattern: Pattern[Any], conversions: bool) -> Piece | None:
    operands = pattern.operands
    if all(type(option) is str for option in operands):
        return _decided("str", "{v} in {0}", (frozenset(operands),), pattern, conversions)
    if all(map(_is_number, operands)) and not {float, Decimal} <= set(map(type, operands)):
        return _decided("int", "{v} in {0}", (frozenset(operands),), pattern, conversions)
    return _any_of(pattern, conversions)


def _regex(pattern: Pattern[Any], conversions: bool) -> Piece | None:
    (regex,) = pattern.operands
    if not isinstance(regex, re.Pattern) or not isinstance(regex.pattern, str):
        return None
    short = "type({v}) is str and len({v}) <= {1}"
    return _guarded(short, "{0}.match({v}) is not None", (regex, bounded(regex).longest), pattern, conversions)


def _text(method: str, pattern: Pattern[Any], conversions: bool) -> Piece | None:
    (text,) = pattern.operands
    return _decided("str", f"{{v}}.{method}({{0}})", (text,), pattern, conversions) if type(text) is str else None


def _negation(pattern: Pattern[Any], conversions: bool) -> Piece:
    inner = piece_of(pattern.operands[0], conversions)
    return Piece(f"({{v}} is not None and not {inner.expression})", inner.operands)


def _any_of(pattern: Pattern[Any], conversions: bool) -> Piece | None:
    if len(pattern.operands) > _MANY:
        return Piece("any_holds({0}, {v})", (tuple([test_of(each, conversions) for each in pattern.operands]),))
    return _joined(" or ", pattern, conversions)


def _joined(by: str, pattern: Pattern[Any], conversions: bool) -> Piece | None:
    if not pattern.operands:
        return None
    expressions: list[str] = []
    operands: list[object] = []
    for each in pattern.operands:
        piece = piece_of(each, conversions)
        names = [f"{{{len(operands) + number}}}" for number in range(len(piece.operands))]
        expressions.append(piece.expression.format(*names, v="{v}"))
        operands += piece.operands
    return Piece(f"({by.join(expressions)})", tuple(operands))


_FORMS: Final[dict[str, Callable[[Pattern[Any], bool], Piece | None]]] = {
    "eq": _any_of,
    "in": _membership,
    "or": _any_of,
    "and": partial(_joined, " and "),
    "not": _negation,
    "between": _between,
    "match": _regex,
    "prefix": partial(_text, "startswith"),
    "suffix": partial(_text, "endswith"),
    **{name: partial(_order, sign) for name, sign in {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}.items()},
}
