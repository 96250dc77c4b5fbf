"""What a pattern says about one value, as rules of an Amazon SNS filter policy (PATTERNS.md section 9).

Each step answers with rules that admit at least what the pattern admits, or with the reason why there are none. What
AWS does is taken from the pages of its Developer Guide "Filter policy constraints", "String value matching", "Numeric
value matching" and "Key matching"; where they leave something open, the reading that drops nothing counts.

This file knows patterns and the types of values; it knows no event, no subscriber and no policy as a whole.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast, get_args, get_origin
from uuid import UUID

from mega_typed.annotations import Member, members
from mega_typed.match import Pattern, has_predicate, is_nan, is_predicate, matches, not_
from mega_typed.regexes import bounded
from pydantic import BaseModel

Rule: TypeAlias = str | bool | dict[str, Any] | None
"""One element of the array at a key: an exact value or an operator with its operand."""

Rules: TypeAlias = tuple[Rule, ...]
Path: TypeAlias = tuple[str, ...]

ABSENT: Final[Rule] = {"exists": False}
PRESENT: Final[Rule] = {"exists": True}

_LARGEST: Final = Decimal(10**9)
_DIGITS: Final = Decimal("0.00001")
_MAX_DIGITS: Final = 10_000  # of a number that is looked at; exact sums of longer ones take their time
_MAX_EXCLUDED: Final = 30  # integers that are listed to say a range by its complement


# --- what kind of value stands at a place -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of the value on the wire.

    Attributes:
        name: ``text``, ``uuid``, ``date``, ``integer``, ``number``, ``options``, ``list``, ``model``, ``mapping``;
            ``solid`` is a scalar that is never an empty string and has many spellings (a decimal, a date-time);
            ``unknown`` may be anything that JSON can say; of ``other``, a union for instance, nothing is said.
        low: the least number, where the schema gives one, and ``high`` the greatest.
        options: the values of an enumeration.
        of: the annotation of a list's items or of a mapping's values, or the model.
    """

    name: str
    low: Decimal | None = None
    high: Decimal | None = None
    options: tuple[Any, ...] = ()
    of: Any = Any


UNKNOWN: Final = Kind("unknown")
TEXT: Final = Kind("text")
INTEGER: Final = Kind("integer")
OTHER: Final = Kind("other")
_NAMED: Final[dict[object, Kind]] = {
    Any: UNKNOWN,
    str: TEXT,
    int: INTEGER,
    float: Kind("number"),
    bool: Kind("options", options=(False, True)),
    UUID: Kind("uuid"),
    date: Kind("date"),
    datetime: Kind("solid"),
    Decimal: Kind("solid"),
}


def kind_of(annotation: object) -> Kind:
    """What an annotation says of the value; of a union of several types nothing."""
    found, _ = members(annotation)
    if len(found) != 1:
        return OTHER
    [member] = found
    origin, arguments = get_origin(member.type), get_args(member.type)
    if origin is Literal:
        return Kind("options", options=arguments)
    if isinstance(member.type, type) and not arguments and issubclass(member.type, BaseModel):
        return Kind("model", of=member.type)
    if (origin or member.type) is list:
        return Kind("list", of=arguments[0] if arguments else Any)
    if (origin or member.type) is dict:
        return Kind("mapping", of=arguments[1] if arguments else Any)
    return _bounded(_NAMED.get(member.type, OTHER), member)


def _bounded(kind: Kind, member: Member) -> Kind:
    """With the schema's bounds; an exclusive one counts as inclusive, which is wider."""
    if kind.name not in ("integer", "number"):
        return kind
    low = max(map(_decimal, (*member.bounds.at_least, *member.bounds.above)), default=None)
    high = min(map(_decimal, (*member.bounds.at_most, *member.bounds.below)), default=None)
    return replace(kind, low=low, high=high)


class Place(NamedTuple):
    """A place in the message, and what is known of it.

    Attributes:
        path: keys from the top.
        kind: of the value.
        absent: rules that say that the value is absent: none where it never is, ``None`` where it cannot be said.
        default: what an absent value counts as.
        there: whether the objects around it always are; an absent one has no values, and no defaults.
        elsewhere: whether a message without this key may match, since the value can stand at another place.
        conversions: the untyped reading.
    """

    path: Path
    kind: Kind = UNKNOWN
    absent: Rules | None = None
    default: object = None
    there: bool = True
    elsewhere: bool = False
    conversions: bool = False


# --- what a pattern says about one value, as rules --------------------------------------------------------------------


class Said(NamedTuple):
    """Rules that admit at least what the pattern admits; ``whole`` when they admit no more."""

    rules: Rules
    whole: bool = True


