"""What the command says, and how: lines, JSON, tables, colour, a line of progress. The only file of it that prints.

Colour and progress are for a terminal, never for a file or a pipe; ``NO_COLOR`` (no-color.org) switches colour off.
What strangers wrote cannot steer the terminal: control characters are spelt out. This file knows nothing of messages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Literal, TextIO

Colour = Literal["red", "green", "yellow", "dim", "bold"]

_CODES: Final[Mapping[Colour, str]] = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
_STEERING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and those that change the direction of text."""


def safe(text: str) -> str:
    """The text with everything spelt out that could steer a terminal; as JSON would spell it."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def line_of(text: str) -> str:
    """The same in one line."""
    return safe(" ".join(text.split()))


def coloured(text: str, colour: Colour, stream: TextIO | None = None) -> str:
    """The text in a colour, where the stream (standard output by default) shows colours."""
    shown = (stream or sys.stdout).isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if shown else text


def say(text: str) -> None:
    """Print what was asked for, to standard output, at once."""
    print(text, flush=True)


def say_json(value: object) -> None:
    """Print a value as one line of JSON, in ASCII."""
    print(json.dumps(value, separators=(",", ":")), flush=True)


def say_body(text: str) -> None:
    """Print what a stranger wrote: to a file as it is, to a terminal so that it cannot steer it."""
    print(safe(text) if sys.stdout.isatty() else text, flush=True)


def tell(text: str, colour: Colour | None = None) -> None:
    """Print what is said beside the result, to standard error."""
    print(text if colour is None else coloured(text, colour, sys.stderr), file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """A warning, in one line."""
    tell(f"mega-typed: warning: {line_of(text)}", "yellow")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is in them; numbers to the right."""
    lines = [header, *([line_of(cell) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    texts = [
        "  ".join(
            cell.rjust(width) if cell.isdecimal() else cell.ljust(width)
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([coloured(texts[0], "bold"), *texts[1:]])


class Progress:
    """One line on standard error that is written over, where that is a terminal; gone at the end."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._write("")

    def __call__(self, text: str) -> None:
        """Say how far it is."""
        self._write(text)

    def _write(self, text: str) -> None:
        if self._shown:
            width = max(shutil.get_terminal_size().columns - 1, 1)
            sys.stderr.write(f"\r\x1b[K{text[:width]}")
            sys.stderr.flush()
