"""Amazon SNS subscription filter policies: what is wrong with one, and which messages it lets through.

Written from the pages of the SNS Developer Guide ("Amazon SNS subscription filter policies", "String value matching",
"Numeric value matching", "Key matching", "AND/OR logic", "Filter policy constraints"), and independent of the compiler
of this library (``filter_policy``), so that each can be held against the other. A key with a dot is one name here; AWS
takes it for a path as well. This file knows JSON and no topic.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any, Final, Literal, TypeAlias

from mega_typed.testing.faults import Refusal

Scope: TypeAlias = Literal["MessageAttributes", "MessageBody"]

MAX_KEYS: Final = 5
MAX_COMBINATIONS: Final = 150
MAX_BYTES: Final = 262_144

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RESERVED: Final = frozenset(
    {"anything-but", "prefix", "suffix", "equals-ignore-case", "numeric", "exists", "cidr", "wildcard"}
    | {"exactly", "regex", "not-wildcard", "not-equals-ignore-case", "ip-address-in-range", "ip-address-not-in-range"}
    | {"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range", *_COMPARE}
)
"""Names of rules, of AWS's own matcher (github.com/aws/event-ruler) too."""
_DIGITS: Final = 5  # "five digits of accuracy after the decimal point"


# --- what is wrong with a policy --------------------------------------------------------------------------------------


def parse_policy(text: str, scope: Scope) -> dict[str, Any]:
    """A policy, checked.

    Raises:
        Refusal: ``InvalidParameter``, as SNS has it.
    """
    try:
        policy: Any = json.loads(text)
    except ValueError:
        raise _invalid("failed to parse JSON") from None
    if not isinstance(policy, dict):
        raise _invalid("the policy must be an object")
    if len(text.encode()) > MAX_BYTES:
        raise _invalid(f"Filter policy is too large, {MAX_BYTES} bytes at most")
    combinations = _combinations(policy, scope, 1)
    if sum(1 for _ in _leaves(policy)) > MAX_KEYS:
        raise _invalid(f"Filter policy can not have more than {MAX_KEYS} keys")
    if combinations > MAX_COMBINATIONS:
        raise _invalid("Filter policy is too complex")
    return policy


def _leaves(policy: Mapping[str, Any]) -> Iterator[str]:
    """The keys with rules; a key that stands in several branches of ``$or`` counts once."""
    seen: set[str] = set()
    stack: list[tuple[str, Any]] = [("", policy)]
    while stack:
        path, node = stack.pop()
        for key, value in node.items():
            if key == "$or" and _is_or(value):
                stack += [(path, branch) for branch in value]
            elif isinstance(value, dict):
                stack.append((f"{path}.{key}", value))
            elif f"{path}.{key}" not in seen:
                seen.add(f"{path}.{key}")
                yield f"{path}.{key}"


def _is_or(value: object) -> bool:
    """Whether ``$or`` is meant: two branches or more, none with a key that is the name of a rule; else it is a key."""
    branches = value if isinstance(value, list) and len(value) > 1 else [None]
    return all(isinstance(each, dict) and not _RESERVED & each.keys() for each in branches)


def _combinations(policy: Mapping[str, Any], scope: Scope, depth: int) -> int:
    total = 1
    for key, value in policy.items():
        if key == "$or" and _is_or(value):
            total *= sum(_combinations(branch, scope, depth) for branch in value)
        elif isinstance(value, dict):
            if scope == "MessageAttributes":
                raise _invalid("Filter policy scope MessageAttributes does not support nested filter policy")
            if not value:
                raise _invalid("Empty objects are not allowed")
            total *= _combinations(value, scope, depth + 1)
        elif isinstance(value, list):
            if not value:
                raise _invalid("Empty arrays are not allowed")
            for rule in value:
                _check_rule(rule)
            total *= len(value) * depth
        else:
            raise _invalid(f'"{key}" must be an object or an array')
    return total


def _check_rule(rule: Any) -> None:
    match rule:
        case None | str() | bool() | int() | float():
            return
        case {"exists": bool()} if len(rule) == 1:
            return
        case {"prefix": str()} | {"suffix": str()} | {"equals-ignore-case": str()} if len(rule) == 1:
            return
        case {"anything-but": but} if len(rule) == 1:
            _check_anything_but(but)
        case {"numeric": list(terms)} if len(rule) == 1:
            _check_numeric(terms)
        case {"cidr": str(block)} if len(rule) == 1:
            try:
                ip_network(block)
            except ValueError:
                raise _invalid(f"Malformed CIDR: {block}") from None
        case dict():
            raise _invalid(f"Unrecognized match type {next(iter(rule), '')}")
        case _:
            raise _invalid("Match value must be String, number, true, false, or null")


def _check_anything_but(but: Any) -> None:
    match but:
        case str() | bool() | int() | float():
            return
        case [_, *_] if all(isinstance(each, str) for each in but) or all(_is_number(each) for each in but):
            return
        case {"prefix": str() | list()} | {"suffix": str() | list()} if len(but) == 1:
            return
        case _:
            raise _invalid(f"Unsupported anything-but pattern: {json.dumps(but)}")