Answer: TypeAlias = Said | str
"""Rules, or why there are none; an empty reason where nothing is asked for."""

_PREDICATE: Final = "a function runs in Python only"
_MANY_SPELLINGS: Final = "the value has more than one spelling on the wire"
_NO_OPERATOR: Final = "SNS has no such operator"
_OUT_OF_RANGE: Final = "SNS compares numbers from -1e9 to 1e9 only, and the schema does not keep the value in there"
_ELSEWHERE: Final = "a message without this key may match as well"
NO_OBJECT: Final = "for SNS a key may be missing alone or with the object around it"
_OF_NO_USE: Final = "what could be said of it is always so"
_FIVE_DIGITS: Final = "SNS compares five digits after the decimal point"
ABSENCE: Final = "null and missing cannot be told from other values here"


def rules_at(place: Place, pattern: object) -> Answer:
    """What the pattern says about the value at this place, absence included."""
    rules: list[Rule] = [ABSENT] if place.elsewhere else []
    if matches(pattern, None):
        if place.absent is None:
            return ABSENCE
        rules += place.absent
    if place.default is not None and admits(pattern, place.default, place.conversions):
        rules += place.absent or (ABSENT,)
    said = _present(pattern, place.kind, place.conversions)
    if isinstance(said, str):
        return said
    found = once([*rules, *said.rules])
    nothing = "" if said.whole else _OF_NO_USE
    if PRESENT in found and place.absent == () and place.there and place.kind.name != "text":  # a text may be empty
        return nothing
    if PRESENT in found and ABSENT in found:
        return _ELSEWHERE if place.elsewhere else nothing if place.there else NO_OBJECT
    whole = said.whole and (place.there or place.elsewhere or ABSENT not in found)
    return Said(found, whole) if found else "it matches no value"


def _present(pattern: object, kind: Kind, conversions: bool) -> Answer:
    """What it says about a value that is present."""
    if pattern is None:
        return Said(())
    if is_predicate(pattern):
        return _PREDICATE
    if kind.name == "options":
        return _options(pattern, kind)
    if kind.name in ("integer", "number"):
        return _numbers(pattern, kind)
    if isinstance(pattern, Pattern):
        return _operator(pattern, kind, conversions)
    if isinstance(pattern, Mapping):
        return "an object is compared by its fields only"
    if isinstance(pattern, list | tuple | set | frozenset):
        listed = kind.name in ("list", "unknown")
        return _same_items(cast("Collection[object]", pattern), kind, conversions) if listed else "it matches no value"
    rule = _spelt(pattern, kind, conversions)
    return _MANY_SPELLINGS if rule is _UNSPELT else Said((cast("Rule", rule),))


_UNSPELT: Final = object()


def _spelt(value: object, kind: Kind, conversions: bool) -> object:
    """The rule for values that are equal to an operand, or ``_UNSPELT``."""
    if isinstance(value, str) and kind.name in ("text", "unknown"):
        text = str.__str__(value)
        return text if _is_unicode(text) else _UNSPELT
    if isinstance(value, UUID) and kind.name == "uuid":
        return {"equals-ignore-case": str(value)}  # a schema's uuid has one form, in either case
    if type(value) is date and kind.name == "date":
        return value.isoformat()
    if isinstance(value, bool) and kind.name == "unknown":
        return value
    if isinstance(value, int) and kind.name == "unknown" and not conversions and abs(value) < _LARGEST:
        return {"numeric": ["=", value]}
    return _UNSPELT


def _operator(pattern: Pattern[Any], kind: Kind, conversions: bool) -> Answer:
    operands = cast("tuple[Any, ...]", pattern.operands)
    textual = kind.name in ("text", "unknown")
    match pattern.operator:
        case "eq" | "in" | "or":
            return _either([_present(operand, kind, conversions) for operand in operands])
        case "and":
            return _both(pattern, kind, conversions)
        case "not":
            return _negated(operands[0], kind, conversions)
        case "any":
            return ""
        case "exists":
            return _being_there(kind) if operands[0] else Said(())
        case "empty":
            return Said(("",)) if kind.name == "text" else Said(()) if kind.name in _SOLID else _NO_OPERATOR
        case "prefix" | "suffix" if textual and operands[0] and _is_unicode(operands[0]):
            return Said(({pattern.operator: str.__str__(operands[0])},))
        case "match" if textual:
            literal = bounded(operands[0]).start if isinstance(operands[0], re.Pattern) else ""
            if not _is_unicode(literal):
                return _MANY_SPELLINGS
            return Said(({"prefix": literal},), whole=False) if literal else "SNS has no regular expressions"
        case "ignore_case" if textual:
            return _ignoring_case(operands[0])
        case "gt" | "gte" | "lt" | "lte" | "between":
            return _MANY_SPELLINGS if kind.name in ("solid", "unknown") else _NO_OPERATOR
        case "any_item" if kind.name in ("list", "unknown"):
            return _item(operands[0], kind, conversions)
        case "contains" if kind.name == "list":
            return _item(operands[0], kind, conversions)
        case _:
            return _NO_OPERATOR


