"""A message of a queue, as ``peek`` and ``tail`` show it: in lines for people, as an object for programs.

Their common arguments are here as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from mega_typed.commands import terminal
from mega_typed.commands.command import add_aws, add_events, add_format, number
from mega_typed.commands.dead_letter import reason_of, summary_of
from mega_typed.commands.payloads import add_buckets
from mega_typed.commands.queues import Message, received
from mega_typed.commands.reading import Opened, Verdict, opened
from mega_typed.commands.terminal import Colour, coloured, line_of
from mega_typed.envelopes import Record
from mega_typed.errors import DecodeError, InvalidPayload
from mega_typed.offload import S3Payloads

_COLOURS: Final[Mapping[Verdict, Colour]] = {
    "valid": "green", "invalid": "red", "unreadable": "red", "unchecked": "dim",
}  # fmt: skip


def add_looking(parser: argparse.ArgumentParser) -> None:
    """The arguments of a command that looks at messages and shows them."""
    parser.add_argument("--body", action="store_true", help="show the payloads as well")
    parser.add_argument(
        "--hold", type=number(1, 43_200), default=30, metavar="SECONDS",
        help="messages of a command that is killed come back after this (default: %(default)s)",
    )  # fmt: skip
    add_events(parser)
    add_buckets(parser)
    add_format(parser, "one object a line")
    add_aws(parser)


def opened_message(message: Message, payloads: S3Payloads | None = None) -> Opened:
    """Open a message as received; its payload is fetched where that lies in S3."""
    try:
        return opened(Record.from_sqs(message), payloads)
    except DecodeError as error:
        return Opened("undecodable", "unreadable", error=error)


def show(message: Message, payloads: S3Payloads | None, *, as_json: bool, body: bool) -> None:
    """Print one message."""
    found = opened_message(message, payloads)
    if as_json:
        terminal.say_json(_as_json(message, found))
        return
    system: Mapping[str, str] = message.get("Attributes") or {}
    count = received(message)
    parts = [
        message["MessageId"],
        coloured(line_of(found.title), "bold"),
        coloured(found.verdict, _COLOURS[found.verdict]),
        f"received {count} time{'' if count == 1 else 's'}",
        *([f"sent {sent}"] if (sent := sent_at(message)) else []),
        *([f"group {line_of(system['MessageGroupId'])}"] if "MessageGroupId" in system else []),
    ]
    terminal.say("  ".join(parts))
    if isinstance(found.error, InvalidPayload):
        for fault in found.error.faults:
            terminal.say(coloured(f"    {line_of(str(fault))}", "red"))
    elif found.error is not None:
        terminal.say(coloured(f"    {line_of(str(found.error))}", "red"))
    if reason := reason_of(message):
        terminal.say(coloured(f"    dead letter: {line_of(summary_of(reason))}", "yellow"))
    if body:
        terminal.say_body("\n".join(f"    {line}" for line in found.body().splitlines()))


def _as_json(message: Message, found: Opened) -> dict[str, Any]:
    system: Mapping[str, str] = message.get("Attributes") or {}
    known: dict[str, Any] = {
        "message_id": message["MessageId"],
        "receive_count": received(message),
        "sent": sent_at(message) or None,
        "group": system.get("MessageGroupId"),
        **found.as_json(),
        "dead_letter": reason_of(message) or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def sent_at(message: Message) -> str:
    """When it was sent, as ISO 8601 in UTC; nothing where SQS does not say."""
    milliseconds = (message.get("Attributes") or {}).get("SentTimestamp", "")
    if not milliseconds.isdecimal() or len(milliseconds) > 14:
        return ""
    return datetime.fromtimestamp(int(milliseconds) // 1000, UTC).isoformat().replace("+00:00", "Z")
