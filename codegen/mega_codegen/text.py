"""Write text of strangers into Python source: as a string literal, and as a docstring. Pure functions over strings.

Whatever the text holds, what comes out is one string token in the spelling that ``ruff format`` prefers. Characters
that do not print, or that change the direction of the text around them, are written as escapes.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata

WIDTH = 88

_SPECIAL = re.compile(r"[^ -\[\]-~]")
"""Everything but printable ASCII, and the backslash."""

_QUOTES = re.compile(r'"{3,}|"$')
"""Quotes that could end a docstring."""

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def literal(value: str | float | bool | None) -> str:
    """A constant as Python source."""
    return _string(value) if isinstance(value, str) else repr(value)


def _string(value: str) -> str:
    quote = "'" if value.count('"') > value.count("'") else '"'
    escaped = _SPECIAL.sub(lambda found: _escaped(found[0]), value).replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if unicodedata.category(character)[0] not in "CZ":
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def docstring(text: str, indent: int, summary: str = "") -> list[str]:
    """A docstring as lines of source: a summary in one line, then the rest in paragraphs.

    Args:
        text: what it says; may be empty.
        indent: how far it is indented.
        summary: the first line when the text has none that fits.

    Returns:
        The lines, indented; none when there is nothing to say.
    """
    paragraphs = [paragraph for part in text.split("\n\n") if (paragraph := _plain(part))]
    summary, first = _plain(summary), paragraphs[0] if paragraphs else ""
    room = WIDTH - indent - 6
    if len(first) > room:
        sentence, stop, rest = first.partition(". ")
        if stop and len(sentence) + 1 <= room:
            paragraphs[:1] = [f"{sentence}.", rest]
        elif summary:
            paragraphs.insert(0, summary)
    elif not first and summary:
        paragraphs = [summary]
    if not paragraphs:
        return []
    pad = " " * indent
    paragraphs[0] = _sentence(paragraphs[0])
    if len(paragraphs) == 1 and len(paragraphs[0]) <= room:
        return [f'{pad}"""{paragraphs[0]}"""']
    lines = [line for paragraph in paragraphs for line in ("", *_wrap(paragraph, WIDTH - indent))][1:]
    body = [f"{pad}{line}" if line else "" for line in lines[1:]]
    return [f'{pad}"""{lines[0]}', *body, f'{pad}"""']


def _plain(text: str) -> str:
    """One paragraph in one line, safe between triple quotes."""
    joined = " ".join(text.split())
    escaped = _SPECIAL.sub(lambda found: _escaped(found[0]), joined)
    return _QUOTES.sub(lambda found: found[0].replace('"', '\\"'), escaped)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":", "\\")) else f"{text}."


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
