r"""Write a regular expression of JSON Schema (ECMA-262) for the engine that pydantic uses (Rust's ``regex``).

The two agree on most of what schemas use; where the same text means something else (``\d`` and ``\w`` match digits
and letters of every script in Rust, ``\s`` other blanks) it is rewritten; what Rust does not have is left to the check
that the class carries, and what ECMA does not have is refused. Matching is linear in the length of the text, and
repetitions within repetitions are bounded, so that no expression can hang a consumer. This file knows nothing else.
"""

from __future__ import annotations

import re
from functools import cache

_BLANK = r"\t-\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}"
_OUTSIDE = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[A-Za-z0-9_]",
    "W": "[^A-Za-z0-9_]",
    "s": f"[{_BLANK}]",
    "S": f"[^{_BLANK}]",
    "/": "/",
    "b": r"(?-u:\b)",
}
_INSIDE = {"d": "0-9", "w": "A-Za-z0-9_", "s": _BLANK, "/": "/", "b": r"\x08"}
_ANY = r"[^\n\r\u{2028}\u{2029}]"
_PIECE = re.compile(
    r"\\(?:u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|c[A-Za-z]|[pP]\{[A-Za-z0-9_=]+\}|.)"
    r"|\((?:\?(?::|<(?![=!]))?)?|\{[0-9]+(?:,[0-9]*)?\}|.",
    re.DOTALL,
)
_COUNT = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")
_SAME = frozenset("tnrvf^$\\.*+?()[]{}|-")
"""Escapes that mean the same in Rust, inside brackets too."""
_LITERAL = frozenset("!\"#%&',:;<=>@_`~ ")
"""Characters that may be escaped and mean themselves, and that need no escape in Rust, or must not have one."""

REPETITIONS = 1000
"""How often a part may be repeated by repetitions that stand within each other: the time for one character of the text
grows with it."""
_ASTRAL = re.compile(r"\\u[Dd][89ABab][0-9A-Fa-f]{2}")


@cache
def to_rust(pattern: str) -> tuple[str, str]:
    """The same expression for the Rust engine.

    Args:
        pattern: an ECMA-262 regular expression.

    Returns:
        The expression and an empty text, or an empty text and why there is none.
    """
    if _ASTRAL.search(pattern):
        return "", "it spells a character as two surrogates"
    if _repeats(pattern) > REPETITIONS:
        return "", f"repetitions within each other repeat a part more than {REPETITIONS} times"
    parts: list[str] = []
    inside = False
    for piece in _PIECE.findall(pattern):
        if piece.startswith("\\"):
            part, fault = _escape(piece[1:], inside)
            if fault:
                return "", fault
            parts.append(part)
            continue
        if not inside and piece == "{":
            return "", "a brace that is no repetition"
        if not inside and piece == ".":
            parts.append(_ANY)
            continue
        if not inside and piece == "(?":
            return "", "of groups with '?' there are (?:...) and (?<name>...)"
        if inside and piece == "]" and (parts[-1] == "[" or parts[-2:] == ["[", "^"]):
            return "", "empty brackets"
        if inside and piece in "[&~-" and parts[-1] == piece:
            parts.append("\\")  # [[, &&, ~~ and -- have a meaning of their own in Rust
        elif inside and piece == "[":
            parts.append("\\")
        if piece == "[" and not inside:
            inside = True
        elif piece == "]":
            inside = False
        parts.append(piece)
    rust = "".join(parts)
    return ("", _fault(rust)) if _fault(rust) else (rust, "")


def _escape(name: str, inside: bool) -> tuple[str, str]:
    if name.startswith("u{"):
        return f"\\{name}", ""
    if name[0] == "u" and len(name) > 1:
        return rf"\u{{{name[1:]}}}", ""
    if name[0] in "xpP" and len(name) > 1:
        return f"\\{name}", ""
    if name[0] == "c" and len(name) > 1:
        return rf"\x{ord(name[1]) % 32:02x}", ""
    if name.isdigit() and name != "0":
        return "", f"Rust's engine has no back reference (\\{name})"
    if name == "0":
        return r"\x00", ""
    if inside and name in "DWS":
        return "", f"\\{name} inside brackets"
    table = _INSIDE if inside else _OUTSIDE
    if name in table:
        return table[name], ""
    if name == "B":
        return "", "\\B is not supported"
    if name in _SAME:
        return f"\\{name}", ""
    if name in _LITERAL:
        return f"\\x{ord(name):02x}" if inside else name, ""
    return "", f"\\{name} is no escape of ECMA-262"


def _repeats(pattern: str) -> int:
    """How often counted repetitions within other repetitions repeat a part at most; 1 when none stands in another."""
    worst, inside = 1, False
    groups: list[int] = [1]  # for each open group: the highest count within it
    last = 1  # that of the group that was just closed
    for piece in _PIECE.findall(pattern):
        if inside:
            inside = piece != "]"
        elif piece == "[":
            inside, last = True, 1
        elif piece.startswith("("):
            groups.append(1)
            last = 1
        elif piece == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] = max(groups[-1], last)
        elif count := _COUNT.fullmatch(piece):
            most = int((count[2] or count[1])[:9])
            worst = max(worst, last * most if last > 1 else 1)
            last *= most
            groups[-1] = max(groups[-1], last)
        elif piece in "*+":
            worst = max(worst, last)
        elif piece != "?":
            last = 1
    return worst


@cache
def unreadable(pattern: str) -> str:
    """Why the check that a class carries cannot enforce an expression; empty when it can."""
    import jsonschema_rs

    if _repeats(pattern) > REPETITIONS:
        return f"repetitions within each other repeat a part more than {REPETITIONS} times"
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return "no engine here reads it"
    return ""


@cache
def _fault(pattern: str) -> str:
    """Why the engine refuses an expression; empty when it does not."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return lines[-1].removeprefix("error: ")
    return ""
