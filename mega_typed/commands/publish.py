"""``mega-typed publish``: typed events to a queue or a topic, or only to see what would be sent."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from mega_typed.commands import terminal
from mega_typed.commands.command import Command, CommandError, Status, add_aws, add_format
from mega_typed.commands.drafts import Setting, documents, event_of
from mega_typed.commands.loading import imported, named
from mega_typed.commands.queues import Queue
from mega_typed.commands.reading import class_of, names_of
from mega_typed.commands.texts import text_of
from mega_typed.errors import InvalidPayload, MegaError
from mega_typed.event import Event
from mega_typed.messages import added_attributes, message_of
from mega_typed.outgoing import PublishResult
from mega_typed.publishers import SnsPublisher, SqsPublisher
from mega_typed.registry import registered_events


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "event", metavar="EVENT", help="a class, package.module:Class; or a type, domain/name/version, with --events"
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE",
        help="JSON: one event, an array of them, or one a line; payloads, or values by name; - for standard input",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help="a value of the event, such as quantity=5, subject=42 or object.id=7; may be repeated, and counts more "
        "than FILE. The value is JSON, or a text",
    )  # fmt: skip
    parser.add_argument("--events", metavar="PACKAGE", help="the generated package that knows the type")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--queue-url", metavar="QUEUE", help="URL or name of the queue")
    where.add_argument("--topic-arn", metavar="ARN", help="ARN of the topic")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the bodies as they would be sent, sensitive values too; send nothing",
    )
    parser.add_argument("--group-id", metavar="TEXT", help="message group; by default what the schema says")
    parser.add_argument("--deduplication-id", metavar="TEXT", help="of one event, for FIFO")
    parser.add_argument("--bson", action="store_true", help="send BSON instead of JSON")
    parser.add_argument("--keep-going", action="store_true", help="send the valid ones even when others are not")
    add_format(parser, "one object for each event, a line each")
    add_aws(parser)


def _run(options: argparse.Namespace) -> Status:
    if options.events:
        imported(options.events)
    event_class = _class_of(options.event)
    if not (options.dry_run or options.queue_url or options.topic_arn):
        raise CommandError("say where to: --queue-url, --topic-arn, or --dry-run to see the body only")
    settings = [Setting(text) for text in options.settings]
    events: list[tuple[int, Event]] = []
    status = Status.OK
    for number, document in documents(text_of(options.file)) if options.file else [(1, dict[str, Any]())]:
        try:
            events.append((number, event_of(event_class, document, settings)))
        except InvalidPayload as error:
            status = Status.FOUND
            _complain(options, number, error)
    if options.deduplication_id and len(events) > 1:
        raise CommandError("--deduplication-id is for one event: with it, SQS would drop all but the first")
    if status is not Status.OK and not options.keep_going:
        terminal.tell("nothing was sent" + ("; --keep-going sends the valid ones" if events else ""))
        return status
    if options.dry_run:
        for _, event in events:
            terminal.say(message_of(event, options.bson, added_attributes(None)).body)
        return status
    for result in _sent(options, [event for _, event in events]):
        number = events[result.index][0]
        if result.error is not None:
            status = Status.REFUSED
            _complain(options, number, result.error)
        elif options.format == "json":
            terminal.say_json({"event": number, "message_id": result.message_id})
        else:
            terminal.say(str(result.message_id))
    return status


def _sent(options: argparse.Namespace, events: Sequence[Event]) -> Iterator[PublishResult]:
    given = options.deduplication_id

    def deduplication_id(_event: object) -> str:
        return str(given)

    deduplication = None if given is None else deduplication_id
    if options.topic_arn:
        return SnsPublisher(options.topic_arn).publish_stream(
            events, options.bson, group_id=options.group_id, deduplication_id=deduplication
        )
    return SqsPublisher(Queue(options.queue_url).url).publish_stream(
        events, options.bson, group_id=options.group_id, deduplication_id=deduplication
    )


def _complain(options: argparse.Namespace, number: int, error: MegaError) -> None:
    if options.format == "json":
        faults = error.faults if isinstance(error, InvalidPayload) else ()
        listed = [{"path": fault.path, "message": fault.message} for fault in faults]
        terminal.say_json({"event": number, "error": str(error).partition("\n")[0], "faults": listed})
    else:
        terminal.tell(terminal.safe(f"event {number}: {error}"), "red")


def _class_of(name: str) -> type[Event]:
    """The event class that was named, by its place or by its type."""
    if ":" in name:
        found = named(name)
        if not (isinstance(found, type) and issubclass(found, Event)):
            raise CommandError(f"{name} is no event class")
        return found
    known = {each: names_of(each) for each in registered_events()}
    fitting = [each for each, names in known.items() if name in names]
    if len(fitting) > 1:
        raise CommandError(f"there are several versions: {', '.join(names_of(each)[1] for each in fitting)}; name one")
    if not fitting:
        near = get_close_matches(name, [each for names in known.values() for each in names], 1)
        remedy = f"did you mean {near[0]}?" if near else "name a package that knows it with --events"
        raise CommandError(f"no event type {name}; {remedy}")
    found_class = class_of(fitting[0])
    assert found_class is not None
    return found_class


COMMAND = Command(
    "publish",
    "send events that are valid by their class",
    "Make events of a class from flags, a file or standard input, and send them to a queue or a topic. All are checked "
    "before the first is sent: when one is not valid, its faults are listed by path, nothing is sent, and the status "
    "is 1. Identity, constants and the timestamp are filled in. The ids of the messages are printed.",
    (
        "mega-typed publish shop/order.placed/1 --events events --set order_id=61fcc874-624e-40f8-8fd7-0e663c7837e8 "
        "--set total=19.99 --set currency=EUR --dry-run",
        "mega-typed publish events.shop:OrderPlaced order.json --queue-url orders",
        "mega-typed publish events.shop:OrderPlaced - --topic-arn $TOPIC_ARN < orders.ndjson",
    ),
    _arguments,
    _run,
)
