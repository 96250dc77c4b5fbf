"""Wait for changes below a folder of schemas. The only part that knows ``watchfiles`` (extra ``codegen``).

A folder that is removed and made again is noticed too. What is read is decided elsewhere: this part only says that
something may have changed, and knows nothing of what is done then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from mega_codegen.errors import MissingDependency

SETTLE = 200
"""Milliseconds without a change, after which a change is complete."""
_AT_MOST = 2000
"""Milliseconds after which a change that goes on is taken as it is."""
_LOOK = 1000
"""Milliseconds after which a look is taken at whether the folder itself is still the same."""


def changes(folder: Path) -> Iterator[None]:
    """Wait for changes; yields whenever there may have been one, and never ends.

    Args:
        folder: the folder of schemas.

    Raises:
        MissingDependency: watchfiles is not installed.
    """
    try:
        import watchfiles
    except ImportError as error:
        raise MissingDependency("watchfiles") from error

    def wait() -> Iterator[None]:
        while True:
            here = _identity(folder)
            if here is None:
                yield  # it may have gone before anybody looked
                time.sleep(_LOOK / 1000)
                continue
            new = True  # something may have changed before this begins to look
            try:
                for found in watchfiles.watch(
                    folder,
                    watch_filter=None,
                    step=SETTLE,
                    debounce=_AT_MOST,
                    rust_timeout=_LOOK,
                    yield_on_timeout=True,
                ):
                    same = _identity(folder) == here
                    if found or new or not same:
                        yield
                    new = False
                    if not same:
                        break
            except OSError:  # it went away meanwhile
                time.sleep(_LOOK / 1000)

    return wait()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
