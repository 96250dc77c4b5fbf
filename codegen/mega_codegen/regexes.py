r"""Write a regular expression of JSON Schema (ECMA-262) for the engine that pydantic uses (Rust's ``regex``).

The two agree on most of what schemas use; where the same text means something else (``\d`` and ``\w`` match digits
and letters of every script in Rust) it is rewritten, and what Rust does not have is refused. Matching is linear in the
length of the text, so that no expression can hang a consumer. This file knows nothing else.
"""

from __future__ import annotations

import re
from functools import cache

_OUTSIDE = {"d": "[0-9]", "D": "[^0-9]", "w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]", "/": "/", "b": r"(?-u:\b)"}
_INSIDE = {"d": "0-9", "w": "A-Za-z0-9_", "/": "/", "b": r"\x08"}
_PIECE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|c[A-Za-z]|.)|.", re.DOTALL)
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
    if name[0] == "u" and len(name) > 1:
        return rf"\u{{{name[1:]}}}", ""
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
    return f"\\{name}", ""


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
