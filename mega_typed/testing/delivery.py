"""Events handed to subscribers without a queue, and a listener run until there is nothing left to do.

Both go through the very dispatcher that consumes messages in production. This file knows no client.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mega_typed.dispatch import Dispatcher, Outcome
from mega_typed.envelopes import Record
from mega_typed.listener import SqsListener
from mega_typed.messages import Attributes, Publishable, added_attributes, message_of
from mega_typed.subscribers import Subscriber
from mega_typed.testing.transport import Transport

__all__ = ["deliver", "record_of", "run_until_idle"]

MAX_POLLS: Final = 1_000


def record_of(
    payload: Publishable | Record,
    *,
    binary_encoding: bool = False,
    attributes: Attributes | None = None,
    receive_count: int = 1,
    message_id: str = "00000000-0000-0000-0000-000000000000",
) -> Record:
    """A payload as a consumer receives it, raw, from SQS.

    Args:
        payload: what a publisher takes: an event, a document, a text or bytes; or a record, which stays as it is.
        binary_encoding: as BSON instead of JSON.
        attributes: message attributes beside those of the library.
        receive_count: how often the queue has delivered it, this time included.
        message_id: its id in the queue.

    Raises:
        EncodeError: the payload cannot be put on the wire.
    """
    if isinstance(payload, Record):
        return payload
    message = message_of(payload, binary_encoding, added_attributes(attributes))
    return Record.from_sqs(
        {
            "MessageId": message_id,
            "Body": message.body,
            "MessageAttributes": message.attributes,
            "Attributes": {"ApproximateReceiveCount": str(receive_count)},
        }
    )


def deliver(
    to: type[Subscriber[Any]] | Iterable[type[Subscriber[Any]]] | Dispatcher | SqsListener,
    payload: Publishable | Record,
    *,
    binary_encoding: bool = False,
    attributes: Attributes | None = None,
    receive_count: int = 1,
) -> Outcome:
    """Hand one payload to subscribers as dispatch does: encoded, decoded, validated, matched, processed.

    Args:
        to: a subscriber class or several; a dispatcher; or a listener, for its subscribers and settings.
        payload: an event; a document, which need not be valid; a text or bytes; or a record.
        binary_encoding: as BSON instead of JSON.
        attributes: message attributes beside those of the library.
        receive_count: how often the queue has delivered it, this time included.

    Returns:
        What became of it: which subscribers were called, what they said, and what happens to the message.

    Raises:
        EncodeError: the payload cannot be put on the wire.
        RegistrationError: a subscriber class cannot be registered.
    """
    record = record_of(payload, binary_encoding=binary_encoding, attributes=attributes, receive_count=receive_count)
    return _dispatcher(to).handle(record)


def _dispatcher(
    to: type[Subscriber[Any]] | Iterable[type[Subscriber[Any]]] | Dispatcher | SqsListener,
) -> Dispatcher:
    if isinstance(to, SqsListener):
        return to.dispatcher
    if isinstance(to, Dispatcher):
        return to
    dispatcher = Dispatcher()
    for subscriber in [to] if isinstance(to, type) else to:
        dispatcher.register(subscriber)
    return dispatcher


def run_until_idle(
    listener: SqsListener, transport: Transport | None = None, *, max_polls: int = MAX_POLLS
) -> list[Outcome]:
    """Poll until there is nothing left to process: what is visible, and in memory also what becomes visible later.

    When nothing is visible, the clock of a transport in memory moves on to the moment at which a delayed or retried
    message is visible again. A server is polled until one poll finds nothing.

    Args:
        listener: a listener, with one worker or more; this thread does the work.
        transport: where its queue is.
        max_polls: how many polls that may take.

    Returns:
        What became of each delivery, in order.

    Raises:
        AssertionError: it is not idle after so many polls; a message is retried for ever.
    """
    __tracebackhide__ = True
    outcomes: list[Outcome] = []
    for _ in range(max_polls):
        found = listener.poll_once()
        outcomes += found
        if not found and (transport is None or not transport.skip_to_next_message()):
            return outcomes
    last = outcomes[-1] if outcomes else "no message was handled"
    raise AssertionError(
        f"not idle after {max_polls} polls: a message seems to be retried for ever; the last outcome is {last}. Give "
        "the queue a redrive policy (dead_letter_queue_url), or raise max_polls"
    )