def _check_numeric(terms: list[Any]) -> None:
    operators, numbers = terms[::2], terms[1::2]
    ranges = [(low, high) for low in (">", ">=") for high in ("<", "<=")]
    known = len(operators) == 1 and operators[0] in _COMPARE
    if not (known or tuple(operators) in ranges) or len(numbers) != len(operators) or not all(map(_is_number, numbers)):
        raise _invalid(f"Invalid numeric expression: {json.dumps(terms)}")
    if len(numbers) == 2 and not numbers[0] < numbers[1]:
        raise _invalid("Bottom must be less than top")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _invalid(reason: str) -> Refusal:
    return Refusal("InvalidParameter", f"Invalid parameter: FilterPolicy: {reason}")


# --- which messages it lets through -----------------------------------------------------------------------------------


def lets_through(
    policy: Mapping[str, Any], scope: Scope, body: str, attributes: Mapping[str, Mapping[str, Any]]
) -> bool:
    """Whether a subscription with a policy is given a message.

    Args:
        policy: as `parse_policy` gives it.
        scope: what it is about.
        body: of the message.
        attributes: of the message, as SNS spells them.
    """
    if not policy:
        return True
    if scope == "MessageAttributes":
        document: object = {name: value for name, each in attributes.items() for value in _attribute_values(each)}
    else:
        try:
            document = json.loads(body)
        except ValueError:
            return False
    # "exists: false only matches if at least one attribute is present"
    return isinstance(document, dict) and bool(document) and _matches(policy, document)


def _attribute_values(attribute: Mapping[str, Any]) -> Iterator[object]:
    """The value that a policy sees of an attribute: one at most; none of a binary one."""
    kind, text = str(attribute.get("DataType", "")), attribute.get("StringValue")
    if kind.startswith("Binary") or text is None:
        return
    if kind == "String.Array":
        with suppress(ValueError):
            yield json.loads(text)
    elif kind.startswith("Number"):
        with suppress(ValueError):
            yield float(text)
    else:
        yield text


def _matches(policy: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    for key, rules in policy.items():
        if key == "$or" and _is_or(rules):
            if not any(_matches(branch, document) for branch in rules):
                return False
        elif isinstance(rules, dict):
            inner = document.get(key)
            # A list of objects matches when one of them does, in lists too; what is no object has none of the keys.
            branches = [each for each in _elements(inner) if isinstance(each, dict)]
            if not any(_matches(rules, branch) for branch in branches or [{}]):
                return False
        elif not _any_rule(rules, document, key):
            return False
    return True


def _any_rule(rules: list[Any], document: Mapping[str, Any], key: str) -> bool:
    found = document.get(key)
    values = [each for each in _elements(found) if not isinstance(each, dict)] if key in document else []
    for rule in rules:
        if isinstance(rule, dict) and "exists" in rule:
            if rule["exists"] == bool(values):
                return True
        elif any(_meets(rule, value) for value in values):
            return True
    return False


def _elements(value: object) -> Iterator[object]:
    """The elements of a list, of lists in it too; anything else is one."""
    if isinstance(value, list):
        for each in value:
            yield from _elements(each)
    else:
        yield value


def _meets(rule: object, value: object) -> bool:
    match rule:
        case {"anything-but": but}:
            return value is not None and not _is_one_of(but, value)
        case {"prefix": str(start)}:
            return isinstance(value, str) and value.startswith(start)
        case {"suffix": str(end)}:
            return isinstance(value, str) and value.endswith(end)
        case {"equals-ignore-case": str(text)}:
            return isinstance(value, str) and value.casefold() == text.casefold()
        case {"numeric": list(terms)}:
            return (
                _is_number(value)
                and all(
                    _COMPARE[sign](round(value, _DIGITS), round(number, _DIGITS))  # type: ignore[call-overload] # pyright: ignore[reportArgumentType,reportCallIssue]
                    for sign, number in zip(terms[::2], terms[1::2], strict=True)
                )
            )
        case {"cidr": str(block)}:
            with suppress(ValueError):
                return isinstance(value, str) and ip_address(value) in ip_network(block)
            return False
        case _:
            return _equal(rule, value)


def _is_one_of(but: object, value: object) -> bool:
    match but:
        case list():
            return any(_equal(each, value) for each in but)
        case {"prefix": starts}:
            return isinstance(value, str) and value.startswith(tuple(starts) if isinstance(starts, list) else starts)
        case {"suffix": ends}:
            return isinstance(value, str) and value.endswith(tuple(ends) if isinstance(ends, list) else ends)
        case _:
            return _equal(but, value)


def _equal(rule: object, value: object) -> bool:
    if _is_number(rule) and _is_number(value):
        return round(rule, _DIGITS) == round(value, _DIGITS)  # type: ignore[call-overload,no-any-return] # pyright: ignore
    return type(rule) is type(value) and rule == value
