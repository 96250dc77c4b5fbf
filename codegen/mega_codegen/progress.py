"""Say what a long run is doing: one line on a terminal, written over by the next, and gone at the end.

Nothing is written in the first half second, and nothing at all where the stream is not a terminal. This part knows a
stream and a clock, and nothing of schemas.
"""

from __future__ import annotations

import shutil
import threading
from types import TracebackType
from typing import TextIO

PATIENCE = 0.5
"""Seconds in which nothing is said."""


class Progress:
    """The line; a context manager, and a function that takes the name of each step."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._lock = threading.Lock()
        self._text = ""
        self._late = False
        self._timer = threading.Timer(PATIENCE, self._begin)
        self._timer.daemon = True

    def __enter__(self) -> Progress:
        if self._shown:
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            self._shown = False
            if self._late:
                self._write("")

    def __call__(self, step: str) -> None:
        """Begin a step.

        Args:
            step: what it does, in a few words.
        """
        with self._lock:
            self._text = step
            if self._late:
                self._write(step)

    def _begin(self) -> None:
        with self._lock:
            if self._shown:
                self._late = True
                self._write(self._text)

    def _write(self, text: str) -> None:
        width = max(shutil.get_terminal_size().columns - 1, 1)
        line = f"mega-codegen: {text} ..."[:width] if text else ""
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
