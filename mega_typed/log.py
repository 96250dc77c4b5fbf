"""The lines of the library's log: each kind has a name, a level, a text and fields, none of which changes lightly.

All go through the standard library's ``logging``; no handler is installed. The name and the fields are attributes of
the ``LogRecord`` (``log_event``, ``message_id``, ...), for a formatter that writes JSON; the text is for people. No
line holds the contents of a payload, but for the two that are asked for (docs/logging.md). This file knows the lines,
and not who writes them.
"""

from __future__ import annotations

import logging
import os
import traceback
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["LINES", "Line", "where", "write"]


_OURS: Final = str(Path(__file__).parent) + os.sep


class Line(NamedTuple):
    """One kind of line.

    Attributes:
        name: the value of ``log_event``.
        level: its usual level.
        text: with the fields in it, as ``%(name)s``.
        fields: the names of all fields, those that are not in the text too.
    """

    name: str
    level: int
    text: str
    fields: tuple[str, ...]


def where(error: BaseException) -> str:
    """Where an exception came from, without its message, which may quote a payload, and without our own steps."""
    steps = traceback.extract_tb(error.__traceback__)
    theirs = [step for step in steps if not step.filename.startswith(_OURS)]
    return "".join(traceback.format_list(theirs or steps)).rstrip()


def write(logger: logging.Logger, line: Line, *, level: int | None = None, **fields: object) -> None:
    """Write a line.

    Args:
        logger: where to.
        line: which one.
        level: instead of its usual level.
        **fields: all of its fields.
    """
    chosen = line.level if level is None else level
    if logger.isEnabledFor(chosen):
        extra = {"log_event": line.name, **fields}
        try:
            logger.log(chosen, line.text, fields, extra=extra, stacklevel=2)
        except KeyError:  # the program's own record factory sets one of these names, and logging refuses a second value
            taken = vars(logging.getLogRecordFactory()(logger.name, chosen, "", 0, "", (), None))
            extra = {name: value for name, value in extra.items() if name not in taken}
            logger.log(chosen, line.text, fields, extra=extra, stacklevel=2)


_MESSAGE: Final = ("message_id", "event_type", "disposition", "reading", "attempt", "latency_ms")

LISTENER_STARTED: Final = Line("listener.started", logging.INFO, "listening to %(queue_url)s", ("queue_url",))
LISTENER_STOPPED: Final = Line("listener.stopped", logging.INFO, "stopped listening to %(queue_url)s", ("queue_url",))
RECEIVE_FAILED: Final = Line(
    "receive.failed",
    logging.WARNING,
    "receiving failed: %(code)s; next try in %(pause_seconds).1f s",
    ("queue_url", "code", "failures", "pause_seconds"),
)
RECEIVE_HOPELESS: Final = Line(
    "receive.hopeless", logging.ERROR, "cannot receive from %(queue_url)s: %(code)s", ("queue_url", "code")
)
MESSAGE_PROCESSED: Final = Line("message.processed", logging.DEBUG, "message %(message_id)s: %(disposition)s", _MESSAGE)
MESSAGE_UNREADABLE: Final = Line(
    "message.unreadable",
    logging.WARNING,
    "message %(message_id)s: %(disposition)s: %(reason)s%(where)s",
    (*_MESSAGE, "reason", "paths", "where"),
)
MESSAGE_CONFIRMATION: Final = Line(
    "message.confirmation",
    logging.WARNING,
    "message %(message_id)s: an SNS confirmation, which is not followed; it stays",
    _MESSAGE,
)
MESSAGE_UNFETCHED: Final = Line(
    "message.unfetched", logging.WARNING, "message %(message_id)s: %(error)s; it stays", ("message_id", "error")
)
MESSAGE_FAILED: Final = Line(
    "message.failed",
    logging.ERROR,
    "message %(message_id)s: the dispatcher failed: %(error)s\n%(where)s",
    ("message_id", "error", "where"),
)
MESSAGE_UNMATCHED: Final = Line(
    "message.unmatched",
    logging.DEBUG,
    "message %(message_id)s: not matched\n%(explanation)s",
    ("message_id", "explanation"),
)
MESSAGE_GIVEN_UP: Final = Line(
    "message.given_up", logging.INFO, "message %(message_id)s is given up", ("message_id", "sqs_message")
)
SUBSCRIBER_PROCESSED: Final = Line(
    "subscriber.processed",
    logging.DEBUG,
    "message %(message_id)s: %(subscriber)s says %(status)s",
    ("message_id", "event_type", "subscriber", "status", "attempt", "latency_ms", "skipped"),
)
SUBSCRIBER_FAILED: Final = Line(
    "subscriber.failed",
    logging.ERROR,
    "message %(message_id)s: %(subscriber)s failed: %(error)s\n%(where)s",
    ("message_id", "event_type", "subscriber", "status", "attempt", "latency_ms", "skipped", "error", "where"),
)
PATTERN_FAILED: Final = Line(
    "pattern.failed",
    logging.ERROR,
    "message %(message_id)s: a pattern of %(subscriber)s failed: %(error)s\n%(where)s",
    ("message_id", "event_type", "subscriber", "error", "where"),
)
ACKNOWLEDGE_FAILED: Final = Line(
    "acknowledge.failed",
    logging.WARNING,
    "could not %(action)s %(count)d of a batch: %(codes)s; %(consequence)s",
    ("queue_url", "action", "count", "codes", "consequence"),
)
DEAD_LETTER_SENT: Final = Line(
    "dead_letter.sent",
    logging.WARNING,
    "message %(message_id)s: moved to the dead-letter queue",
    ("message_id", "queue_url"),
)
DEAD_LETTER_FAILED: Final = Line(
    "dead_letter.failed",
    logging.ERROR,
    "message %(message_id)s: could not be dead-lettered: %(code)s; it stays",
    ("message_id", "queue_url", "code"),
)
HEARTBEAT_FAILED: Final = Line(
    "heartbeat.failed",
    logging.ERROR,
    "messages in hand could not be kept invisible: %(error)s\n%(where)s",
    ("error", "where"),
)
LEASES_FAILED: Final = Line(
    "leases.failed",
    logging.ERROR,
    "leases of messages in hand could not be renewed: %(error)s\n%(where)s",
    ("error", "where"),
)
HEARTBEAT_EXPIRED: Final = Line(
    "heartbeat.expired",
    logging.ERROR,
    "%(count)d in hand for nearly twelve hours, which SQS does not exceed: what is, comes back",
    ("count",),
)
STOP_ABANDONED: Final = Line(
    "stop.abandoned",
    logging.ERROR,
    "still running when the grace period ended, and given back: %(count)d",
    ("count",),
)
PROCESS_HANGING: Final = Line(
    "process.hanging",
    logging.CRITICAL,
    "%(count)d calls of process() took longer than process_timeout and have not ended; this process cannot go on",
    ("count",),
)
BUFFER_FAILED: Final = Line(
    "buffer.failed", logging.ERROR, "a message was not published: %(error)s", ("destination", "error")
)
BUFFER_CALLBACK_FAILED: Final = Line(
    "buffer.callback_failed",
    logging.ERROR,
    "a callback of a delivery raised: %(error)s\n%(where)s",
    ("destination", "error", "where"),
)
TELEMETRY_FAILED: Final = Line(
    "telemetry.failed", logging.ERROR, "the telemetry raised: %(error)s\n%(where)s", ("error", "where")
)

LINES: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Line))
"""All of them."""
