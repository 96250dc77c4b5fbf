"""``mega-typed redrive``: dead letters back to their queue."""

from __future__ import annotations

import argparse
import re
from typing import Any

from mega_typed.commands import terminal
from mega_typed.commands.command import Command, CommandError, Status, add_aws, add_events, number
from mega_typed.commands.dead_letter import KINDS
from mega_typed.commands.loading import imported, named
from mega_typed.commands.moving import MOVE, NOT_VALID, Move, Selection, Summary
from mega_typed.commands.payloads import add_buckets, payloads_of
from mega_typed.commands.queues import Queue
from mega_typed.commands.terminal import Progress
from mega_typed.subscribers import Subscriber


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue", metavar="QUEUE", help="name, ARN or URL of the dead-letter queue")
    parser.add_argument(
        "--to", metavar="QUEUE", help="where to; by default the queue whose redrive policy names this one"
    )
    which = parser.add_argument_group("which", "All by default; an option may be repeated, and several must all hold.")
    which.add_argument(
        "--kind", choices=KINDS, action="append", default=[], metavar="KIND",
        help=f"of the reason: {', '.join(KINDS)} (moved by SQS itself, which says no reason)",
    )  # fmt: skip
    which.add_argument(
        "--subscriber", action="append", default=[], metavar="NAME", help="not processed by this subscriber"
    )
    which.add_argument(
        "--event-type", action="append", default=[], type=_event_type, metavar="DOMAIN/NAME/VERSION",
        help="such as shop/order.placed/1, or shop/order.placed for every version",
    )  # fmt: skip
    which.add_argument(
        "--pattern", metavar="MODULE:CLASS", help="what this subscriber would receive, such as acme.handlers:BigOrder"
    )
    which.add_argument("--limit", type=number(1), metavar="N", help="so many at most")
    which.add_argument("--force", action="store_true", help="also what is not valid today, or cannot be read")
    add_events(parser)
    add_buckets(parser)
    parser.add_argument("--execute", action="store_true", help="move them; without it nothing is moved")
    parser.add_argument("--rate", type=_rate, metavar="N/s", help="messages per second, such as 50/s, 0.5/s or 30/m")
    parser.add_argument(
        "--hold", type=number(1, 43_200), default=60, metavar="SECONDS",
        help="messages in the hands of a command that is killed come back after this (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for people, or for programs")
    add_aws(parser)


def _event_type(text: str) -> str:
    if not re.fullmatch(r"[^/]*/[^/]+(/\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form domain/name/version or domain/name")
    return text


def _rate(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/([smh]))?", text)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 50/s, 0.5/s or 30/m")
    return float(match[1]) / {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]


def _run(options: argparse.Namespace) -> Status:
    if options.events:
        imported(options.events)
    wanted = Selection(
        options.kind, options.subscriber, options.event_type, _pattern(options.pattern), force=options.force
    )
    payloads = payloads_of(options)
    source = Queue(options.queue)
    target = Queue(options.to or _only_source(source))
    if target.url == source.url:
        raise CommandError("--to is the dead-letter queue itself; give another queue")
    about = source.attributes().get("ApproximateNumberOfMessages", "?")
    with Progress() as progress:
        move = Move(
            source,
            target,
            wanted,
            execute=options.execute,
            rate=options.rate,
            limit=options.limit,
            hold_seconds=options.hold,
            payloads=payloads,
            progress=lambda summary: progress(
                f"{summary.counts.total()} of about {about} looked at, {summary.total('moved')} moved"
            ),
        )
        try:
            summary = move.run()
        except KeyboardInterrupt:
            progress("")
            if options.execute:
                terminal.tell(f"{move.summary.total('moved')} moved; the same command goes on where this one ended")
            raise
    if options.format == "json":
        terminal.say_json(_as_json(source, target, summary, executed=options.execute))
    else:
        _show(target, summary, executed=options.execute)
    if summary.total("refused", "sent"):
        return Status.REFUSED
    return Status.FOUND if summary.total(NOT_VALID) else Status.OK


def _pattern(place: str | None) -> type[Subscriber[Any]] | None:
    if place is None:
        return None
    found = named(place)
    if not (isinstance(found, type) and issubclass(found, Subscriber)):
        raise CommandError(f"--pattern: {place} is no subscriber class")
    return found


def _only_source(queue: Queue) -> str:
    sources = queue.sources()
    if len(sources) == 1:
        return sources[0]
    if not sources:
        raise CommandError("no redrive policy names this queue as its dead-letter queue; say where to with --to QUEUE")
    names = ", ".join(sorted(url.rpartition("/")[2] for url in sources))
    raise CommandError(f"several queues have this dead-letter queue: {names}; say which with --to QUEUE")


def _show(target: Queue, summary: Summary, *, executed: bool) -> None:
    if not summary.counts:
        terminal.say("no dead letter is visible")
        return
    rows = [
        [row.kind, row.what, row.today, str(count), summary.oldest[row], row.fate]
        for row, count in sorted(summary.counts.items())
    ]
    terminal.say(terminal.table(["KIND", "WHAT", "TODAY", "COUNT", "OLDEST", "FATE"], rows))
    if executed:
        terminal.say(f"\n{summary.total('moved')} moved to {target.url}")
    else:
        terminal.say(f"\n{summary.total(MOVE)} would be moved to {target.url}; nothing was: add --execute")


def _as_json(source: Queue, target: Queue, summary: Summary, *, executed: bool) -> dict[str, Any]:
    return {
        "from": source.url,
        "to": target.url,
        "executed": executed,
        "moved": summary.total("moved"),
        "would_move": summary.total(MOVE) if not executed else 0,
        "rows": [
            {**row._asdict(), "count": count, "oldest": summary.oldest[row] or None}
            for row, count in sorted(summary.counts.items())
        ],
    }


COMMAND = Command(
    "redrive",
    "move dead letters back to their queue",
    "Move dead letters back to the queue that they came from. Without --execute nothing is moved: a table shows what "
    "is there, by the reason (the attribute mega-dead-letter) and by event type, and what would become of it. With "
    "--events what is not valid by today's classes stays, and the status is 1. The attribute mega-dead-letter is taken "
    "off. A message is deleted only after the target has accepted it, so nothing is lost when the command is killed; a "
    "message may then be there twice. The same command again goes on.",
    (
        "mega-typed redrive orders-dead --events events  # what is there, and what is valid now",
        "mega-typed redrive orders-dead --events events --kind invalid --execute --rate 50/s",
        "mega-typed redrive orders-dead --event-type shop/order.placed/1 --limit 1 --execute  # try one",
        "mega-typed redrive orders-dead --pattern acme.handlers:BigOrder --to orders-replay --execute",
    ),
    _arguments,
    _run,
)
