"""The store in an SQLite file: for the threads and processes of one machine, without a server.

``begin`` is one statement, an insert that on conflict takes over what has expired; SQLite runs it atomically, whoever
else has the file open. Every completion is on the disk before ``complete`` returns. A lease that seems to have been
taken in the future means that the clock went back; it is dated anew, so that nothing waits for the clock to catch up.

A connection belongs to the process that opened it: after a fork the child opens its own.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import time
from typing import Final

from mega_typed.idempotency import (
    LEASE_SECONDS,
    REMEMBER_SECONDS,
    Claim,
    ClaimState,
    checked_durations,
    new_token,
)

BUSY_SECONDS: Final = 10.0
"""How long a call waits for other processes; then it fails, and the message is retried."""

COMPLETIONS_BETWEEN_CLEANINGS: Final = 100
CLEANED_AT_ONCE: Final = 1000

_SCHEMA: Final = """
create table if not exists mega_idempotency (
    key text primary key, token text not null, result text, since real not null, until real not null
) without rowid;
create index if not exists mega_idempotency_until on mega_idempotency (until);
"""
_BEGIN: Final = """
insert into mega_idempotency (key, token, result, since, until) values (:key, :token, null, :now, :until)
on conflict (key) do update set token = excluded.token, result = null, since = excluded.since, until = excluded.until
where mega_idempotency.until <= :now
"""
_LOOK: Final = "select token, result, since from mega_idempotency where key = :key"
_DATE_ANEW: Final = """
update mega_idempotency set since = :now, until = :now + (until - since)
where key = :key and result is null and since > :now
"""
_COMPLETE: Final = "insert or replace into mega_idempotency (key, token, result, since, until) values (?, ?, ?, ?, ?)"
_RENEW: Final = """
update mega_idempotency set since = :now, until = :until where key = :key and token = :token and result is null
"""
_RELEASE: Final = "delete from mega_idempotency where key = ? and token = ?"
_CLEAN: Final = """
delete from mega_idempotency where key in (select key from mega_idempotency where until <= ? limit ?)
"""


class SqliteStore:
    """Keys in an SQLite file, shared by all threads and processes of a machine that open it.

    The file and its table are made when first used. It must lie on a disk of the machine, not on a network share.

    Args:
        path: of the file.
        lease_seconds: after which a claim that was neither completed nor released can be taken over. Choose it like
            the visibility timeout: while a subscriber works, both are prolonged together.
        remember_seconds: how long a completion is remembered.
        clock: seconds since the epoch, the same for all processes.

    Raises:
        ConfigurationError: a number is out of range.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease_seconds: float = LEASE_SECONDS,
        remember_seconds: float = REMEMBER_SECONDS,
        clock: Callable[[], float] = time,
    ) -> None:
        self._lease, self._remember = checked_durations(lease_seconds, remember_seconds)
        self._path = Path(path)
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inherited: list[sqlite3.Connection | None] = []
        self._completions = 0
        self._process = os.getpid()
        self._lock = Lock()

    def begin(self, key: str) -> Claim:
        """See ``IdempotencyStore``."""
        with self._owned():
            now, token = self._clock(), new_token()
            claimed: Mapping[str, str | float] = {"key": key, "token": token, "now": now, "until": now + self._lease}
            if self._execute(_BEGIN, claimed).rowcount == 1:
                return Claim(key, ClaimState.STARTED, token)
            row = self._execute(_LOOK, claimed).fetchone()
            if row is None:  # released in between; whoever it was has seen it first
                return Claim(key, ClaimState.IN_PROGRESS)
            token, result, since = row
            if result is not None:
                return Claim(key, ClaimState.COMPLETED, token, result)
            if since > now:
                self._execute(_DATE_ANEW, claimed)
            return Claim(key, ClaimState.IN_PROGRESS, token)

    def complete(self, claim: Claim, result: str) -> None:
        """See ``IdempotencyStore``."""
        with self._owned():
            now = self._clock()
            self._execute(_COMPLETE, (claim.key, claim.token, result, now, now + self._remember))
            self._completions += 1
            if self._completions % COMPLETIONS_BETWEEN_CLEANINGS == 0:
                with suppress(sqlite3.Error):  # what is completed stays so; the next one cleans
                    self._execute(_CLEAN, (now, CLEANED_AT_ONCE))

    def renew(self, claim: Claim) -> None:
        """See ``IdempotencyStore``."""
        with self._owned():
            now = self._clock()
            self._execute(_RENEW, {"key": claim.key, "token": claim.token, "now": now, "until": now + self._lease})

    def release(self, claim: Claim) -> None:
        """See ``IdempotencyStore``."""
        with self._owned():
            self._execute(_RELEASE, (claim.key, claim.token))

    def close(self) -> None:
        """Close the file. Another call opens it again."""
        with self._owned():
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _owned(self) -> Lock:
        """The lock around a connection of this process."""
        if self._process != os.getpid():
            self._inherited.append(self._connection)  # to close it would release locks of the parent
            self._connection, self._lock, self._process = None, Lock(), os.getpid()
        return self._lock

    def _execute(self, statement: str, values: Mapping[str, str | float] | tuple[str | float, ...]) -> sqlite3.Cursor:
        if self._connection is None:
            self._connection = self._opened()
        return self._connection.execute(statement, values)

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            with suppress(sqlite3.OperationalError):  # another process is at it; without it all is right, and slower
                connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection
