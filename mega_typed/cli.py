"""The command ``mega-typed``: look at messages and at subscribers from a shell.

The only part of the runtime that prints. Exit statuses: 0 all is well, 1 some body could not be read or is not valid,
or something was found that ``--fail-on`` names, 2 the command was called wrongly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec
from mega_typed import __version__
from mega_typed.codecs import ContentKind, encode_document
from mega_typed.codecs import decode as decode_body
from mega_typed.envelopes import Record, open_envelope
from mega_typed.errors import ConfigurationError, MegaError
from mega_typed.inspection import inspect_subscribers
from mega_typed.messages import POINTER_ATTRIBUTE
from mega_typed.offload import S3Payloads
from mega_typed.payload import MegaPayload, identity_of
from mega_typed.registry import registered_class, registered_events
from mega_typed.sensitive import masked
from mega_typed.subscribers import Subscriber

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="mega-typed", description="Look at MEGA messages.")
    parser.add_argument("--version", action="version", version=f"mega-typed {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    decode = commands.add_parser(
        "decode",
        help="print message bodies as readable JSON",
        description="Print message bodies as readable JSON: envelopes are opened, BSON and base64 decoded. With "
        "--events the payload is also validated against its event class.",
    )
    decode.add_argument("file", nargs="?", default="-", help="a body, or one a line; - or nothing for standard input")
    decode.add_argument("--events", metavar="PACKAGE", help="a generated package, such as acme.events")
    decode.add_argument(
        "--bucket", action="append", default=[], metavar="NAME",
        help="fetch payloads that lie in this S3 bucket; may be repeated, and no other is read. Credentials, region "
        "and endpoint are those of the AWS configuration",
    )  # fmt: skip
    decode.set_defaults(run=_decode)
    subscribers = commands.add_parser(
        "subscribers",
        help="report on the subscribers of a module",
        description="Import a module or package and report on its subscribers: events that nobody handles, subscribers "
        "that no event can reach, those that receive everything, and pairs that receive the same or may overlap.",
    )
    subscribers.add_argument("module", metavar="MODULE", help="a module, such as acme.handlers")
    subscribers.add_argument("--events", metavar="PACKAGE", help="a generated package whose events are to be handled")
    subscribers.add_argument("--format", choices=("text", "json"), default="text", help="for people, or for programs")
    subscribers.add_argument(
        "--fail-on", choices=FINDINGS, action="append", default=[], metavar="FINDING",
        help=f"end with status 1 when there are any; may be repeated: {', '.join(FINDINGS)}",
    )  # fmt: skip
    subscribers.set_defaults(run=_subscribers)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


FINDINGS: Final = ("unhandled", "unreachable", "everything", "equal", "overlapping", "truncated")
"""What ``subscribers`` may find: the parts of a ``Report``, in the order in which they are printed."""


def _imported(name: str) -> ModuleType | None:
    """A module of the user's; ``None`` when it cannot be imported, which is said."""
    sys.path.insert(0, "")
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        print(f"mega-typed: cannot import {name}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def _subscribers(options: argparse.Namespace) -> int:
    module = _imported(options.module)
    if module is None or (options.events and _imported(options.events) is None):
        return 2
    classes = [each for each in _below(Subscriber) if _belongs(each, module.__name__)]
    if not classes:
        print(f"mega-typed: {options.module} defines no subscribers", file=sys.stderr)
        return 2
    report = inspect_subscribers(classes, registered_events() if options.events else ()).as_json()
    if options.format == "json":
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print("\n".join(_lines(report)))
    return int(any(report[finding] for finding in options.fail_on))


def _below(base: type[Any]) -> Iterator[type[Any]]:
    """All subclasses, in the order of definition, each once."""
    found: dict[type[Any], None] = {}
    stack = [base]
    while stack:
        each = stack.pop()
        stack += reversed(each.__subclasses__())
        found[each] = None
    return iter(found)


def _belongs(subscriber: type[Any], module: str) -> bool:
    """Whether a class is of a module or package of the user's, and no base for others: it defines ``process``."""
    here = subscriber.__module__ == module or subscriber.__module__.startswith(f"{module}.")
    return here and subscriber.process is not Subscriber.process


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


def _decode(options: argparse.Namespace) -> int:
    if options.events and _imported(options.events) is None:
        return 2
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        print(f"mega-typed: cannot read {options.file}: {error}", file=sys.stderr)
        return 2
    try:
        payloads = S3Payloads(options.bucket[0], read_from=options.bucket[1:]) if options.bucket else None
    except ConfigurationError as error:
        print(f"mega-typed: --bucket: {error}", file=sys.stderr)
        return 2
    failed = 0
    for number, body in enumerate(_bodies(text), start=1):
        try:
            print(_describe(_record(body, payloads), validate=bool(options.events)))
        except MegaError as error:
            failed = 1
            print(f"message {number}: {error}", file=sys.stderr)
    return failed


def _bodies(text: str) -> list[str]:
    """One body, when all of the text can be read as one (an envelope in lines, base64 in lines); else its lines."""
    whole = text.strip()
    return (
        [whole]
        if decode_body(whole).kind is ContentKind.OBJECT
        else list(filter(None, map(str.strip, text.splitlines())))
    )


def _record(body: str, payloads: S3Payloads | None) -> Record:
    """A body as a message, with its payload if it is a pointer to one; the mark of a pointer is not part of a body."""
    if payloads is None:
        return Record(body=body)
    return payloads.restore(Record(body=body, attributes={POINTER_ATTRIBUTE: ""}))


def _describe(record: Record, *, validate: bool) -> str:
    content = decode_body(open_envelope(record).body)
    if content.damage is not None:
        raise content.damage
    if content.kind is ContentKind.TEXT:
        return f"# text\n{content.text}"
    if content.kind is ContentKind.BINARY:
        return f"# {len(content.data)} bytes\n{content.data[:64].hex(' ')}"
    identity, event_class = identity_of(content), None
    if identity is not None:
        MegaPayload.from_document(content.document())
        event_class = registered_class(identity) if validate else None
        if event_class is not None:
            event_class.from_json(content.json_text())
    document = content.document() if event_class is None else masked(event_class, content.document())
    readable = encode_document(document).body
    return f"# {identity or 'data object'}\n{msgspec.json.format(readable, indent=2)}"


if __name__ == "__main__":
    sys.exit(main())
