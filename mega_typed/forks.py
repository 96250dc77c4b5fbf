"""What must not go on in a child process as it was: connections, locks and threads that the parent goes on with.

Whoever holds such things says so once (`tell_of_forks`), and is told in every child before the child runs anything
else. Threads of the parent do not exist there, and a lock that one of them held would stay locked. This file knows
neither of them.
"""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet

__all__ = ["tell_of_forks"]


class Forked(Protocol):
    """Holds something of one process."""

    def start_anew(self) -> None:
        """This is a child process now: forget what belongs to the parent."""
        ...


def tell_of_forks(holder: Forked) -> None:
    """Have ``start_anew`` called in every child, for as long as the holder is in use."""
    _holders.add(holder)


_holders: Final = WeakSet[Forked]()


def _tell() -> None:
    for holder in tuple(_holders):
        holder.start_anew()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_tell)
