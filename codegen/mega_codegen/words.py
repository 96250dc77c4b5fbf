"""Python identifiers from text by strangers. Pure functions over strings; nothing else is known here."""

from __future__ import annotations

import keyword
import re
import unicodedata

_SPLIT = re.compile(r"[^0-9A-Za-z_\u00aa-\U0010ffff]+|_+")
_SIGNED = re.compile("[+-][0-9]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def identifier(text: str, digit: str) -> str:
    """The text with everything that an identifier cannot hold replaced by ``_``.

    Args:
        text: any text.
        digit: what to put before a leading digit.

    Returns:
        An identifier in the normal form that Python gives it, or an empty text.
    """
    normal = unicodedata.normalize("NFKC", text)
    name = "".join(character if f"a{character}".isidentifier() else "_" for character in normal)
    name = unicodedata.normalize("NFKC", name)
    if name.strip("_") == "":
        return ""
    return name if name.isidentifier() else f"{digit}{name}"


def class_name(text: str) -> str:
    """``item.added`` as ``ItemAdded``; an empty text when nothing is left."""
    name = identifier(text, "")
    words = [word for word in _SPLIT.split(name) if word]
    joined = unicodedata.normalize("NFKC", "".join(word[0].upper() + word[1:] for word in words))
    if not joined:
        return ""
    return joined if joined.isidentifier() else unicodedata.normalize("NFKC", f"N{joined}")


def module_name(text: str) -> str:
    """``item.added`` and ``ItemAdded`` as ``item_added``; an empty text when nothing is left."""
    name = identifier(_CAMEL.sub("_", text), "")
    words = [word for word in _SPLIT.split(name) if word]
    joined = unicodedata.normalize("NFKC", "_".join(words).lower())
    if not joined:
        return ""
    return avoid(joined if joined.isidentifier() else unicodedata.normalize("NFKC", f"n{joined}"), frozenset())


def member_name(text: str, taken: frozenset[str]) -> str:
    """The Python name of a property: its own where that is possible.

    Args:
        text: the name in the schema.
        taken: names that cannot be used.

    Returns:
        The name; a trailing underscore marks one that is taken. A few signs of ASCII are spelled out: ``<=`` as
        ``less_than_sign_equals_sign``. An empty text when nothing is left.
    """
    if _SIGNED.match(text):
        text = {"+": "plus_", "-": "minus_"}[text[0]] + text[1:]
    name = identifier(text, "field_") or _spelled_out(text)
    if name.startswith("_"):
        name = f"{name.strip('_')}_"
        name = name if name.isidentifier() else f"field_{name}"
    if name.startswith(("model_validate", "model_dump")):
        name = f"field_{name}"
    return avoid(name, taken)


def _spelled_out(text: str) -> str:
    """Signs by their names in Unicode, which never change; an empty text for what is long, or has no such names."""
    plain = text.isascii() and text.isprintable() and len(text) <= _SIGNS
    return "_".join(identifier(unicodedata.name(sign).lower(), "") for sign in text) if plain else ""


_SIGNS = 4
"""How many signs are spelled out."""


def avoid(name: str, taken: frozenset[str]) -> str:
    """The name, with a trailing underscore when it is taken or a keyword."""
    return f"{name}_" if name in taken or keyword.iskeyword(name) else name