_SOLID: Final = frozenset({"date", "integer", "number", "solid", "uuid"})
"""Kinds whose values are never an empty string, list or object."""


def _being_there(kind: Kind) -> Answer:
    # "Key matching": exists works on leaves, and the value must be neither null nor empty
    return Said((PRESENT,)) if kind.name in _SOLID else "for SNS an empty value does not exist, nor does an object"


def _either(answers: Sequence[Answer]) -> Answer:
    """Any one of them: sayable when all are. Values of one key are alternatives ("AND/OR logic")."""
    said: list[Said] = []
    for answer in answers:
        if isinstance(answer, str):
            return answer
        said.append(answer)
    return Said(once(rule for each in said for rule in each.rules), all(each.whole for each in said))


def _both(pattern: Pattern[Any], kind: Kind, conversions: bool) -> Answer:
    """All of them. The values of one key know no AND, so the most selective conjunct stands for all."""
    answers = [_present(operand, kind, conversions) for operand in pattern.operands]
    said = [answer for answer in answers if isinstance(answer, Said)]
    if not said:
        return next((answer for answer in answers if answer), "")
    best = min(said, key=lambda each: (weight(each.rules), len(each.rules)))
    if kind.name == "text" and all(isinstance(rule, str) for rule in best.rules):
        kept = tuple(rule for rule in best.rules if admits(pattern, rule, conversions))
        return Said(kept, not has_predicate(pattern))
    excluded = [values for each in said if (values := _excluded(each.rules))]
    if len(excluded) > 1 and _excluded(best.rules):
        together = {"anything-but": list(dict.fromkeys(value for values in excluded for value in values))}
        return Said((together,), len(excluded) == len(answers) and all(each.whole for each in said))
    return Said(best.rules, best.whole and all(a is best or a == "" for a in answers))


def _excluded(rules: Rules) -> list[str]:
    """The values that the only rule lists as those that do not match."""
    [rule] = rules if len(rules) == 1 else [None]
    values = rule.get("anything-but") if isinstance(rule, dict) else None
    return cast("list[str]", values) if isinstance(values, list) else []


def _negated(pattern: object, kind: Kind, conversions: bool) -> Answer:
    """What a present value is that does not match. Only of a scalar: what AWS negates in lists is not documented."""
    if pattern is None:
        return _being_there(kind)
    if is_predicate(pattern):
        return _PREDICATE
    operator = pattern.operator if isinstance(pattern, Pattern) else ""
    operands: tuple[Any, ...] = pattern.operands if isinstance(pattern, Pattern) else ()
    if operator == "not":
        return _present(operands[0], kind, conversions)
    if operator == "exists" or operator == "any":
        return _being_there(kind) if operands == (False,) else "it matches no value"
    if operator == "empty" and (kind.name == "text" or kind.name in _SOLID):
        return Said((PRESENT,))
    if operator in ("eq", "in", "or"):
        return _both(Pattern("and", *map(not_, operands)), kind, conversions)
    if operator == "and":
        return _either([_negated(operand, kind, conversions) for operand in operands])
    if kind.name == "text" and operator == "prefix" and operands[0] and _is_unicode(operands[0]):
        return Said(({"anything-but": {"prefix": str.__str__(operands[0])}},))
    if kind.name == "text" and isinstance(pattern, str) and pattern and _is_unicode(pattern):
        return Said(({"anything-but": [str.__str__(pattern)]},))
    if kind.name == "uuid" and isinstance(pattern, UUID):
        return Said(({"anything-but": [str(pattern)]},), whole=False)  # upper case passes
    if kind.name == "date" and type(pattern) is date:
        return Said(({"anything-but": [pattern.isoformat()]},))
    return "SNS does not negate this"


def _item(pattern: object, kind: Kind, conversions: bool) -> Answer:
    """A list of which one item matches: SNS compares a list item by item, and one is enough."""
    if matches(pattern, None):
        return ABSENCE
    said = _present(pattern, kind_of(kind.of) if kind.name == "list" else UNKNOWN, conversions)
    if isinstance(said, Said) and any(
        isinstance(r, dict) and r.keys() & {"anything-but", "exists"} for r in said.rules
    ):
        return "what SNS negates in a list is not documented"
    return said or "it asks for a list that is not empty"


