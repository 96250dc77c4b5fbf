"""The static type of a pattern, from the annotation of the field that it matches.

Derived from the very annotation that the model carries, so that the two always agree: ``written`` is how a value stands
in a pattern, ``seen`` what a predicate is handed. The forms are those of ``mega_typed.match``, which both type checkers
were tried with. This file knows expressions only.
"""

from __future__ import annotations

from mega_codegen.expressions import (
    ANNOTATED,
    DECIMAL_STRING,
    DICT,
    LITERAL,
    NONE,
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
MATCHER_OF = Name("MatcherOf", _MATCH)
DATETIME = Name("datetime", "datetime")
DECIMAL = Name("Decimal", "decimal")

_VALUES: dict[Expression, Expression] = {TIMESTAMP: DATETIME, DECIMAL_STRING: DECIMAL}
"""What a value of a library type is in Python."""

_OPTIONAL = {MATCHER: Name("OptionalMatcher", _MATCH), MATCHER_OF: Name("OptionalMatcherOf", _MATCH)}


def pattern(annotation: Expression) -> Expression:
    """What may stand in a pattern for a field with this annotation."""
    return _matcher(_bare(annotation))


def optional(matcher: Expression) -> Expression:
    """``matcher | None`` as one alias: in a union of unions mypy looks into no lambda, or takes it for a method."""
    if isinstance(matcher, Subscript) and matcher.head in _OPTIONAL:
        return Subscript(_OPTIONAL[matcher.head], matcher.arguments)
    return matcher


def _bare(expression: Expression) -> Expression:
    """The type of the value: constraints stripped, library types resolved."""
    if isinstance(expression, Subscript):
        if expression.head == ANNOTATED:
            return _bare(expression.arguments[0])
        return Subscript(expression.head, tuple(map(_bare, expression.arguments)))
    if isinstance(expression, Union):
        return union(*map(_bare, expression.parts))
    return replace_names(expression, _VALUES)


def _matcher(value: Expression) -> Expression:
    present = _present(value)
    if present == NONE:
        return NONE
    written, seen = _written(present), _seen(present)
    matcher = Subscript(MATCHER, (seen,)) if written == seen else Subscript(MATCHER_OF, (written, seen))
    return matcher if present == value else optional(matcher)


def _present(value: Expression) -> Expression:
    """The value without ``None``, which is matched by ``None`` alone."""
    parts = value.parts if isinstance(value, Union) else (value,)
    return union(*[part for part in parts if part != NONE] or [NONE])


def _written(value: Expression) -> Expression:
    match value:
        case Model(key):
            return Model(key, "Pattern")
        case Subscript(head, (key, item)) if head == DICT:
            return Subscript(DICT, (key, optional(_matcher(item))))
        case Subscript(head, arguments) if head != LITERAL:
            return Subscript(head, tuple(map(_written, arguments)))
        case Union(parts):
            return union(*map(_written, parts))
        case _:
            return value


def _seen(value: Expression) -> Expression:
    match value:
        case Subscript(head, arguments) if head == LITERAL:
            kinds = dict.fromkeys(type(a.value) for a in arguments if isinstance(a, Constant))
            return union(*(Name(kind.__name__) for kind in kinds if kind is not type(None)))
        case Subscript(head, arguments):
            return Subscript(head, tuple(map(_seen, arguments)))
        case Union(parts):
            return union(*map(_seen, parts))
        case _:
            return value
