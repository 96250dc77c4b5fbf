"""What SQS is told about messages: deleted, visible again after some seconds, moved to the dead-letter queue.

By tens, because a call costs the same for one as for ten. Nothing here raises what a client raises: what fails is tried
once more and logged, and the message is delivered again. This file knows clients and messages, and no subscriber.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from mega_typed import log
from mega_typed.aws import ClientSource, SqsClient, describe, service_errors
from mega_typed.dead_letters import dead_letter
from mega_typed.dispatch import Outcome

logger = logging.getLogger("mega_typed.listener")

MAX_BATCH: Final = 10
LOST: Final = frozenset({"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"})
"""Codes of an entry whose receipt has expired, or whose message is in other hands (API reference,
ChangeMessageVisibilityBatch)."""


class Acknowledger:
    """Speaks to one queue, and to its dead-letter queue where there is one.

    Args:
        clients: where the client comes from.
        queue_url: the queue that messages came from.
        dead_letter_queue_url: the queue that they move to.
    """

    def __init__(self, clients: ClientSource[SqsClient], queue_url: str, dead_letter_queue_url: str | None) -> None:
        self._clients = clients
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages."""
        entries = [{"ReceiptHandle": receipt} for receipt in receipts]
        self._in_batches("delete", entries, lambda batch: self._clients.get().delete_message_batch(**batch))

    def change_visibility(self, seconds: Iterable[tuple[str, int]]) -> list[str]:
        """Make messages visible after so many seconds from now, in this order; pairs of receipt and seconds.

        Returns:
            the receipts that SQS does not know any more; one that failed for a passing reason is not among them.
        """
        entries = [{"ReceiptHandle": receipt, "VisibilityTimeout": each} for receipt, each in seconds]
        return self._in_batches(
            "change the visibility of",
            entries,
            lambda batch: self._clients.get().change_message_visibility_batch(**batch),
        )

    def bury(self, message: Mapping[str, Any], outcome: Outcome) -> bool:
        """Copy a message to the dead-letter queue; whether that succeeded, and so the message may be deleted."""
        if self._dead_letter_queue_url is None:
            return False
        message_id, queue_url = message.get("MessageId", ""), self._dead_letter_queue_url
        try:
            answer = self._clients.get().send_message(**dead_letter(queue_url, message, outcome))
            # Without an id something else has answered, a proxy under maintenance for instance.
            code = "" if answer.get("MessageId") else "Unanswered"
        except service_errors() as error:
            code = describe(error).code
        except Exception as error:  # a message that cannot be copied stays, and the loop goes on
            code = type(error).__name__
        if code:
            log.write(logger, log.DEAD_LETTER_FAILED, message_id=message_id, queue_url=queue_url, code=code)
            return False
        log.write(logger, log.DEAD_LETTER_SENT, message_id=message_id, queue_url=queue_url)
        return True

    def _in_batches(
        self,
        what: str,
        pending: Sequence[Mapping[str, Any]],
        call: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> list[str]:
        """Returns the receipts that SQS does not know any more."""
        lost: list[str] = []
        for start in range(0, len(pending), MAX_BATCH):
            entries = {str(start + place): entry for place, entry in enumerate(pending[start : start + MAX_BATCH])}
            for last in (False, True):
                if not entries:
                    break
                failed = self._failed_entries(call, entries)
                entries = {entry_id: entries[entry_id] for entry_id in failed if entry_id in entries}
                if failed:
                    log.write(
                        logger,
                        log.ACKNOWLEDGE_FAILED,
                        level=logging.ERROR if last else logging.WARNING,
                        queue_url=self._queue_url,
                        action=what,
                        count=len(failed),
                        codes=", ".join(sorted(set(failed.values()))),
                        consequence="they will be delivered again" if last else "trying once more",
                    )
                    lost += [
                        entries[entry_id]["ReceiptHandle"] for entry_id in entries if last and failed[entry_id] in LOST
                    ]
        return lost

    def _failed_entries(
        self, call: Callable[[Mapping[str, Any]], Mapping[str, Any]], entries: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, str]:
        """The ids of the entries that failed, each with its error code."""
        batch = {
            "QueueUrl": self._queue_url,
            "Entries": [{"Id": entry_id, **entry} for entry_id, entry in entries.items()],
        }
        try:
            failed = call(batch).get("Failed") or ()
            return {entry.get("Id", ""): str(entry.get("Code", "Unknown")) for entry in failed}
        except Exception as error:  # of the service, or of botocore over an answer that makes no sense
            return dict.fromkeys(entries, describe(error).code)
