"""Whether a pattern can be right: the check at class definition (PATTERNS.md section 6).

``match`` says what a pattern means; this file holds it against the types of an event's fields and lists every fault,
each with its path and a remedy. It agrees with the generated types: what mypy and pyright refuse is refused here, and
beside it what no type can say: a regular expression that does not compile, a predicate of two arguments, a boolean
where a number stands, a key that only a misspelling explains.

Fields without a schema (untyped subscribers) have the type ``Any``; then only what is wrong for every type is a fault.
This file knows pydantic models and patterns, and no event, subscriber or payload.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, Union, cast, get_args, get_origin
from uuid import UUID

from mega_typed.annotations import Bounds, Member, members
from mega_typed.errors import Fault
from mega_typed.match import Pattern, is_nan, is_predicate
from mega_typed.possible import Demand, possible
from mega_typed.regexes import why_unbounded
from pydantic import BaseModel
from typing_extensions import TypeIs

__all__ = ["always_true", "check_fields", "check_value", "did_you_mean", "impossible", "never"]

Faults = list[Fault]

_ORDERED: Final = (int, float, Decimal, str, date, datetime, time, timedelta, UUID)
_COLLECTIONS: Final = (list, tuple, set, frozenset)


def check_fields(pattern: object, fields: Mapping[str, object], path: str, owner: str) -> Faults:
    """Check a mapping of patterns against fields.

    Args:
        pattern: what the subscriber declares.
        fields: field name to its type annotation.
        path: where the mapping stands, ``attributes`` for instance.
        owner: what has the fields, for the message.
    """
    if not isinstance(pattern, Mapping):
        return [Fault(path, f"expected a mapping of field names to patterns, got {_show(pattern)}")]
    faults: Faults = []
    for key, value in cast("Mapping[object, object]", pattern).items():
        here = f"{path}.{key}" if path else str(key)
        if not isinstance(key, str):
            faults.append(Fault(here, f"a key is a string, got {_show(key)}"))
        elif key not in fields:
            faults.append(Fault(here, f"{owner} has no such field{did_you_mean(key, fields)}"))
        else:
            faults += check_value(value, fields[key], here)
    return faults


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean `quantity`?``, or what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    if len(names) > 12:
        return f"; it has {len(names)} others, `{names[0]}` to `{names[-1]}`"
    return f"; it has {', '.join(f'`{known}`' for known in names)}" if names else "; it has none"


def check_value(pattern: object, annotation: object, path: str) -> Faults:
    """Check what is matched against one value of the annotated type."""
    found, optional = members(annotation)
    kinds = [member.type for member in found]
    if pattern is None:
        return [] if optional else [Fault(path, "this field is never absent or null, so None can never match it")]
    if isinstance(pattern, Pattern) and pattern.operator in _ANY_TYPE:
        return _ANY_TYPE[pattern.operator](pattern, annotation, path)
    if is_predicate(pattern):
        return _check_predicate(cast("Callable[..., object]", pattern), path)
    attempts: list[Faults] = []
    for kind in kinds:
        attempts.append(_check_member(pattern, kind, path))
        if not attempts[-1]:  # right for one is right; to go on would be to try all members at every depth
            return []
    if len(attempts) > 1 and all(attempts) and not isinstance(pattern, Pattern | Mapping | list | tuple | AbstractSet):
        return [Fault(path, f"expected {' or '.join(map(_name, kinds))}, got {_show(pattern)}")]
    return min(attempts, key=len, default=[])


# --- types ------------------------------------------------------------------------------------------------------------


def _name(annotation: object) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(map(repr, get_args(annotation)))
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def _show(value: object) -> str:
    if isinstance(value, Pattern):
        return repr(value)
    return f"{value!r} ({type(value).__name__})"


def _is_model(member: object) -> TypeIs[type[BaseModel]]:
    return isinstance(member, type) and issubclass(member, BaseModel)


def _is_collection_type(member: object) -> bool:
    return (get_origin(member) or member) in _COLLECTIONS


def _item_type(member: object) -> object:
    arguments = get_args(member)
    return arguments[0] if arguments and _is_collection_type(member) else Any


def _value_type(member: object) -> object:
    """What an object with arbitrary keys has at a key, or has not."""
    arguments = get_args(member)
    if get_origin(member) not in (dict, Mapping) or arguments[1] is Any:
        return Any
    return Union[arguments[1], None]  # noqa: UP007 - None | None is an error


# --- one pattern against one type -------------------------------------------------------------------------------------


def _check_member(pattern: object, member: object, path: str) -> Faults:
    if isinstance(pattern, Pattern):
        return _BY_TYPE[pattern.operator](pattern, member, path)
    if isinstance(pattern, Mapping):
        return _check_mapping(cast("Mapping[object, object]", pattern), member, path)
    if isinstance(pattern, _COLLECTIONS):
        return _check_collection(cast("Iterable[object]", pattern), member, path)
    return _check_operand(pattern, member, path)


def _check_mapping(pattern: Mapping[object, object], member: object, path: str) -> Faults:
    if _is_model(member):
        fields = {name: field.rebuild_annotation() for name, field in member.model_fields.items()}
        return check_fields(pattern, fields, path, member.__name__)
    if member is Any or (get_origin(member) or member) in (dict, Mapping):
        return check_fields(pattern, dict.fromkeys(map(str, pattern), _value_type(member)), path, "it")
    return [Fault(path, f"a mapping matches the fields of an object, and this is {_name(member)}")]


def _check_collection(pattern: Iterable[object], member: object, path: str) -> Faults:
    if member is Any:
        return [fault for i, item in enumerate(pattern) for fault in check_value(item, Any, f"{path}[{i}]")]
    if not _is_collection_type(member):
        scalar = isinstance(member, type) and not _is_model(member)
        hint = "; for one of several values use one_of(...)" if scalar else ", one object"
        return [Fault(path, f"a list matches a list, and this is {_name(member)}{hint}")]
    of = _item_type(member)
    return [fault for i, item in enumerate(pattern) for fault in check_value(item, of, f"{path}[{i}]")]


def _check_operand(value: object, member: object, path: str) -> Faults:
    """A plain value that a field of this type is compared with."""
    if is_nan(value):
        return [Fault(path, "not-a-number equals nothing")]
    if member is Any:
        return []
    if get_origin(member) is Literal:
        allowed = get_args(member)
        if any(type(value) is type(option) and value == option for option in allowed):
            return []
        close = difflib.get_close_matches(str(value), [o for o in allowed if isinstance(o, str)], n=1)
        remedy = f"; did you mean `{close[0]}`?" if close else ""
        return [Fault(path, f"expected {_name(member)}, got {_show(value)}{remedy}")]
    if _fits(value, member):
        return []
    return [Fault(path, f"expected {_name(member)}, got {_show(value)}{_remedy(value, member)}")]


def _fits(value: object, member: object) -> bool:
    expected = get_origin(member) or member
    if not isinstance(expected, type):
        return True
    if isinstance(value, bool) or expected is bool:
        return isinstance(value, bool) and expected is bool
    if expected is float:
        return isinstance(value, int | float)
    if isinstance(value, datetime) and expected is date:
        return False
    return isinstance(value, expected)


def _remedy(value: object, member: object) -> str:
    """How the operand would be written, where that is plain."""
    try:
        if member is Decimal and isinstance(value, int | float | str) and Decimal(str(value)).is_finite():
            return f'; write Decimal("{value}")'
        if member is UUID and isinstance(value, str):
            return f'; write UUID("{UUID(value)}")'
        if member is int and isinstance(value, str):
            return f"; write {int(value)}"
        if member in (date, datetime) and isinstance(value, str):
            return f'; write {cast("type", member).__name__}.fromisoformat("{date.fromisoformat(value)}")'
    except (ValueError, ArithmeticError):
        pass
    return ""


def _check_predicate(predicate: Callable[..., object], path: str) -> Faults:
    if isinstance(predicate, type):
        return [Fault(path, f"{predicate.__name__} is a class, not a predicate; write a function of one argument")]
    if inspect.isfunction(predicate) and predicate.__module__ == Pattern.__module__:
        name = predicate.__name__
        return [Fault(path, f"{name} is an operator, and was not called; write {name}(...)")]
    if inspect.iscoroutinefunction(predicate):
        return [Fault(path, "a predicate cannot be a coroutine function")]
    try:
        inspect.signature(predicate).bind(None)
    except TypeError as error:
        return [Fault(path, f"a predicate takes one argument: {error}")]
    except ValueError:  # a builtin without a signature
        return []
    return []


# --- what a right pattern can match -----------------------------------------------------------------------------------


def impossible(pattern: object, annotation: object, path: str, *, conversions: bool = False) -> Faults:
    """What in a pattern no value that the schema admits can ever match; nothing when some value can.

    Args:
        pattern: what is matched against the value; what ``check_value`` finds wrong in it is left out.
        annotation: the type of the value, with its bounds.
        path: where the pattern stands.
        conversions: the untyped reading.
    """
    wrong = bool(check_value(pattern, annotation, path))
    if not wrong and possible([Demand(pattern)], annotation, conversions=conversions):
        return []
    deeper = [
        fault
        for part, of, where in _parts(pattern, annotation, path)
        for fault in impossible(part, of, where, conversions=conversions)
    ]
    return deeper if deeper or wrong else never(pattern, annotation, path, conversions=conversions)


def never(pattern: object, annotation: object, path: str, *, conversions: bool = False) -> Faults:
    """The same for a pattern as a whole, whatever ``check_value`` thinks of it."""
    if possible([Demand(pattern)], annotation, conversions=conversions):
        return []
    return [Fault(path, f"{pattern!r} can never match: {_why(pattern, annotation, conversions)}")]


def always_true(pattern: object, annotation: object, path: str, *, conversions: bool = False) -> Faults:
    """What in a pattern every value that the schema admits matches.

    What asks for nothing, or for presence alone (``any_()``, ``{}``, ``not_(empty())``), is left out: it says so.
    """
    if _asks_for_presence(pattern):
        return []
    if isinstance(pattern, Mapping):
        return [
            fault
            for part, of, where in _parts(cast("object", pattern), annotation, path)
            for fault in always_true(part, of, where, conversions=conversions)
        ]
    if possible([Demand(pattern, holds=False)], annotation, conversions=conversions):
        return []
    return [Fault(path, f"{pattern!r} always matches; leave it out, or write any_()")]


def _asks_for_presence(pattern: object) -> bool:
    """Whether a pattern is ``{}``, or made of ``any_``, ``exists`` and ``empty`` alone."""
    if not isinstance(pattern, Pattern):
        return isinstance(pattern, Mapping) and not pattern
    if pattern.operator in ("and", "or", "not", "eq"):
        return all(map(_asks_for_presence, pattern.operands))
    return pattern.operator in ("any", "exists", "empty")


def _parts(pattern: object, annotation: object, path: str) -> list[tuple[object, object, str]]:
    """The patterns within a pattern that a value has to match on its own, with their types and places."""
    kinds = [member.type for member in members(annotation)[0]]
    of = kinds[0] if len(kinds) == 1 else Any
    if isinstance(pattern, Mapping):
        entries = cast("Mapping[str, object]", pattern).items()
        if _is_model(of):
            fields = of.model_fields
            return [(p, fields[key].rebuild_annotation(), f"{path}.{key}") for key, p in entries if key in fields]
        return [(part, _value_type(of), f"{path}.{key}") for key, part in entries] if len(kinds) == 1 else []
    if not isinstance(pattern, Pattern):
        return []
    if pattern.operator in ("and", "eq"):
        return [(part, annotation, path) for part in pattern.operands]
    if pattern.operator in ("any_item", "contains") and len(kinds) == 1:
        return [(part, _item_type(of), f"{path}[]") for part in pattern.operands]
    return []


def _why(pattern: object, annotation: object, conversions: bool) -> str:
    if not possible([Demand(pattern)], Any, conversions=conversions):
        return "nothing is all of that at once"
    found, optional = members(annotation)
    admitted = [f"{_name(member.type)}{_choices(member)}{_bounds(member.bounds)}" for member in found]
    who = "the protocol" if conversions else "the schema"
    return f"{who} admits {' or '.join([*admitted, *(['nothing'] if optional else [])])}"


def _choices(member: Member) -> str:
    """What a carried schema lists, where the type does not."""
    listed = [] if get_origin(member.type) is Literal else [place.choices() for place in member.bounds.carried]
    found = next((choices for choices in listed if choices is not None), None)
    if found is None:
        return ""
    more = f", or {len(found) - _SHOWN} others" if len(found) > _SHOWN else ""
    return f" out of {', '.join(map(repr, found[:_SHOWN]))}{more}"


_SHOWN: Final = 5


def _bounds(bounds: Bounds) -> str:
    said = [
        *(f"from {bound}" for bound in bounds.at_least),
        *(f"above {bound}" for bound in bounds.above),
        *(f"up to {bound}" for bound in bounds.at_most),
        *(f"below {bound}" for bound in bounds.below),
        *(f"in multiples of {number}" for number in bounds.multiple_of),
        *(f"of length {length} or more" for length in bounds.shortest),
        *(f"of length {length} or less" for length in bounds.longest),
        *(f"with a match of {expression!r}" for expression in bounds.patterns),
    ]
    return " " + ", ".join(said) if said else ""


# --- operators --------------------------------------------------------------------------------------------------------


def _no_such_operator(pattern: Pattern[Any], member: object, path: str, remedy: str) -> Faults:
    return [Fault(path, f"{_name(member)} has no {pattern.operator}; {remedy}")]


def _check_equal(pattern: Pattern[Any], annotation: object, path: str) -> Faults:
    return check_value(pattern.operands[0], annotation, path)


def _check_order(pattern: Pattern[Any], member: object, path: str) -> Faults:
    for bound in pattern.operands:
        if isinstance(bound, bool) or not isinstance(bound, _ORDERED):
            return [Fault(path, f"{pattern!r} needs a bound that has an order, got {_show(bound)}")]
    if member is not Any and (member is bool or member not in _ORDERED):
        return _no_such_operator(
            pattern, member, path, "its values have no order; compare with equality or one_of(...)"
        )
    return [fault for bound in pattern.operands for fault in _check_operand(bound, member, path)]


def _check_text(pattern: Pattern[Any], member: object, path: str) -> Faults:
    operand = pattern.operands[0]
    if pattern.operator == "match" and isinstance(operand, str):
        try:
            re.compile(operand)
        except (re.error, RecursionError, OverflowError) as error:
            return [Fault(path, f"invalid regular expression {operand!r}: {error}")]
    text: object = operand
    if isinstance(operand, re.Pattern) and pattern.operator == "match":
        text = operand.pattern
        unbounded = why_unbounded(operand) if isinstance(text, str) else None
        if unbounded:
            return [Fault(path, f"{pattern!r}: {unbounded}")]
    if not isinstance(text, str):
        return [Fault(path, f"{pattern.operator} takes a string, got {_show(operand)}")]
    if member in (Any, str):
        return []
    if get_origin(member) is Literal:
        return _no_such_operator(pattern, member, path, "name the values with one_of(...)")
    return _no_such_operator(pattern, member, path, "it is for strings")


def _check_contains(pattern: Pattern[Any], member: object, path: str) -> Faults:
    if member is Any:
        return check_value(pattern.operands[0], Any, path)
    if not _is_collection_type(member):
        remedy = 'for a part of a string use match(".*part")' if member is str else "it is for lists"
        return _no_such_operator(pattern, member, path, remedy)
    return check_value(pattern.operands[0], _item_type(member), f"{path}[]")


def _check_length(pattern: Pattern[Any], member: object, path: str) -> Faults:
    sized = member in (Any, str) or (get_origin(member) or member) in (*_COLLECTIONS, dict, Mapping)
    if not sized:
        return _no_such_operator(pattern, member, path, "it is for strings, lists and mappings")
    return check_value(pattern.operands[0], int, f"{path}.length")


def _check_combined(pattern: Pattern[Any], annotation: object, path: str) -> Faults:
    if not pattern.operands:
        return [Fault(path, f"{pattern!r} has nothing to combine")]
    return [fault for operand in pattern.operands for fault in check_value(operand, annotation, path)]


def _check_or(pattern: Pattern[Any], annotation: object, path: str) -> Faults:
    if not pattern.operands:
        return [Fault(path, "or_() has nothing to choose from and can never match")]
    return _check_combined(pattern, annotation, path)


def _check_in(pattern: Pattern[Any], annotation: object, path: str) -> Faults:
    if not pattern.operands:
        return [Fault(path, "no value to choose from: this can never match")]
    return _check_combined(pattern, annotation, path)


def _check_not(pattern: Pattern[Any], annotation: object, path: str) -> Faults:
    return [] if pattern.operands[0] is None else check_value(pattern.operands[0], annotation, path)


def _check_exists(pattern: Pattern[Any], annotation: object, path: str) -> Faults:
    operand = pattern.operands[0]
    return [] if isinstance(operand, bool) else [Fault(path, f"exists takes True or False, got {_show(operand)}")]


def _nothing(pattern: Pattern[Any], annotation: object, path: str) -> Faults:
    return []


_Check = Callable[[Pattern[Any], object, str], Faults]

_ANY_TYPE: Final[dict[str, _Check]] = {
    "any": _nothing,
    "empty": _nothing,
    "exists": _check_exists,
    "eq": _check_equal,
    "not": _check_not,
    "and": _check_combined,
    "or": _check_or,
    "in": _check_in,
}

_BY_TYPE: Final[dict[str, _Check]] = {
    **dict.fromkeys(("gt", "gte", "lt", "lte", "between"), _check_order),
    **dict.fromkeys(("match", "prefix", "suffix", "ignore_case"), _check_text),
    **dict.fromkeys(("contains", "any_item", "all_items"), _check_contains),
    "length": _check_length,
}
