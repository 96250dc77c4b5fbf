"""``mega-typed completion``: a script with which a shell completes the commands and their options.

The script is made once from the parser (``shtab``, the extra ``completion``), so that the shell starts no Python while
somebody types.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Final

from mega_typed.commands import terminal
from mega_typed.commands.command import Command, CommandError, Status

SHELLS: Final = ("bash", "zsh", "fish", "tcsh")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def _run(options: argparse.Namespace) -> Status:
    if find_spec("shtab") is None:
        raise CommandError("completion needs shtab: pip install 'mega-typed[completion]'")
    import shtab

    terminal.say(shtab.complete(options.parser, options.shell).rstrip())
    return Status.OK


COMMAND = Command(
    "completion",
    "print a script that completes commands in a shell",
    "Print a script for a shell that completes commands and options (extra `completion`: pip install "
    "'mega-typed[completion]'). Put it where the shell looks for such scripts, and open a new shell.",
    (
        "mega-typed completion bash > ~/.local/share/bash-completion/completions/mega-typed",
        "mega-typed completion zsh > ~/.zfunc/_mega-typed  # a folder of $fpath",
        "mega-typed completion fish > ~/.config/fish/completions/mega-typed.fish",
    ),
    _arguments,
    _run,
)
