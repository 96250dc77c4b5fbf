"""``mega-typed subscribers``: what the subscribers of a module amount to together."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from inspect import isabstract
from typing import Any, Final

import msgspec
from mega_typed.commands import terminal
from mega_typed.commands.command import Command, CommandError, Status
from mega_typed.commands.loading import imported
from mega_typed.inspection import inspect_subscribers
from mega_typed.registry import registered_events
from mega_typed.subscribers import Subscriber

FINDINGS: Final = ("unhandled", "unreachable", "everything", "equal", "overlapping", "truncated")
"""What may be found: the parts of a ``Report``, in the order in which they are printed."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("module", metavar="MODULE", help="a module, such as acme.handlers")
    parser.add_argument("--events", metavar="PACKAGE", help="a generated package whose events are to be handled")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="for people, or for programs: one object"
    )
    parser.add_argument(
        "--fail-on", choices=FINDINGS, action="append", default=[], metavar="FINDING",
        help=f"end with status 1 when there are any; may be repeated: {', '.join(FINDINGS)}",
    )  # fmt: skip


def _run(options: argparse.Namespace) -> Status:
    module = imported(options.module)
    if options.events:
        imported(options.events)
    classes = [each for each in _below(Subscriber) if _belongs(each, module.__name__)]
    if not classes:
        raise CommandError(f"{options.module} defines no subscribers; name the module that does")
    report = inspect_subscribers(classes, registered_events() if options.events else ()).as_json()
    if options.format == "json":
        terminal.say(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        terminal.say("\n".join(_lines(report)))
    return Status.FOUND if any(report[finding] for finding in options.fail_on) else Status.OK


def _below(base: type[Any]) -> Iterator[type[Any]]:
    """All subclasses, in the order of definition, each once."""
    found: dict[type[Any], None] = {}
    stack = [base]
    while stack:
        each = stack.pop()
        stack += reversed(type.__subclasses__(each))
        found[each] = None
    return iter(found)


def _belongs(subscriber: type[Any], module: str) -> bool:
    """Whether a class is of a module or package of the user's, and no base for others: it can do ``process``."""
    here = f"{subscriber.__module__}.".startswith(f"{module}.")
    return here and subscriber.process is not Subscriber.process and not isabstract(subscriber)


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{len(report['subscribers'])} subscribers"
    for name, events in report["subscribers"].items():
        yield f"  {name}: {', '.join(events) or 'nothing'}"
    for finding in FINDINGS:
        found = report[finding]
        if found:
            yield f"{finding}"
            yield from (f"  {_line(each, found)}" for each in found)


def _line(each: Any, found: Any) -> str:
    if isinstance(found, Mapping):
        return f"{each}: {found[each]}"
    return each if isinstance(each, str) else f"{each[0]} and {each[1]}, of {each[2]}"


COMMAND = Command(
    "subscribers",
    "report on the subscribers of a module",
    "Import a module or package and report on its subscribers: events that nobody handles, subscribers that no event "
    "can reach, those that receive everything, and pairs that receive the same or may overlap.",
    (
        "mega-typed subscribers acme.handlers --events events",
        "mega-typed subscribers acme.handlers --events events --fail-on unhandled --fail-on equal  # in CI",
    ),
    _arguments,
    _run,
)
