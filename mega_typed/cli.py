"""The command ``mega-typed``: its parser, and how a command ends.

Each command is a file of ``mega_typed.commands``. Whatever a user can do wrong ends in one line on standard error and a
status that tells what kind of trouble it is (docs/commands.md); a traceback is a defect of ours.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from mega_typed import __version__
from mega_typed.aws import describe, service_errors
from mega_typed.commands import completion, decode, demo, listen, peek, publish, redrive, subscribers, tail, terminal
from mega_typed.commands.command import Command, CommandError, Parser, Status, use_aws
from mega_typed.errors import ConfigurationError, FetchError, PublishError

__all__ = ["COMMANDS", "main", "parser"]

_MODULES: Final = (demo, publish, decode, peek, tail, redrive, listen, subscribers, completion)
COMMANDS: Final[tuple[Command, ...]] = tuple(module.COMMAND for module in _MODULES)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = Parser(
        prog="mega-typed",
        description="Look at MEGA messages, steer queues, try subscribers.",
        epilog="mega-typed COMMAND --help explains a command and shows examples. Exit statuses: 0 all is well, 1 "
        "something was found, 2 called wrongly, 3 the service refused, 4 a process failed, 130 Ctrl-C.",
    )
    whole.add_argument("--version", action="version", version=f"mega-typed {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command", parser_class=Parser)
    for each in COMMANDS:
        command = commands.add_parser(
            each.name,
            help=each.summary,
            description=each.description,
            epilog="examples:\n" + "\n".join(f"  $ {example}" for example in each.examples),
            formatter_class=_Formatter,
        )
        each.arguments(command)
        command.set_defaults(chosen=each, parser=whole)
    return whole


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Fills the description; examples stand as they are written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)  # noqa: SLF001 - argparse has no public way


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line without the program; that of the process by default.

    Returns:
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know less than messages say
    options = parser().parse_args(arguments)
    chosen: Command = options.chosen
    try:
        use_aws(options)
        with _terminated(chosen):
            return chosen.run(options)
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except BrokenPipeError:  # who reads has had enough; nothing more can be said, not even at the end
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.BROKEN_PIPE
    except CommandError as error:
        return _failed(chosen, str(error), error.status)
    except ConfigurationError as error:
        return _failed(chosen, str(error), Status.USAGE)
    except (PublishError, FetchError) as error:
        return _failed(chosen, str(error), Status.REFUSED)
    except service_errors() as error:
        return _failed(chosen, _refusal(error), Status.REFUSED)


def _failed(command: Command, message: str, status: Status) -> Status:
    terminal.tell(f"mega-typed {command.name}: {terminal.safe(message)}", "red")
    return status


_REMEDIES: Final = {
    "QueueDoesNotExist": "check its name, --region and --profile",
    "AWS.SimpleQueueService.NonExistentQueue": "check its name, --region and --profile",
    "NoCredentialsError": "give --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "AccessDenied": "these credentials may not do that; give --profile",
    "EndpointConnectionError": "check --endpoint-url and --region",
}


def _refusal(error: Exception) -> str:
    failure = describe(error)
    code = failure.code.rpartition("#")[2]
    remedy = _REMEDIES.get(code, "it may pass: try again" if failure.passing else "")
    return terminal.line_of(f"{failure.message} ({code})" + (f"; {remedy}" if remedy else ""))


@contextmanager
def _terminated(command: Command) -> Generator[None]:
    """While a command runs, SIGTERM ends it as an exception does: what it holds is given back."""
    if command.signals or threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(_number: int, _frame: object) -> NoReturn:
        raise SystemExit(Status.TERMINATED)

    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
