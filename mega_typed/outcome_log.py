"""What became of a message, as lines of the log: places and names, never values of a payload.

One wording for all that act on outcomes: the listener and the Lambda function hand in their logger. This file knows
outcomes, and nothing of queues.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, Final

from mega_typed import log
from mega_typed.dispatch import Outcome, Reading, SubscriberResult
from mega_typed.errors import DecodeError, InvalidPayload, RetryLater
from mega_typed.subscribers import ProcessStatus

__all__ = ["log_outcome", "where"]

_LEVELS: Final = {
    ProcessStatus.DONE: logging.DEBUG,
    ProcessStatus.RETRY_LATER: logging.INFO,
    ProcessStatus.RETRIABLE_ERROR: logging.WARNING,
    ProcessStatus.FATAL_ERROR: logging.ERROR,
}


def where(error: BaseException) -> str:
    """Where an exception came from, without its message: that may quote a payload."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()


def log_outcome(logger: logging.Logger, outcome: Outcome, seconds: float) -> None:
    """Log what has to be known of an outcome; at level DEBUG also that all is well.

    Args:
        logger: of whoever acts on it.
        outcome: what became of a message.
        seconds: how long that took.
    """
    if _all_is_well(outcome) and not logger.isEnabledFor(logging.INFO):
        return
    about: dict[str, Any] = {
        "message_id": outcome.message_id,
        "event_type": str(outcome.event_type) if outcome.event_type else None,
    }
    fields: dict[str, Any] = {
        **about,
        "disposition": str(outcome.disposition),
        "reading": str(outcome.reading),
        "attempt": outcome.attempt,
        "latency_ms": round(seconds * 1000, 3),
    }
    if outcome.reading is Reading.CONFIRMATION:
        log.write(logger, log.MESSAGE_CONFIRMATION, **fields)
    elif outcome.error is None:
        log.write(logger, log.MESSAGE_PROCESSED, **fields)
    else:
        reason = outcome.error.reason if isinstance(outcome.error, DecodeError) else type(outcome.error).__name__
        paths = [fault.path for fault in outcome.error.faults] if isinstance(outcome.error, InvalidPayload) else []
        places = f" at {', '.join(paths)}" if paths else ""
        log.write(logger, log.MESSAGE_UNREADABLE, **fields, reason=reason, paths=paths, where=places)
    for result in outcome.results:
        _log_result(logger, result, outcome.attempt, about)
    for defect in outcome.defects:
        who, error = defect.subscriber.__qualname__, type(defect.error).__name__
        log.write(logger, log.PATTERN_FAILED, **about, subscriber=who, error=error, where=where(defect.error))


def _log_result(logger: logging.Logger, result: SubscriberResult, attempt: int, about: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        **about,
        "subscriber": result.subscriber.__qualname__,
        "status": result.status.value,
        "attempt": attempt,
        "latency_ms": round(result.seconds * 1000, 3),
        "skipped": result.skipped,
    }
    if result.error is None or isinstance(result.error, RetryLater):
        log.write(logger, log.SUBSCRIBER_PROCESSED, level=_LEVELS[result.status], **fields)
    else:
        level = logging.WARNING if result.status is ProcessStatus.RETRIABLE_ERROR else logging.ERROR
        error = type(result.error).__name__
        log.write(logger, log.SUBSCRIBER_FAILED, level=level, **fields, error=error, where=where(result.error))


def _all_is_well(outcome: Outcome) -> bool:
    """Whether there is nothing to say of it above the level DEBUG."""
    if outcome.error is not None or outcome.defects or outcome.reading is Reading.CONFIRMATION:
        return False
    return all(result.error is None and result.status is ProcessStatus.DONE for result in outcome.results)