def _same_items(pattern: Iterable[object], kind: Kind, conversions: bool) -> Answer:
    """A list with the same items: it has the first of them that can be said."""
    answers = [_item(item, kind, conversions) for item in pattern]
    said = [answer for answer in answers if isinstance(answer, Said)]
    return Said(said[0].rules, whole=False) if said else next(iter(answers), "SNS cannot say that a list is empty")


def _options(pattern: object, kind: Kind) -> Answer:
    """An enumeration: the values that match, whatever the pattern is."""
    values = [value for value in kind.options if admits(pattern, value, conversions=False)]
    if len(values) == len(kind.options):
        return _PREDICATE if has_predicate(pattern) else _being_there(Kind("text" if "" in values else "solid"))
    rules = tuple(value if isinstance(value, str | bool) else {"numeric": ["=", value]} for value in values)
    if not all(isinstance(v, str | bool) or (isinstance(v, int) and abs(v) < _LARGEST) for v in values):
        return _OUT_OF_RANGE
    return Said(rules, not has_predicate(pattern))


# An order, equality and their negation on numbers are ranges, both ends included. A float is compared with five digits
# only, so an end is moved outwards and an excluded end counts as included; an integer's are exact.

_Range: TypeAlias = tuple[Decimal | None, Decimal | None]
_ALL_NUMBERS: Final[list[_Range]] = [(None, None)]


def _numbers(pattern: object, kind: Kind) -> Answer:
    integers = kind.name == "integer"
    ranges = _ranges(pattern, integers, negated=False)
    if ranges is None:
        return _PREDICATE if has_predicate(pattern) else _NO_OPERATOR
    ranges = _clipped(ranges, [(kind.low, kind.high)])
    every = (kind.low, kind.high)
    exact = every in ranges
    ranges = _merged(ranges, integers)
    if every in ranges:
        return _PREDICATE if has_predicate(pattern) else _being_there(kind) if integers or exact else _FIVE_DIGITS
    whole = integers and not has_predicate(pattern)
    rules = [_range_rule(low, high) for low, high in ranges]
    if None not in rules:
        return Said(once(rules), whole)
    excluded = _left_out(ranges, kind) if integers else None
    return Said(({"anything-but": excluded},), whole) if excluded else _OUT_OF_RANGE


def _ranges(pattern: object, integers: bool, negated: bool) -> list[_Range] | None:
    """Ranges that hold all numbers that match, or that do not when ``negated``; ``None`` where it is not known."""
    if pattern is None:
        return list(_ALL_NUMBERS) if negated else []
    if isinstance(pattern, int | float | Decimal):
        return _compared("eq", pattern, integers, negated)
    if not isinstance(pattern, Pattern):
        return None
    operands = pattern.operands
    match pattern.operator:
        case "gt" | "gte" | "lt" | "lte":
            return _compared(pattern.operator, operands[0], integers, negated)
        case "between":
            bounds = Pattern[Any]("and", Pattern("gte", operands[0]), Pattern("lte", operands[1]))
            return _ranges(bounds, integers, negated)
        case "not":
            return _ranges(operands[0], integers, not negated)
        case "any" | "exists" | "empty":
            every = pattern.operator == "any" or operands == (True,)
            return list(_ALL_NUMBERS) if every is not negated else []
        case "eq" | "in" | "or" | "and":
            parts = [_ranges(operand, integers, negated) for operand in operands]
            if (pattern.operator == "and") is negated:
                return None if None in parts else [each for part in parts for each in part or ()]
            known = [part for part in parts if part is not None]
            ranges = list(_ALL_NUMBERS)
            for part in known:
                ranges = _clipped(ranges, part)
            return ranges if known else None
        case _:
            return None


_OPPOSITE: Final = {"gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt"}


def _compared(operator: str, operand: object, integers: bool, negated: bool) -> list[_Range] | None:
    if isinstance(operand, bool) or not isinstance(operand, int | float | Decimal) or is_nan(operand):
        return None
    bound = _decimal(operand)
    if not bound.is_finite() or bound.adjusted() > _MAX_DIGITS:
        return None
    if operator == "eq":
        if not negated:
            return [] if integers and bound != bound.to_integral_value() else [(bound, bound)]
        below, above = (
            _compared("lt", operand, integers, negated=False),
            _compared("gt", operand, integers, negated=False),
        )
        return [*(below or ()), *(above or ())]
    if negated:
        operator = _OPPOSITE[operator]
    if integers:  # sums of integers are exact, and those of decimals up to 28 digits only
        down, up = math.floor(bound), math.ceil(bound)
        bound = Decimal({"gt": down + 1, "gte": up, "lt": up - 1, "lte": down}[operator])
    return [(bound, None)] if operator in ("gt", "gte") else [(None, bound)]


