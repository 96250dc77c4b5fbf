"""The command ``mega-typed``: look at messages from a shell.

The only part of the runtime that prints. Exit statuses: 0 all read, 1 some body could not be read or is not valid, 2
the command was called wrongly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from mega_typed.codecs import ContentKind, encode_document
from mega_typed.codecs import decode as decode_body
from mega_typed.envelopes import Record, open_envelope
from mega_typed.errors import EncodeError, MegaError
from mega_typed.payload import identity_of
from mega_typed.registry import registered_class

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="mega-typed", description="Look at MEGA messages.")
    parser.add_argument("--version", action="version", version=f"mega-typed {version('mega-typed')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    decode = commands.add_parser(
        "decode",
        help="print message bodies as readable JSON",
        description="Print message bodies as readable JSON: envelopes are opened, BSON and base64 decoded. With "
        "--events the payload is also validated against its event class.",
    )
    decode.add_argument("file", nargs="?", default="-", help="bodies, one a line; - or nothing for standard input")
    decode.add_argument("--events", metavar="PACKAGE", help="a generated package, such as acme.events")
    decode.set_defaults(run=_decode)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


def _decode(options: argparse.Namespace) -> int:
    if options.events:
        sys.path.insert(0, "")
        try:
            import_module(options.events)
        except ImportError as error:
            print(f"mega-typed: cannot import {options.events}: {error}", file=sys.stderr)
            return 2
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        print(f"mega-typed: cannot read {options.file}: {error}", file=sys.stderr)
        return 2
    failed = 0
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        try:
            print(_describe(line.strip(), validate=bool(options.events)))
        except MegaError as error:
            failed = 1
            print(f"message {number}: {error}", file=sys.stderr)
    return failed


def _describe(body: str, *, validate: bool) -> str:
    content = decode_body(open_envelope(Record(body=body)).body)
    if content.kind is ContentKind.TEXT:
        return content.text
    if content.kind is ContentKind.BINARY:
        return f"{len(content.data)} bytes: {content.data[:64].hex(' ')}"
    identity = identity_of(content)
    if validate and identity is not None:
        event_class: type[Any] | None = registered_class(identity)
        if event_class is not None:
            event_class.from_json(content.json_text())
    try:
        readable = encode_document(content.document()).body
    except EncodeError as error:
        return f"{error}\n{content.document()!r}"
    return f"# {identity or 'data object'}\n{msgspec.json.format(readable, indent=2)}"


if __name__ == "__main__":
    sys.exit(main())
