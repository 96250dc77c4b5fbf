"""Each message once to each subscriber: between dispatch and an idempotency store.

The key is the subscriber's qualified name and the message: the id that its publisher was given (of SNS the published
id, the same in every queue and at every delivery; of EventBridge the event's), or what a function of the payload
returns. DONE completes, a wish for a retry releases.

FATAL_ERROR completes for this one message of the queue only: delivered again, because another subscriber wanted it, it
still counts as fatal and is not processed; but sent again, for instance out of a dead-letter queue after the fault was
repaired, it is processed. Where the store fails, nothing is known, so nothing is processed and the message is retried;
where only the completion cannot be written, the work is done all the same, and what the subscriber said stands.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast

from mega_typed.errors import IdempotencyError
from mega_typed.idempotency import Claim, ClaimState, IdempotencyStore
from mega_typed.message_context import MessageContext, current_message
from mega_typed.subscribers import ProcessStatus, Subscriber

KeyOf = Callable[[Any], str | None]
"""From what a subscriber is given, a typed event for instance, to a key; ``None`` means the id of the message."""

_DONE: Final = "done"
_LONGEST_READABLE: Final = 200


class MessageKeys(NamedTuple):
    """What tells one message from others.

    Attributes:
        way: how it travelled.
        published_id: the id that its publisher was given.
        message_id: its id in the queue.
    """

    way: str
    published_id: str
    message_id: str


class Once:
    """Asks a store before a subscriber processes a message, and tells it afterwards.

    Args:
        store: remembers what is completed.
        key: of a payload, instead of the id of its message.
    """

    def __init__(self, store: IdempotencyStore, key: KeyOf | None = None) -> None:
        self._store = store
        self._key = key
        self._held: dict[str, tuple[Claim, MessageContext]] = {}  # by token: those whose subscribers work

    def begin(self, subscriber: type[Subscriber[Any]], payload: object, message: MessageKeys) -> Claim | ProcessStatus:
        """A claim, if the subscriber shall process the payload now; else the status that stands without it.

        Raises:
            IdempotencyError: the store cannot be asked, or there is no key.
        """
        try:
            claim = self._begin(self._key_of(subscriber, payload, message), _fatal(message))
            if isinstance(claim, Claim):
                self._held[claim.token] = (claim, current_message())
            return claim
        except (KeyboardInterrupt, IdempotencyError):
            raise
        except BaseException as error:
            raise IdempotencyError(f"the idempotency store failed: {type(error).__name__}") from error

    def finish(self, claim: Claim, status: ProcessStatus, message: MessageKeys) -> IdempotencyError | None:
        """Tell the store what became of it, a completion twice if need be. Returns the failure of the store."""
        self._held.pop(claim.token, None)
        result = {ProcessStatus.DONE: _DONE, ProcessStatus.FATAL_ERROR: _fatal(message)}.get(status)
        failure: BaseException | None = None
        for _ in range(2):
            try:
                if result is None:
                    self._store.release(claim)
                else:
                    self._store.complete(claim, result)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                failure = error
            else:
                return None
        what = "the end of the lease" if result is None else "the completion"
        unwritten = IdempotencyError(f"the idempotency store did not take {what}: {type(failure).__name__}")
        unwritten.__cause__ = failure
        return unwritten

    def leave(self, claim: Claim) -> None:
        """Renew a claim no more: its subscriber was given up, and may still finish it."""
        self._held.pop(claim.token, None)

    def renew(self) -> None:
        """Let the leases of all who work start anew, but for work that has become pointless: its message comes again.

        Raises:
            Exception: the store did; the others were renewed all the same.
        """
        failure: Exception | None = None
        for claim, context in tuple(self._held.values()):
            if context.cancelled:
                continue
            try:
                self._store.renew(claim)
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    def _begin(self, key: str, fatal: str) -> Claim | ProcessStatus:
        claim = self._store.begin(key)
        if claim.state is ClaimState.COMPLETED and claim.result not in (_DONE, fatal):
            self._store.release(claim)  # fatal in another message of the queue: sent again, it has another chance
            claim = self._store.begin(key)
        if claim.state is ClaimState.STARTED:
            return claim
        if claim.state is ClaimState.COMPLETED:
            standing = {_DONE: ProcessStatus.DONE, fatal: ProcessStatus.FATAL_ERROR}
            return standing.get(claim.result, ProcessStatus.RETRY_LATER)
        return ProcessStatus.RETRY_LATER

    def _key_of(self, subscriber: type[Subscriber[Any]], payload: object, message: MessageKeys) -> str:
        if self._key is not None and (own := self._own_key(self._key, payload)) is not None:
            return f"{name_of(subscriber)}/key/{_short(own)}"
        if not message.published_id:
            raise IdempotencyError("the message has no id, so it cannot be told from others; see idempotency_key")
        return f"{name_of(subscriber)}/{message.way}/{_short(message.published_id)}"

    def _own_key(self, key: KeyOf, payload: object) -> str | None:
        try:
            own = cast("object", key(payload))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise IdempotencyError(f"idempotency_key raised {type(error).__name__}") from error
        if own is None or (isinstance(own, str) and own):
            return own
        raise IdempotencyError(f"idempotency_key must return a string that is not empty, or None, not {own!r:.40}")


def name_of(subscriber: type[Subscriber[Any]]) -> str:
    """The name that a subscriber has in keys, so that renaming it makes it another one."""
    return f"{subscriber.__module__}.{subscriber.__qualname__}"


def _fatal(message: MessageKeys) -> str:
    return f"fatal {_short(message.message_id)}"


def _short(text: str) -> str:
    """A text of any length and content as one that every store takes, the usual one as it is."""
    if len(text) <= _LONGEST_READABLE and text.isascii() and text.isprintable() and not text.startswith("sha256:"):
        return text
    return f"sha256:{sha256(text.encode(errors='surrogatepass')).hexdigest()}"