def _decimal(number: float | Decimal) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(repr(number) if isinstance(number, float) else number)


def _clipped(ranges: list[_Range], others: list[_Range]) -> list[_Range]:
    """What is in a range of either list."""
    found: list[_Range] = []
    for low, high in ranges:
        for other_low, other_high in others:
            lows = [bound for bound in (low, other_low) if bound is not None]
            highs = [bound for bound in (high, other_high) if bound is not None]
            both = max(lows, default=None), min(highs, default=None)
            if both[0] is None or both[1] is None or both[0] <= both[1]:
                found.append(both)
    return found


def _merged(ranges: list[_Range], integers: bool) -> list[_Range]:
    """Ranges in order, those that touch as one."""
    found: list[_Range] = []
    for low, high in sorted(ranges, key=lambda each: (each[0] is not None, each[0] or 0)):
        last = found[-1] if found else None
        if last is None or (last[1] is not None and low is not None and _apart(last[1], low, integers)):
            found.append((low, high))
        elif last[1] is not None and (high is None or high > last[1]):
            found[-1] = (last[0], high)
    return found


def _apart(high: Decimal, low: Decimal, integers: bool) -> bool:
    """Whether there are numbers between the end of one range and the start of the next."""
    return int(low) - int(high) > 1 if integers else low > high


def _range_rule(low: Decimal | None, high: Decimal | None) -> Rule:
    """The rule for a range, or ``None`` when SNS cannot compare all numbers in it."""
    if low is None or high is None or low <= -_LARGEST or high >= _LARGEST:
        return None
    low, high = low.quantize(_DIGITS, "ROUND_FLOOR"), high.quantize(_DIGITS, "ROUND_CEILING")
    if low == high:
        return {"numeric": ["=", _plain(low)]}
    return {"numeric": [">=", _plain(low), "<=", _plain(high)]}


def _left_out(ranges: list[_Range], kind: Kind) -> list[int] | None:
    """The few integers that no range holds; a number that SNS cannot compare differs from them."""
    found: list[int] = []
    gaps: list[_Range] = [(kind.low, kind.high)]
    for low, high in ranges:
        outside: list[_Range] = [(None, low - 1)] if low is not None else []
        outside += [(high + 1, None)] if high is not None else []
        gaps = _clipped(gaps, outside)
    for low, high in gaps:
        if low is None or high is None or high - low >= _MAX_EXCLUDED or max(abs(low), abs(high)) >= _LARGEST:
            return None
        found += range(int(low), int(high) + 1)
    return found if 0 < len(found) <= _MAX_EXCLUDED else None


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _ignoring_case(text: str) -> Answer:
    """``equals-ignore-case`` where folding can only lead to ASCII: ``K`` is also the Kelvin sign, ``s`` the long s."""
    lower = text.lower()
    if not text.isascii() or "k" in lower or "s" in lower or re.search("f[fil]", lower):
        return "case folding knows more spellings than SNS"
    return Said(({"equals-ignore-case": lower},) if lower else ("",))


def admits(pattern: object, value: object, conversions: bool) -> bool:
    """Whether a value can match, were every predicate to agree; none is called."""
    if not has_predicate(pattern):
        return matches(pattern, value, conversions=conversions)
    if isinstance(pattern, Pattern) and pattern.operator == "and":
        return all(admits(operand, value, conversions) for operand in pattern.operands)
    return True


def once(rules: Iterable[Rule]) -> Rules:
    """Without repetitions, absence first."""
    found = {json.dumps(rule): rule for rule in rules}
    return tuple(sorted(found.values(), key=lambda rule: rule != ABSENT))


def weight(rules: Rules) -> int:
    """How little rules select, absence aside: 0 for exact values."""
    return max((_WEIGHTS.get(_keyword(rule), 0) for rule in rules if rule != ABSENT), default=0)


def _keyword(rule: Rule) -> str:
    if not isinstance(rule, dict):
        return ""
    [(keyword, operand)] = rule.items()
    return "range" if keyword == "numeric" and len(operand) > 2 else str(keyword)


_WEIGHTS: Final = {"range": 2, "prefix": 2, "suffix": 2, "anything-but": 4, "exists": 5}
