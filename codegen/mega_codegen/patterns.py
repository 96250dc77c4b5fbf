"""The static type of a pattern, from the annotation of the field that it matches.

Derived from the very annotation that the model carries, so that the two always agree. The forms are those of
``mega_typed.match``, which both type checkers were tried with. This file knows expressions only.
"""

from __future__ import annotations

from mega_codegen.expressions import (
    ANNOTATED,
    DECIMAL_STRING,
    DICT,
    LIST,
    LITERAL,
    NONE,
    STR,
    TIMESTAMP,
    Constant,
    Expression,
    Model,
    Name,
    Subscript,
    Union,
    replace_names,
    union,
)

_MATCH = "mega_typed.match"
MATCHER = Name("Matcher", _MATCH)
ENUM_MATCHER = Name("EnumMatcher", _MATCH)
MAPPING_MATCHER = Name("MappingMatcher", _MATCH)
MODEL_MATCHER = Name("ModelMatcher", _MATCH)
MODEL_LIST_MATCHER = Name("ModelListMatcher", _MATCH)
NOT = Name("Not", _MATCH)
DATETIME = Name("datetime", "datetime")
DECIMAL = Name("Decimal", "decimal")

_VALUES: dict[Expression, Expression] = {TIMESTAMP: DATETIME, DECIMAL_STRING: DECIMAL}
"""What a value of a library type is in Python."""


def pattern(annotation: Expression) -> Expression:
    """What may stand in a pattern for a field with this annotation."""
    return _pattern(_bare(annotation))


def _bare(expression: Expression) -> Expression:
    """The type of the value: constraints stripped, library types resolved."""
    if isinstance(expression, Subscript):
        if expression.head == ANNOTATED:
            return _bare(expression.arguments[0])
        return Subscript(expression.head, tuple(map(_bare, expression.arguments)))
    if isinstance(expression, Union):
        return union(*map(_bare, expression.parts))
    return replace_names(expression, _VALUES)


def _pattern(expression: Expression) -> Expression:
    match expression:
        case Union(parts):
            plain = [part for part in parts if part != NONE and _is_plain(_pattern(part))]
            together = [Subscript(MATCHER, (union(*plain),))] if len(plain) > 1 else []
            return union(*map(_pattern, parts), *together)
        case Constant(None):
            return NONE
        case Model(key):
            return Subscript(MODEL_MATCHER, (Model(key, "Pattern"), expression))
        case Subscript(head, arguments) if head == LITERAL:
            kinds = {type(a.value) for a in arguments if isinstance(a, Constant)} & {str, int}
            widened = [Name(kind.__name__) for kind in (str, int) if kind in kinds]
            return (
                Subscript(ENUM_MATCHER, (expression, union(*widened)))
                if len(widened) == 1
                else Subscript(MATCHER, (expression,))
            )
        case Subscript(head, (Model(key) as model,)) if head == LIST:
            return Subscript(MODEL_LIST_MATCHER, (Model(key, "Pattern"), model))
        case Subscript(head, (Subscript(inner, values),)) if head == LIST and inner == LITERAL and _all_text(values):
            return union(Subscript(MATCHER, (expression,)), Subscript(NOT, (Subscript(LIST, (STR,)),)))
        case Subscript(head, (key, value)) if head == DICT:
            return Subscript(MAPPING_MATCHER, (_pattern(value), value))
        case _:
            return Subscript(MATCHER, (expression,))


def _all_text(values: tuple[Expression, ...]) -> bool:
    return all(isinstance(value, Constant) and isinstance(value.value, str) for value in values)


def _is_plain(expression: Expression) -> bool:
    return isinstance(expression, Subscript) and expression.head == MATCHER


def optional(matcher: Expression) -> Expression:
    """``matcher | None`` as one alias, for a class attribute: mypy takes a function there for a method otherwise."""
    if isinstance(matcher, Subscript) and matcher.head in _OPTIONAL:
        return Subscript(_OPTIONAL[matcher.head], matcher.arguments)
    return union(matcher, NONE)


_OPTIONAL = {MATCHER: Name("OptionalMatcher", _MATCH), MODEL_MATCHER: Name("OptionalModelMatcher", _MATCH)}
