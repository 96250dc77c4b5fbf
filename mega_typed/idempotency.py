"""What was processed already: the protocol of a store that remembers it, and the store in memory.

A key stands for one message at one subscriber (``once`` makes it). ``begin`` claims it for a while, the lease, so that
two deliveries at the same time do not both process; ``complete`` remembers for good, until the entry expires;
``renew`` prolongs the lease of one who still works, ``release`` gives the claim up. A worker that dies does none of
these, and its lease runs out.

A completion is a fact, whoever holds the lease by then, so ``complete`` always writes. ``release`` removes only what
its claim saw, and ``renew`` only what is its own: a worker that comes late cannot undo what another one has done. The
clock belongs to the store; the core that asks it has none. This file knows no message.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple, Protocol
from uuid import uuid4

from mega_typed.errors import ConfigurationError

LEASE_SECONDS: Final = 60.0
REMEMBER_SECONDS: Final = 14 * 24 * 3600.0
"""As long as SQS keeps a message."""


class ClaimState(Enum):
    """What a store knows of a key.

    Attributes:
        STARTED: nothing so far; whoever asked holds the lease now.
        IN_PROGRESS: somebody else holds the lease.
        COMPLETED: it was processed.
    """

    STARTED = "started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Claim(NamedTuple):
    """The answer of ``begin``.

    Attributes:
        key: what was asked for.
        state: STARTED, it is the caller's now; IN_PROGRESS, another one holds the lease; COMPLETED.
        token: of the entry that the store has: the caller's own, or another one's.
        result: what ``complete`` was given, of a COMPLETED one.
    """

    key: str
    state: ClaimState
    token: str = ""
    result: str = ""


class IdempotencyStore(Protocol):
    """Remembers keys. Safe to be called by several threads; whatever it raises means that it could not be asked."""

    def begin(self, key: str) -> Claim:
        """Claim a key that is neither completed nor under a lease, in one atomic step; else say which it is."""
        ...

    def complete(self, claim: Claim, result: str) -> None:
        """Remember the key as completed with this result, whatever the entry is now. Twice is as good as once."""
        ...

    def renew(self, claim: Claim) -> None:
        """Let the lease start anew, if the entry is not completed and still has the claim's token."""
        ...

    def release(self, claim: Claim) -> None:
        """Forget the key, if its entry still has the claim's token."""
        ...


def checked_durations(lease_seconds: float, remember_seconds: float) -> tuple[float, float]:
    """Both as they are. Raises ``ConfigurationError`` unless ``0 < lease_seconds <= remember_seconds``."""
    if not 0 < lease_seconds <= remember_seconds:
        raise ConfigurationError(
            f"lease_seconds must be above 0 and not above remember_seconds, got {lease_seconds!r}, {remember_seconds!r}"
        )
    return lease_seconds, remember_seconds


def new_token() -> str:
    """A token that nobody has."""
    return uuid4().hex


class MemoryStore:
    """Keys in the memory of this process: for one worker, and for tests. It forgets everything when the process ends.

    Args:
        lease_seconds: after which a claim that was neither completed nor released can be taken over. Choose it like
            the visibility timeout: while a subscriber works, both are prolonged together.
        remember_seconds: how long a completion is remembered.
        max_entries: how many completions; then the oldest are forgotten first.
        clock: seconds that only grow.

    Raises:
        ConfigurationError: a number is out of range.
    """

    def __init__(
        self,
        *,
        lease_seconds: float = LEASE_SECONDS,
        remember_seconds: float = REMEMBER_SECONDS,
        max_entries: int = 100_000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._lease, self._remember = checked_durations(lease_seconds, remember_seconds)
        if max_entries < 1:
            raise ConfigurationError(f"max_entries must be 1 or more, not {max_entries!r}")
        self._most = max_entries
        self._clock = clock
        self._lock = Lock()
        self._leases: dict[str, tuple[float, str]] = {}
        self._completed: OrderedDict[str, tuple[float, str, str]] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        return len(self._leases) + len(self._completed)

    def begin(self, key: str) -> Claim:
        """See ``IdempotencyStore``."""
        with self._lock:
            now = self._clock()
            self._forget_expired(now)
            if key in self._completed:
                _, token, result = self._completed[key]
                return Claim(key, ClaimState.COMPLETED, token, result)
            until, token = self._leases.get(key, (now, ""))
            if until > now:
                return Claim(key, ClaimState.IN_PROGRESS, token)
            token = new_token()
            self._leases[key] = (now + self._lease, token)
            return Claim(key, ClaimState.STARTED, token)

    def complete(self, claim: Claim, result: str) -> None:
        """See ``IdempotencyStore``."""
        with self._lock:
            self._leases.pop(claim.key, None)
            self._completed[claim.key] = (self._clock() + self._remember, claim.token, result)
            self._completed.move_to_end(claim.key)
            while len(self._completed) > self._most:
                self._completed.popitem(last=False)

    def renew(self, claim: Claim) -> None:
        """See ``IdempotencyStore``."""
        with self._lock:
            if self._leases.get(claim.key, (0.0, ""))[1] == claim.token:
                self._leases[claim.key] = (self._clock() + self._lease, claim.token)

    def release(self, claim: Claim) -> None:
        """See ``IdempotencyStore``."""
        with self._lock:
            if self._leases.get(claim.key, (0.0, ""))[1] == claim.token:
                del self._leases[claim.key]
            elif self._completed.get(claim.key, (0.0, "", ""))[1] == claim.token:
                del self._completed[claim.key]

    def _forget_expired(self, now: float) -> None:
        while self._completed and next(iter(self._completed.values()))[0] <= now:
            self._completed.popitem(last=False)
        if len(self._leases) > self._most:  # claims that nobody ends; there are no more than threads otherwise
            self._leases = {key: lease for key, lease in self._leases.items() if lease[0] > now}
