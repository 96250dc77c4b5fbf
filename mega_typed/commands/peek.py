"""``mega-typed peek``: the messages of a queue, without taking any."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import Final

from mega_typed.commands import terminal
from mega_typed.commands.command import Command, CommandError, Status, number
from mega_typed.commands.loading import imported
from mega_typed.commands.message_lines import add_looking, show
from mega_typed.commands.payloads import payloads_of
from mega_typed.commands.queues import Queue, look, received

LOOKS_COUNT: Final = "each look counts as a delivery, for the max_attempts of a listener too"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue", metavar="QUEUE", help="name, ARN or URL of the queue")
    parser.add_argument(
        "--limit", type=number(1), default=10, metavar="N", help="messages to look at (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="look even where one look moves a message away")
    add_looking(parser)


def _run(options: argparse.Namespace) -> Status:
    if options.events:
        imported(options.events)
    payloads = payloads_of(options)
    queue = Queue(options.queue)
    limit = warned_of_redrive(queue, force=options.force)
    shown = spent = 0
    with closing(look(queue, options.limit, options.hold)) as messages:
        for message in messages:
            show(message, payloads, as_json=options.format == "json", body=options.body)
            shown += 1
            spent += limit is not None and received(message) >= limit
    if shown and limit is None:
        terminal.tell(LOOKS_COUNT)
    if not shown:
        terminal.tell("no message is visible; some may be in the hands of consumers, or delayed")
    if spent:
        terminal.warn(f"the next delivery moves {spent} of these to the dead-letter queue: it was their last")
    return Status.OK


def warned_of_redrive(queue: Queue, *, force: bool) -> int | None:
    """The queue's ``maxReceiveCount``, if it has a redrive policy, and a warning that looks count.

    Raises:
        CommandError: one look would move a message away.
    """
    limit = queue.max_receive_count()
    if limit == 1 and not force:
        raise CommandError(
            "the redrive policy of this queue moves a message to the dead-letter queue after one delivery, and a look "
            "is one; --force does it nevertheless"
        )
    if limit is not None:
        terminal.warn(
            f"this queue has a redrive policy: after {limit} deliveries a message moves away, and each look is one"
        )
    return limit


COMMAND = Command(
    "peek",
    "look at the messages of a queue without taking them",
    "Receive messages, show what they are, and make them visible again at once: event type, whether they are valid "
    "today (--events), how often they were received, and of dead letters the reason. Nothing is deleted, also when the "
    "command is killed. SQS counts each look as a delivery, so the receive count of a message grows by one; consumers "
    "wait for as long as the look takes. Of a FIFO queue only the first ten messages of each group can be seen.",
    (
        "mega-typed peek orders-dead --events events",
        "mega-typed peek orders --limit 100 --format json | jq .event_type",
        "mega-typed peek $URL --body --profile production",
    ),
    _arguments,
    _run,
)
