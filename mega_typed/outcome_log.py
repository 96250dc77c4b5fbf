"""What became of a message, as lines of a log: places and names, never values of a payload.

One wording for all that act on outcomes: the listener and the Lambda function hand in their logger. This file knows
outcomes, and nothing of queues.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping

from mega_typed.dispatch import Outcome, Reading
from mega_typed.errors import DecodeError, InvalidPayload, RetryLater
from mega_typed.subscribers import ProcessStatus

__all__ = ["log_failure", "log_outcome"]


def _stack(error: BaseException) -> str:
    """Where an exception came from, without its message: that may quote a payload."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()


def log_outcome(logger: logging.Logger, message_id: str, outcome: Outcome) -> None:
    """Log what has to be known of an outcome; at level DEBUG also that all is well."""
    if _all_is_well(outcome) and not logger.isEnabledFor(logging.DEBUG):
        return
    fields: dict[str, object] = {
        "message_id": message_id,
        "disposition": str(outcome.disposition),
        "reading": str(outcome.reading),
        "event_type": str(outcome.event_type) if outcome.event_type else None,
    }
    if outcome.reading is Reading.CONFIRMATION:
        logger.warning("message %s: an SNS confirmation, which is not followed; it stays", message_id, extra=fields)
    elif outcome.error is None:
        logger.debug("message %s: %s", message_id, outcome.disposition, extra=fields)
    else:
        reason = outcome.error.reason if isinstance(outcome.error, DecodeError) else type(outcome.error).__name__
        paths = [fault.path for fault in outcome.error.faults] if isinstance(outcome.error, InvalidPayload) else []
        where = f" at {', '.join(paths)}" if paths else ""
        extra = {**fields, "reason": reason, "paths": paths}
        logger.warning("message %s: %s: %s%s", message_id, outcome.disposition, reason, where, extra=extra)
    for result in outcome.results:
        if result.error is not None:
            if isinstance(result.error, RetryLater):
                continue
            level = logging.WARNING if result.status is ProcessStatus.RETRIABLE_ERROR else logging.ERROR
            log_failure(logger, level, result.subscriber.__qualname__, result.error, fields)
        elif result.status is ProcessStatus.FATAL_ERROR:
            who = result.subscriber.__qualname__
            logger.error("message %s: %s says FATAL_ERROR", message_id, who, extra={**fields, "failed": who})
    for defect in outcome.defects:
        log_failure(logger, logging.ERROR, f"a pattern of {defect.subscriber.__qualname__}", defect.error, fields)


def _all_is_well(outcome: Outcome) -> bool:
    """Whether there is nothing to say of it."""
    if outcome.error is not None or outcome.defects or outcome.reading is Reading.CONFIRMATION:
        return False
    for result in outcome.results:
        if result.error is not None or result.status is ProcessStatus.FATAL_ERROR:
            return False
    return True


def log_failure(
    logger: logging.Logger, level: int, who: str, error: BaseException, fields: Mapping[str, object]
) -> None:
    """Log that a part of the application failed, with where, and without what the exception says."""
    name = type(error).__name__
    extra = {**fields, "failed": who, "error": name}
    logger.log(level, "message %s: %s failed: %s\n%s", fields["message_id"], who, name, _stack(error), extra=extra)
