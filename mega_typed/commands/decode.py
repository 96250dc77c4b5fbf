"""``mega-typed decode``: message bodies, from a file or standard input, as readable JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from mega_typed.codecs import ContentKind
from mega_typed.codecs import decode as decode_body
from mega_typed.commands import terminal
from mega_typed.commands.command import Command, Status, add_aws, add_events, add_format
from mega_typed.commands.loading import imported
from mega_typed.commands.payloads import add_buckets, payloads_of
from mega_typed.commands.reading import Opened, opened
from mega_typed.commands.texts import text_of
from mega_typed.envelopes import Record
from mega_typed.errors import DecodeError
from mega_typed.messages import POINTER_ATTRIBUTE
from mega_typed.offload import S3Payloads
from mega_typed.pointers import find_pointer


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="bodies or messages; - or nothing for standard input"
    )
    add_events(parser)
    add_buckets(parser)
    add_format(parser, "one object a line")
    add_aws(parser)


def _run(options: argparse.Namespace) -> Status:
    if options.events:
        imported(options.events)
    text = text_of(options.file)
    payloads = payloads_of(options)
    status = Status.OK
    for number, source in enumerate(_sources(text), start=1):
        found = _opened(source, payloads)
        if options.format == "json":
            terminal.say_json({"message": number, **found.as_json()})
        elif found.verdict != "unreadable":
            note = ", not valid" if found.verdict == "invalid" else ""
            terminal.say(terminal.coloured(terminal.line_of(f"# {found.title}{note}"), "bold"))
            terminal.say_body(found.body())
        if found.error is not None:
            status = Status.FOUND
            if options.format == "text":
                terminal.tell(terminal.safe(f"message {number}: {found.error}"), "red")
    return status


Source = str | Mapping[str, Any]
"""A body, or a message as ``aws sqs receive-message`` or Lambda writes it."""


def _sources(text: str) -> Iterator[Source]:
    """One body, when all of the text can be read as one; messages, when it is a document of them; else line by line."""
    whole = text.strip()
    messages = _messages(whole)
    if messages is not None:
        yield from messages
    elif decode_body(whole).kind is ContentKind.OBJECT:  # an envelope in lines, base64 in lines
        yield whole
    else:
        for line in filter(None, map(str.strip, text.splitlines())):
            yield from _messages(line) or (line,)


def _messages(text: str) -> list[Mapping[str, Any]] | None:
    """The messages of an array, of ``{"Messages": [...]}`` (SQS) or ``{"Records": [...]}`` (Lambda), or one alone."""
    if not text.startswith(("[", "{")):
        return None
    try:
        document = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, dict):
        found = cast("dict[str, Any]", document)
        document = found.get("Messages", found.get("Records", [found]))
    if isinstance(document, list) and document and all(map(_is_message, document)):
        return document
    return None


def _is_message(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    found = cast("dict[str, Any]", document)
    return any(isinstance(found.get(body), str) and key in found for body, key in _SPELLINGS)


_SPELLINGS = (("Body", "MessageId"), ("body", "messageId"))
"""A body alone does not make a message: a payload may have one as well."""


def _opened(source: Source, payloads: S3Payloads | None) -> Opened:
    try:
        record = _record(source)
    except DecodeError as error:
        return Opened("undecodable", "unreadable", error=error)
    if payloads is not None and isinstance(source, str) and find_pointer(record) is None:
        # The mark of a pointer is a message attribute, which a body alone has not.
        marked = msgspec.structs.replace(record, attributes={POINTER_ATTRIBUTE: ""})
        record = marked if find_pointer(marked) is not None else record
    return opened(record, payloads)


def _record(source: Source) -> Record:
    if isinstance(source, str):
        return Record(body=source)
    return Record.from_sqs(source) if "Body" in source else Record.from_lambda(source)


COMMAND = Command(
    "decode",
    "print message bodies as readable JSON",
    "Print message bodies as readable JSON: envelopes of SNS and EventBridge are opened, BSON and base64 decoded, and "
    "payloads in S3 fetched with --bucket. FILE holds one body, or one a line, or messages as `aws sqs "
    "receive-message` or Lambda writes them. With --events the payload is also validated against its event class. The "
    "status is 1 when something cannot be read or is not valid.",
    (
        'echo "$BODY" | mega-typed decode',
        "mega-typed decode bodies.txt --events events  # and validate",
        "aws sqs receive-message --queue-url $URL | mega-typed decode --format json",
        "mega-typed decode bodies.txt --bucket my-payloads  # and fetch what lies in S3",
    ),
    _arguments,
    _run,
)
