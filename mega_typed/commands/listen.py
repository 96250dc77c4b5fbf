"""``mega-typed listen``: a listener of the user's, in processes of its own."""

from __future__ import annotations

import argparse
import sys

from mega_typed.commands import terminal
from mega_typed.commands.command import Command, CommandError, add_aws, number
from mega_typed.commands.processes import Processes


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "listener", metavar="MODULE:NAME", help="an SqsListener, or a function that makes one: acme.app:listener"
    )
    parser.add_argument(
        "--processes", type=number(1, 1000), default=1, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--give-up-after", type=number(1), default=5, metavar="N",
        help="end when a process fails so often in a row within ten seconds of its start (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info", metavar="LEVEL",
        help="debug, info, warning or error (default: %(default)s), where the module does not configure logging",
    )  # fmt: skip
    add_aws(parser)


def _run(options: argparse.Namespace) -> int:
    module, _, name = options.listener.partition(":")
    if not module or not name:
        raise CommandError(f"{options.listener!r} is not of the form package.module:listener")
    command = [sys.executable, "-m", "mega_typed.commands.worker", options.listener, options.log_level]
    processes = Processes(
        command, options.processes, options.give_up_after, lambda line: terminal.tell(f"mega-typed listen: {line}")
    )
    return processes.run()


COMMAND = Command(
    "listen",
    "run a listener, in one or several processes",
    "Import the module in each of N processes and let its listener listen. A process that dies is started again, after "
    "a pause that grows from a second to thirty; one whose listener was stopped by the module's own code is not. The "
    "first SIGTERM or Ctrl-C lets all finish the message in hand and give the rest back; the second ends them at once. "
    "The status is 0 when all ended as they were told, 4 when one failed at the end, or again and again soon after its "
    "start, as it does when there is no such queue. Each process finds its number, from 0, in the variable "
    "MEGA_TYPED_PROCESS.",
    (
        "mega-typed listen acme.app:listener",
        "mega-typed listen acme.app:make_listener --processes 4 --log-level warning",
    ),
    _arguments,
    _run,
    signals=True,
)
