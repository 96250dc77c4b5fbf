r"""Write a regular expression of JSON Schema (ECMA-262) for the engine that pydantic uses (Rust's ``regex``).

The two agree on most of what schemas use; where the same text means something else (``\d`` and ``\w`` match digits
and letters of every script in Rust) it is rewritten, and what Rust does not have is left to the check that the class
carries. Matching is linear in the length of the text, so that no expression can hang a consumer. This file knows
nothing else.
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
    "/": "/",
    "b": r"(?-u:\b)",
    "s": f"[{_BLANK}]",
    "S": f"[^{_BLANK}]",
}
_INSIDE = {"d": "0-9", "w": "A-Za-z0-9_", "/": "/", "b": r"\x08", "s": _BLANK}
_PIECE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|c[A-Za-z]|.)|.", re.DOTALL)
_LETTERS = frozenset("nrtfv")
"""Escapes by letter that mean the same to both."""

_OTHER_MEANING = re.compile(r"\(\?[^:]|\{,|(?<!\\)\[\^?\]")
"""Groups with a mark, a repetition without a minimum, an empty class: Rust may read them in another way."""

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
    if _OTHER_MEANING.search(pattern):
        return "", "it has a group, a class or a repetition that Rust's engine may read in another way"
    parts: list[str] = []
    inside = False
    for piece in _PIECE.findall(pattern):
        if piece.startswith("\\"):
            part, fault = _escape(piece[1:], inside)
            if fault:
                return "", fault
            parts.append(part)
            continue
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
    table = _INSIDE if inside else _OUTSIDE
    if name[0] == "u" and len(name) > 1:
        return rf"\u{{{name[1:]}}}", ""
    if name[0] == "c" and len(name) > 1:
        return rf"\x{ord(name[1]) % 32:02x}", ""
    if name.isdigit() and name != "0":
        return "", f"Rust's engine has no back reference (\\{name})"
    if name == "0":
        return r"\x00", ""
    if name.isalpha() and name not in table and name not in _LETTERS and name not in "DWSB":
        return "", f"\\{name} may mean something else to Rust's engine"
    if inside and name in "DWS":
        return "", f"\\{name} inside brackets"
    if name in table:
        return table[name], ""
    if name == "B":
        return "", "\\B is not supported"
    return f"\\{name}", ""


@cache
def readable(pattern: str) -> bool:
    """Whether the check that a class carries can read an expression."""
    import jsonschema_rs

    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


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
