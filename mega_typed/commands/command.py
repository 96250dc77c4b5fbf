"""What a command is: a name, words that teach it, arguments and a function; what its exit status means.

Here are also the arguments that several commands have. What is given of AWS (``--region``, ...) goes into the
environment of the process, where boto3 looks for it: so it holds for the command's own clients, for those that an
imported module makes, and for other processes that the command starts.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn


class Status(IntEnum):
    """Exit statuses (docs/commands.md has the table)."""

    OK = 0
    FOUND = 1
    USAGE = 2
    REFUSED = 3
    FAILED = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class CommandError(Exception):
    """Why a command ends, in one line with the remedy; and with which status."""

    def __init__(self, message: str, status: Status = Status.USAGE) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: what is typed.
        summary: in the list of commands.
        description: what it does, for its own help.
        examples: command lines without the prompt, each with a comment after two blanks and ``#``.
        arguments: adds its arguments to its parser.
        run: does it; returns the exit status.
        signals: whether it handles SIGTERM and SIGINT itself.
    """

    name: str
    summary: str
    description: str
    examples: tuple[str, ...]
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    signals: bool = False


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(Status.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def add_events(parser: argparse.ArgumentParser) -> None:
    """``--events``."""
    parser.add_argument(
        "--events", metavar="PACKAGE", help="validate with the classes of a generated package, such as acme.events"
    )


def add_format(parser: argparse.ArgumentParser, what: str) -> None:
    """``--format``."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help=f"for people, or for programs: {what}"
    )


def add_aws(parser: argparse.ArgumentParser) -> None:
    """``--region``, ``--endpoint-url`` and ``--profile``."""
    group = parser.add_argument_group("AWS", "Without these, what the environment and the AWS configuration say.")
    group.add_argument("--region", metavar="NAME", help="such as eu-west-1")
    group.add_argument("--endpoint-url", metavar="URL", help="of a local server or a VPC endpoint")
    group.add_argument("--profile", metavar="NAME", help="of the AWS configuration; counts more than keys in variables")


def use_aws(options: argparse.Namespace) -> None:
    """Put what is given of AWS into the environment, in the place of what would count more."""
    if region := getattr(options, "region", None):
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = region
    if url := getattr(options, "endpoint_url", None):
        if "://" not in url:
            raise CommandError(f"--endpoint-url: {url!r} is no URL; it begins with http:// or https://")
        for name in ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL_S3"):
            os.environ.pop(name, None)
        os.environ["AWS_ENDPOINT_URL"] = url
        os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "false"
    if profile := getattr(options, "profile", None):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        os.environ["AWS_PROFILE"] = profile


def number(least: float, most: float | None = None) -> Callable[[str], int]:
    """The type of an argument that is an integer within bounds."""

    def read(text: str) -> int:
        value = int(text)
        if value < least or (most is not None and value > most):
            most_of_all = "" if most is None else f", up to {most:g}"
            raise argparse.ArgumentTypeError(f"{value} is not {least:g} or more{most_of_all}")
        return value

    read.__name__ = "number"
    return read
