"""Type expressions of generated code, as a tree of six kinds of node.

Everything that may stand in an annotation is one of these; a node of any other kind cannot be written, so that no text
of a schema can become code. Names know the module that they come from; imports follow from that. This file knows no
step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Name:
    """A name that is imported from a module, or a builtin when the module is empty."""

    name: str
    module: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """The class of a type, or with a suffix what is generated beside it (``Pattern``); by the type's key."""

    key: str
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Subscript:
    """``head[arguments]``."""

    head: Name
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """``a | b``."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """``head(keyword=constant, ...)``."""

    head: Name
    keywords: tuple[tuple[str, Constant], ...]


Expression: TypeAlias = Name | Model | Constant | Subscript | Union | Call

NONE = Constant(None)
ANY = Name("Any", "typing")
LITERAL = Name("Literal", "typing")
ANNOTATED = Name("Annotated", "typing")
FIELD = Name("Field", "pydantic")
LIST = Name("list")
DICT = Name("dict")
STR = Name("str")
TIMESTAMP = Name("Timestamp", "mega_typed")
DECIMAL_STRING = Name("DecimalString", "mega_typed")
OBJECT_STATE = Name("ObjectState", "mega_typed")


def union(*parts: Expression) -> Expression:
    """The union of expressions: flat, without repetition, ``None`` last."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, Union) else (part,)
    unique = [*dict.fromkeys(part for part in flat if part != NONE), *([NONE] if NONE in flat else [])]
    return unique[0] if len(unique) == 1 else Union(tuple(unique))


def encode(expression: Expression) -> list[Any]:
    """The expression as JSON: a letter for the kind, then its parts."""
    match expression:
        case Name(name, module):
            return ["n", name, module]
        case Model(key, suffix):
            return ["m", key, suffix]
        case Constant(value):
            return ["c", value]
        case Subscript(head, arguments):
            return ["s", head.name, head.module, *map(encode, arguments)]
        case Union(parts):
            return ["u", *map(encode, parts)]
        case Call(head, keywords):
            return ["f", head.name, head.module, *([name, constant.value] for name, constant in keywords)]


def decode(tree: list[Any]) -> Expression:
    """The reverse of ``encode``.

    Raises:
        ValueError: the tree is not one that ``encode`` makes.
    """
    match tree:
        case ["n", str(name), str(module)]:
            return Name(name, module)
        case ["m", str(key), str(suffix)]:
            return Model(key, suffix)
        case ["c", str() | int() | float() | None as value]:
            return Constant(value)
        case ["s", str(name), str(module), *arguments]:
            return Subscript(Name(name, module), tuple(map(decode, arguments)))
        case ["u", *parts]:
            return Union(tuple(map(decode, parts)))
        case ["f", str(name), str(module), *keywords]:
            return Call(Name(name, module), tuple((str(key), Constant(value)) for key, value in keywords))
        case _:
            raise ValueError(tree)


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it."""
    yield expression
    if isinstance(expression, Subscript):
        yield expression.head
        for argument in expression.arguments:
            yield from walk(argument)
    elif isinstance(expression, Union):
        for part in expression.parts:
            yield from walk(part)
    elif isinstance(expression, Call):
        yield expression.head


def replace_names(expression: Expression, table: Mapping[Expression, Expression]) -> Expression:
    """The expression with leaves replaced by what a table holds for them."""
    if isinstance(expression, Subscript):
        return Subscript(expression.head, tuple(replace_names(argument, table) for argument in expression.arguments))
    if isinstance(expression, Union):
        return union(*(replace_names(part, table) for part in expression.parts))
    return table.get(expression, expression)
