"""``mega-typed tail``: a queue followed, without taking messages away."""

from __future__ import annotations

import argparse
import time
from collections import OrderedDict
from contextlib import closing
from typing import Final

from mega_typed.commands import terminal
from mega_typed.commands.command import Command, Status, number
from mega_typed.commands.loading import imported
from mega_typed.commands.message_lines import add_looking, show
from mega_typed.commands.payloads import payloads_of
from mega_typed.commands.peek import LOOKS_COUNT, warned_of_redrive
from mega_typed.commands.queues import Queue, look, near_the_end

REMEMBERED: Final = 100_000
"""Message ids; an older one is shown again."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue", metavar="QUEUE", help="name, ARN or URL of the queue")
    parser.add_argument("--limit", type=number(1), metavar="N", help="end after so many messages")
    parser.add_argument(
        "--interval", type=number(1), default=5, metavar="SECONDS", help="between two looks (default: %(default)s)"
    )
    parser.add_argument(
        "--at-once", type=number(1), default=100, metavar="N", help="messages of one look (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="go on though looks will move messages away")
    add_looking(parser)


def _run(options: argparse.Namespace) -> Status:
    if options.events:
        imported(options.events)
    payloads = payloads_of(options)
    queue = Queue(options.queue)
    limit = warned_of_redrive(queue, force=options.force)
    if limit is None:
        terminal.tell(LOOKS_COUNT)
    known: OrderedDict[str, None] = OrderedDict()
    shown = 0
    while True:
        near = False
        with closing(look(queue, options.at_once, options.hold)) as messages:
            for message in messages:
                near |= near_the_end(message, limit)
                if message["MessageId"] in known:
                    continue
                known[message["MessageId"]] = None
                show(message, payloads, as_json=options.format == "json", body=options.body)
                shown += 1
                if shown == options.limit:
                    return Status.OK
        if near and not options.force:
            terminal.warn("a message has one delivery left before it moves to the dead-letter queue; --force goes on")
            return Status.FOUND
        while len(known) > REMEMBERED:
            known.popitem(last=False)
        time.sleep(options.interval)


COMMAND = Command(
    "tail",
    "follow a queue without taking messages away",
    "Look at a queue again and again, and show each message once, as peek does. SQS counts each look as a delivery: "
    "the receive counts of waiting messages grow with every look. Where the queue has a redrive policy, tail ends with "
    "status 1 when a message has one delivery left, so that it moves nothing to the dead-letter queue; --force goes "
    "on. What a consumer takes and deletes between two looks is not seen. Ctrl-C ends it.",
    (
        "mega-typed tail orders --events events",
        "mega-typed tail orders --interval 1 --format json | jq -c .payload.event",
        "mega-typed tail orders --limit 1 --body  # wait for one message",
    ),
    _arguments,
    _run,
)
