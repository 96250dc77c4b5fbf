"""What each process of ``mega-typed listen`` runs: one listener, until it is told to stop.

``python -m mega_typed.commands.worker package.module:listener LEVEL``. Its standard input is a pipe that closes when
the command is gone; it stops then as after SIGTERM. Its exit status says whether another start could help.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Protocol, cast, runtime_checkable

from mega_typed.commands import terminal
from mega_typed.commands.command import CommandError, Status
from mega_typed.commands.loading import named
from mega_typed.errors import ConfigurationError, ProcessTimeoutError


@runtime_checkable
class Listener(Protocol):
    """What can listen: an ``SqsListener``."""

    def listen(self) -> None:
        """Until it is stopped."""
        ...


def run(place: str, level: str) -> Status:
    """Listen; returns how it ended."""
    threading.Thread(target=_stop_when_alone, daemon=True).start()
    try:
        listener = listener_at(place)
        # What the module has configured counts: this does nothing then.
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
        listener.listen()
    except CommandError as error:
        return _ended(str(error), Status.USAGE)
    except ConfigurationError as error:
        return _ended(f"{place}: {error}", Status.USAGE)
    except ProcessTimeoutError as error:
        return _ended(f"{place}: {error}", Status.FAILED)
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    return Status.OK


def listener_at(place: str) -> Listener:
    """The listener that is named, or that the function makes that is named. Raises ``CommandError``."""
    found = named(place)
    if isinstance(found, type) or not isinstance(found, Listener):
        if not callable(found):
            raise CommandError(f"{place} is a {type(found).__name__}, and no listener, nor a function that makes one")
        found = cast("object", found())
    if not isinstance(found, Listener):
        raise CommandError(f"{place} makes a {type(found).__name__}, which has no listen()")
    return found


def _stop_when_alone() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _ended(message: str, status: Status) -> Status:
    terminal.tell(f"mega-typed listen: {terminal.safe(message)}", "red")
    return status


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
