"""The command ``mega-typed``: look at messages from a shell.

The only part of the runtime that prints. Exit statuses: 0 all read, 1 some body could not be read or is not valid, 2
the command was called wrongly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from mega_typed import __version__
from mega_typed.codecs import ContentKind, encode_document
from mega_typed.codecs import decode as decode_body
from mega_typed.envelopes import Record, open_envelope
from mega_typed.errors import MegaError
from mega_typed.payload import MegaPayload, identity_of
from mega_typed.registry import registered_class

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
    for number, body in enumerate(_bodies(text), start=1):
        try:
            print(_describe(body, validate=bool(options.events)))
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


def _describe(body: str, *, validate: bool) -> str:
    content = decode_body(open_envelope(Record(body=body)).body)
    if content.damage is not None:
        raise content.damage
    if content.kind is ContentKind.TEXT:
        return f"# text\n{content.text}"
    if content.kind is ContentKind.BINARY:
        return f"# {len(content.data)} bytes\n{content.data[:64].hex(' ')}"
    identity = identity_of(content)
    if identity is not None:
        MegaPayload.from_document(content.document())
        event_class: type[Any] | None = registered_class(identity) if validate else None
        if event_class is not None:
            event_class.from_json(content.json_text())
    readable = encode_document(content.document()).body
    return f"# {identity or 'data object'}\n{msgspec.json.format(readable, indent=2)}"


if __name__ == "__main__":
    sys.exit(main())
