"""``mega-typed demo``: typed events through an SNS and SQS on this machine, to see it work.

The program is ``examples/demo.py`` of the repository, over the events of ``generated/``. There is one copy of both: a
checkout has them beside the package, and a wheel in a folder of it.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

from mega_typed.commands import terminal
from mega_typed.commands.command import Command, CommandError, Status

_PACKAGE: Final = Path(__file__).parent.parent
_PLACES: Final = (_PACKAGE / "demonstration", _PACKAGE.parent)
_PROGRAM: Final = Path("examples", "demo.py")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", action="store_true", help="print the program instead of running it")


def _run(options: argparse.Namespace) -> Status:
    folder = next((place for place in _PLACES if (place / _PROGRAM).exists()), None)
    if folder is None:
        raise CommandError(f"{_PROGRAM} is not installed; install the package anew")
    if options.source:
        terminal.say_body((folder / _PROGRAM).read_text(encoding="utf-8").rstrip())
        return Status.OK
    sys.path.insert(0, str(folder))
    import_module("examples.demo").main()
    return Status.OK


COMMAND = Command(
    "demo",
    "see typed events go through an SNS and SQS on this machine",
    "Start an SNS and SQS on this machine (extra `local`: pip install 'mega-typed[local]'), publish typed events, "
    "consume them, and say what became of each message. Nothing leaves the machine.",
    ("mega-typed demo", "mega-typed demo --source  # the program, to read or to begin with"),
    _arguments,
    _run,
)
