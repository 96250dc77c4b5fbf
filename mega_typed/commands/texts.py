"""The text of a file or of standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from mega_typed.commands.command import CommandError


def text_of(file: str) -> str:
    """The text of a file, of standard input for ``-``. Raises ``CommandError``."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CommandError(f"cannot read {file}: {why}") from error
