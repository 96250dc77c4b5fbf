"""Each message once to each subscriber, with every store: in memory, in a file, in a table behind HTTP."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, Event
from typing import Any
from uuid import uuid4

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_typed import (
    ConfigurationError,
    Dispatcher,
    Disposition,
    IdempotencyError,
    IdempotencyStore,
    MessageSubscriber,
    Outcome,
    ProcessStatus,
    Record,
    RegistrationError,
    SqsListener,
)
from mega_typed.idempotency import Claim, ClaimState, MemoryStore
from mega_typed.idempotency_dynamodb import DynamoDbStore
from mega_typed.idempotency_sqlite import SqliteStore
from mega_typed.once import MessageKeys, Once

DONE, LATER, RETRIABLE, FATAL = ProcessStatus
STARTED, IN_PROGRESS, COMPLETED = ClaimState
ROOT = Path(__file__).parent.parent


class Clock:
    """Stands until it is moved; ``now`` may go back."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


Stores = Callable[..., Any]


@pytest.fixture(scope="session")
def table(local: dict[str, str]) -> Iterator[tuple[Any, str]]:
    """A client and the name of a table as docs/idempotency.md says."""
    client: Any = boto3.client("dynamodb", **local)  # type: ignore[call-overload]
    name = f"t-{uuid4().hex}"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client, name
    client.close()


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Makes stores of one kind; all of a test share one memory, file or namespace."""
    made: list[SqliteStore] = []
    memory: list[MemoryStore] = []
    namespace = uuid4().hex

    def make(**options: Any) -> Any:
        if request.param == "memory":
            memory.append(memory[0] if memory else MemoryStore(**options))
            return memory[0]
        if request.param == "sqlite":
            made.append(SqliteStore(tmp_path / "once.db", **options))
            return made[-1]
        client, name = request.getfixturevalue("table")
        return DynamoDbStore(name, namespace=namespace, client=client, **options)

    yield make
    for store in made:
        store.close()


# --- the protocol, for each store -------------------------------------------------------------------------------------


def test_a_key_is_claimed_completed_and_forgotten(stores: Stores) -> None:
    """A claim excludes others until its lease ends, a completion until it expires, and a release gives up at once."""
    clock = Clock()
    store = stores(lease_seconds=10, remember_seconds=100, clock=clock)
    first = store.begin("k")
    assert first.state is STARTED
    assert store.begin("k") == Claim("k", IN_PROGRESS, first.token)
    assert store.begin("other").state is STARTED
    store.release(first)
    second = store.begin("k")
    assert (second.state, second.token != first.token) == (STARTED, True)
    clock.now += 10
    third = store.begin("k")
    assert third.state is STARTED
    store.complete(third, "done")
    clock.now += 99
    assert store.begin("k") == Claim("k", COMPLETED, third.token, "done")
    clock.now += 2
    assert store.begin("k").state is STARTED


def test_a_late_worker_undoes_nothing(stores: Stores) -> None:
    """After its lease a worker cannot release the claim of another, and its completion counts and stays."""
    clock = Clock()
    store = stores(lease_seconds=10, clock=clock)
    late = store.begin("k")
    clock.now += 10
    other = store.begin("k")
    store.release(late)
    assert store.begin("k").state is IN_PROGRESS
    store.complete(late, "done")
    store.release(other)
    assert store.begin("k") == Claim("k", COMPLETED, late.token, "done")


def test_a_lease_is_renewed_by_its_owner_only(stores: Stores) -> None:
    """A renewed lease starts anew; one that another has taken over, or that was completed, stays as it is."""
    clock = Clock()
    store = stores(lease_seconds=10, remember_seconds=100, clock=clock)
    late = store.begin("k")
    clock.now += 9
    store.renew(late)
    clock.now += 9
    assert store.begin("k").state is IN_PROGRESS
    clock.now += 1
    owner = store.begin("k")
    assert owner.state is STARTED
    clock.now += 9
    store.renew(late)
    clock.now += 1
    taken = store.begin("k")
    assert taken.state is STARTED
    store.complete(taken, "done")
    store.renew(taken)
    clock.now += 99
    assert store.begin("k").state is COMPLETED


def test_what_was_completed_can_be_forgotten(stores: Stores) -> None:
    """A release with the token of a completion removes it; with another one it does not."""
    store = stores()
    store.complete(store.begin("k"), "fatal 1")
    found = store.begin("k")
    store.release(found._replace(token="another"))
    assert store.begin("k") == found
    store.release(found)
    assert store.begin("k").state is STARTED


def test_of_many_at_once_one_begins(stores: Stores) -> None:
    """However many threads, with a store each, ask for a key at the same moment, one of them is let through."""
    threads = 8
    each = [stores() for _ in range(threads)]
    barrier = Barrier(threads)

    def race(store: IdempotencyStore) -> list[ClaimState]:
        barrier.wait()
        return [store.begin(f"k{number}").state for number in range(5)]

    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(race, each))
    for states in zip(*answers, strict=True):
        assert Counter(states) == {STARTED: 1, IN_PROGRESS: threads - 1}


@pytest.mark.parametrize("make", [MemoryStore, lambda **options: SqliteStore("unused.db", **options)])
@pytest.mark.parametrize("options", [{"lease_seconds": 0}, {"lease_seconds": 5, "remember_seconds": 4}])
def test_durations_that_contradict_each_other_are_refused(make: Any, options: dict[str, float]) -> None:
    """A lease of nothing, or one that outlives the completion, is an error when the store is made."""
    with pytest.raises(ConfigurationError, match="lease_seconds"):
        make(**options)


# --- memory -----------------------------------------------------------------------------------------------------------


def test_memory_is_bounded() -> None:
    """However many keys come, no more completions than allowed are kept, the latest ones, and a lease is not lost."""
    store = MemoryStore(max_entries=10)
    assert store.begin("leased").state is STARTED
    for number in range(1000):
        store.complete(store.begin(f"k{number}"), "done")
    assert len(store) == 11
    assert store.begin("k999").state is COMPLETED
    assert store.begin("leased").state is IN_PROGRESS
    with pytest.raises(ConfigurationError, match="max_entries"):
        MemoryStore(max_entries=0)


def test_abandoned_leases_do_not_pile_up() -> None:
    """Claims that nobody ends are dropped once they have expired."""
    clock = Clock()
    store = MemoryStore(max_entries=10, lease_seconds=1, clock=clock)
    for number in range(1000):
        store.begin(f"k{number}")
        clock.now += 1
    assert len(store) <= 12


# --- SQLite -----------------------------------------------------------------------------------------------------------


def test_a_completion_outlives_the_process(tmp_path: Path) -> None:
    """A store that is opened on the file of another one finds what that one completed, in WAL mode."""
    first = SqliteStore(tmp_path / "once.db")
    first.complete(first.begin("k"), "done")
    first.close()
    second = SqliteStore(str(tmp_path / "once.db"))
    assert second.begin("k").state is COMPLETED
    second.close()
    connection = sqlite3.connect(tmp_path / "once.db")
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_clock_that_goes_back_holds_nothing_up(tmp_path: Path) -> None:
    """A lease from the future ends one lease after it was seen, and not when the clock has caught up."""
    clock = Clock()
    store = SqliteStore(tmp_path / "once.db", lease_seconds=10, clock=clock)
    store.begin("k")
    clock.now -= 3600
    assert store.begin("k").state is IN_PROGRESS
    clock.now += 9
    assert store.begin("k").state is IN_PROGRESS
    clock.now += 1
    assert store.begin("k").state is STARTED
    store.close()


def test_expired_entries_leave_the_file(tmp_path: Path) -> None:
    """The file does not grow for ever: what expired is deleted as others complete."""
    clock = Clock()
    store = SqliteStore(tmp_path / "once.db", lease_seconds=1, remember_seconds=1, clock=clock)
    for number in range(250):
        store.complete(store.begin(f"k{number}"), "done")
        clock.now += 1
    store.close()
    connection = sqlite3.connect(tmp_path / "once.db")
    assert connection.execute("select count(*) from mega_idempotency").fetchone()[0] <= 101
    connection.close()


WORKER = """
import sys
from mega_typed.idempotency import ClaimState
from mega_typed.idempotency_sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(60):
    claim = store.begin(f"k{number}")
    if claim.state is ClaimState.STARTED:
        print(number, flush=True)
        store.complete(claim, "done")
store.close()
"""


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    """Two processes that go through the same keys at the same time start each key once between them."""
    command = [sys.executable, "-c", WORKER, str(tmp_path / "once.db")]
    pipe = subprocess.PIPE
    workers = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    started = [line for worker in workers for line in worker.communicate()[0].split()]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(map(int, started)) == list(range(60))


def test_a_worker_that_is_killed_leaves_a_lease(tmp_path: Path) -> None:
    """What a process had begun when it died is begun again after its lease, and what it had completed is not."""
    script = WORKER.replace('store.complete(claim, "done")', "number % 2 and store.complete(claim, 'done')")
    script = script.replace("store.close()", "import os; os.kill(os.getpid(), 9)")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "once.db")], cwd=ROOT, input="go\n", text=True, check=False
    )
    assert done.returncode == -9
    clock = Clock()
    clock.now = 4e9
    store = SqliteStore(tmp_path / "once.db", clock=clock, remember_seconds=1e10)
    sleeping = sqlite3.connect(tmp_path / "once.db")
    left = dict(sleeping.execute("select key, result from mega_idempotency").fetchall())
    sleeping.close()
    assert left == {f"k{number}": "done" if number % 2 else None for number in range(60)}
    assert store.begin("k0").state is STARTED
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_opens_the_file_for_itself(tmp_path: Path) -> None:
    """After a fork the child has a connection of its own, even if the parent's was in use."""
    script = """
import os, signal, sys
from mega_typed.idempotency import ClaimState
from mega_typed.idempotency_sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
store.begin("parent")
store._lock.acquire()  # as if another thread was in the middle of a call
child = os.fork()
if child == 0:
    signal.alarm(20)
    own = (store.begin("parent").state, store.begin("child").state)
    os._exit(0 if own == (ClaimState.IN_PROGRESS, ClaimState.STARTED) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
store._lock.release()
assert store.begin("child").state is ClaimState.IN_PROGRESS
store.close()
"""
    call = [sys.executable, "-c", script, str(tmp_path / "once.db")]
    assert subprocess.run(call, cwd=ROOT, check=False, timeout=30).returncode == 0


# --- DynamoDB ---------------------------------------------------------------------------------------------------------


def test_a_lost_answer_does_not_lock_us_out(table: tuple[Any, str]) -> None:
    """When the write arrived and its answer did not, the client's second try finds its own lease and begins."""
    client, name = table

    class Twice:
        get_item, update_item, delete_item = client.get_item, client.update_item, client.delete_item

        def put_item(self, **parameters: Any) -> Any:
            client.put_item(**parameters)
            return client.put_item(**parameters)

    store = DynamoDbStore(name, namespace=uuid4().hex, client=Twice())
    assert store.begin("k").state is STARTED
    assert store.begin("k").state is IN_PROGRESS


def test_namespaces_are_apart(table: tuple[Any, str]) -> None:
    """The same key in another namespace of the table is another one; an item expires by whole seconds."""
    client, name = table
    one, other = uuid4().hex, uuid4().hex
    clock = Clock()
    clock.now += 0.5
    assert DynamoDbStore(name, namespace=one, client=client, lease_seconds=10, clock=clock).begin("k").state is STARTED
    assert DynamoDbStore(name, namespace=other, client=client).begin("k").state is STARTED
    item = client.get_item(TableName=name, Key={"key": {"S": f"{one}/k"}})["Item"]
    assert item["expires"] == {"N": "1700000011"}


def test_a_table_that_is_missing_is_a_failure_of_the_store(table: tuple[Any, str]) -> None:
    """The message is retried and no subscriber is called, with the service's own error as the cause."""
    seen: list[Any] = []
    dispatcher = Dispatcher(idempotency=DynamoDbStore("missing", client=table[0]))
    dispatcher.register(subscriber("Any", seen))
    outcome = dispatcher.handle(Record(body="x", message_id="1"))
    assert (outcome.disposition, seen) == (Disposition.RETRY, [])
    [result] = outcome.results
    assert isinstance(result.error, IdempotencyError)
    assert type(result.error.__cause__).__name__ == "ResourceNotFoundException"
    with pytest.raises(ConfigurationError, match="table_name"):
        DynamoDbStore("")


# --- dispatch ---------------------------------------------------------------------------------------------------------


def subscriber(name: str, seen: list[Any], *script: Any) -> Any:
    """A subscriber class of this name that notes what it is given and goes through a script of answers."""
    answers = list(script)

    def process(self: Any, payload: Any) -> Any:
        seen.append((name, payload))
        answer = answers.pop(0) if answers else DONE
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    return type(name, (MessageSubscriber,), {"process": process, "__module__": __name__})


def dispatcher_of(store: Any, *subscribers: Any, **options: Any) -> Dispatcher:
    dispatcher = Dispatcher(idempotency=store, **options)
    for each in subscribers:
        dispatcher.register(each)
    return dispatcher


def said(outcome: Outcome) -> list[tuple[str, ProcessStatus, bool]]:
    return [(result.subscriber.__name__, result.status, result.skipped) for result in outcome.results]


def test_a_message_comes_back_to_those_that_still_need_it(stores: Stores) -> None:
    """Of four subscribers the two that asked for a retry see the message again, and a duplicate is seen by none."""
    seen: list[Any] = []
    dispatcher = dispatcher_of(
        stores(),
        subscriber("A", seen),
        subscriber("B", seen, LATER),
        subscriber("C", seen, ValueError("fatal")),
        subscriber("D", seen, ConnectionError()),
        retriable=(ConnectionError,),
    )
    record = Record(body="x", message_id="1")
    assert dispatcher.handle(record).disposition is Disposition.RETRY
    assert [name for name, _ in seen] == ["A", "B", "C", "D"]
    again = dispatcher.handle(record)
    assert said(again) == [("A", DONE, True), ("B", DONE, False), ("C", FATAL, True), ("D", DONE, False)]
    assert again.disposition is Disposition.DELETE
    duplicate = dispatcher.handle(record)
    assert (duplicate.disposition, all(result.skipped for result in duplicate.results)) == (Disposition.DELETE, True)
    assert [name for name, _ in seen] == ["A", "B", "C", "D", "B", "D"]
    dispatcher.handle(Record(body="x", message_id="2"))
    assert len(seen) == 10


def test_a_concurrent_duplicate_waits(stores: Stores) -> None:
    """A duplicate that arrives while the first is processed is neither processed nor deleted; later it is deleted."""
    seen: list[Any] = []
    working, go_on = Event(), Event()

    def work() -> ProcessStatus:
        working.set()
        assert go_on.wait(30)
        return DONE

    dispatcher = dispatcher_of(stores(), subscriber("A", seen, work))
    record = Record(body="x", message_id="1")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(dispatcher.handle, record)
        assert working.wait(30)
        duplicate = dispatcher.handle(record)
        go_on.set()
        assert first.result().disposition is Disposition.DELETE
    assert (duplicate.disposition, said(duplicate)) == (Disposition.RETRY, [("A", LATER, True)])
    assert dispatcher.handle(record).disposition is Disposition.DELETE
    assert len(seen) == 1


class Mortal:
    """A store whose worker dies before or after a step reaches it; what the step did stays."""

    def __init__(self, store: IdempotencyStore) -> None:
        self.store = store
        self.dies: str | None = None

    def begin(self, key: str) -> Claim:
        claim: Claim = self._step("begin", lambda: self.store.begin(key))
        return claim

    def complete(self, claim: Claim, result: str) -> None:
        self._step("complete", lambda: self.store.complete(claim, result))

    def release(self, claim: Claim) -> None:
        self._step("release", lambda: self.store.release(claim))

    def _step(self, name: str, step: Callable[[], Any]) -> Any:
        if self.dies == f"before {name}":
            raise KeyboardInterrupt
        answer = step()
        if self.dies == f"after {name}":
            raise KeyboardInterrupt
        return answer


CRASHES = [f"{when} {step}" for when in ("before", "after") for step in ("begin", "complete", "release")]
STEPS = st.tuples(st.sampled_from(["m1", "m2"]), st.sampled_from([None, None, *CRASHES]), st.sampled_from([0, 5, 11]))


@settings(max_examples=200)
@given(st.lists(STEPS, max_size=25), st.lists(st.sampled_from([DONE, LATER, RETRIABLE, FATAL]), max_size=20))
def test_whatever_happens_nothing_is_lost_and_what_is_known_is_not_repeated(
    steps: list[tuple[str, str | None, int]], script: list[ProcessStatus]
) -> None:
    """Random deliveries, duplicates and deaths between the steps: a message is deleted only when every subscriber has
    processed it, no subscriber is called again once its completion is recorded, and in the end all is deleted."""
    clock = Clock()
    store = Mortal(MemoryStore(lease_seconds=10, clock=clock))
    finished: Counter[tuple[str, str]] = Counter()
    answers = list(script)

    def named(name: str) -> Any:
        def process(self: Any, payload: str) -> ProcessStatus:
            recorded = store.store._completed  # type: ignore[attr-defined]
            assert not any(key.endswith(f".{name}/raw/{payload}") for key in recorded)
            answer = answers.pop() if answers else DONE
            finished[name, payload] += answer in (DONE, FATAL)
            return answer

        return type(name, (MessageSubscriber,), {"process": process, "__module__": __name__})

    dispatcher = dispatcher_of(store, named("A"), named("B"))
    deleted: set[str] = set()

    def deliver(message: str) -> None:
        outcome = dispatcher.handle(Record(body=message, message_id=message))
        if outcome.disposition is Disposition.DELETE:
            deleted.add(message)
            assert finished["A", message] >= 1
            assert finished["B", message] >= 1

    for message, store.dies, pause in steps:
        clock.now += pause
        with suppress(KeyboardInterrupt):
            deliver(message)
    store.dies = None
    answers.clear()
    for message in ("m1", "m2"):
        clock.now += 11
        deliver(message)
    assert deleted == {"m1", "m2"}


@pytest.mark.parametrize("step", ["begin", "complete", "release"])
def test_a_failing_store_is_reported_as_what_it_is(step: str) -> None:
    """Begin fails: not processed, retried. Complete fails: what was said stands. Release fails: the lease runs out."""
    seen: list[Any] = []
    store = MemoryStore()

    def fails(*_arguments: Any) -> Any:
        raise SystemExit("a library's way to say no")

    setattr(store, step, fails)
    dispatcher = dispatcher_of(store, subscriber("A", seen, LATER if step == "release" else DONE))
    outcome = dispatcher.handle(Record(body="x", message_id="1"))
    [result] = outcome.results
    assert isinstance(result.error, IdempotencyError)
    assert isinstance(result.error.__cause__, SystemExit)
    assert outcome.disposition is (Disposition.DELETE if step == "complete" else Disposition.RETRY)
    assert (result.skipped, len(seen)) == ((True, 0) if step == "begin" else (False, 1))


def test_a_failing_store_does_not_hide_a_failing_subscriber() -> None:
    """Where both fail, the subscriber's error is reported, with a note about the store."""
    store = MemoryStore()
    store.complete = None  # type: ignore[assignment, method-assign]
    outcome = dispatcher_of(store, subscriber("A", [], ValueError("x"))).handle(Record(body="x", message_id="1"))
    [error] = [result.error for result in outcome.results]
    assert isinstance(error, ValueError)
    assert error.__notes__ == ["the idempotency store did not take the completion: TypeError"]


def test_a_completion_is_tried_twice() -> None:
    """One passing failure of the store is not noticed."""
    store = MemoryStore()
    calls = [ConnectionError(), None]
    complete = store.complete

    def flaky(claim: Claim, result: str) -> None:
        if error := calls.pop(0):
            raise error
        complete(claim, result)

    store.complete = flaky  # type: ignore[method-assign]
    dispatcher = dispatcher_of(store, subscriber("A", []))
    assert dispatcher.handle(Record(body="x", message_id="1")).results[0].error is None
    assert said(dispatcher.handle(Record(body="x", message_id="1"))) == [("A", DONE, True)]


def test_an_interrupt_releases_the_lease() -> None:
    """A KeyboardInterrupt in a subscriber goes through, and the next delivery is processed without a wait."""
    seen: list[Any] = []
    dispatcher = dispatcher_of(MemoryStore(), subscriber("A", seen, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        dispatcher.handle(Record(body="x", message_id="1"))
    assert said(dispatcher.handle(Record(body="x", message_id="1"))) == [("A", DONE, False)]


def notification(published: str, message_id: str) -> Record:
    """An SNS notification as a queue delivers it."""
    arn = "arn:aws:sns:eu-west-1:123456789012:orders"
    body = {"Type": "Notification", "MessageId": published, "TopicArn": arn, "Message": "x"}
    return Record(body=json.dumps(body), message_id=message_id)


def test_of_sns_the_published_id_counts() -> None:
    """The same notification under another id of the queue is a duplicate; another notification is not."""
    seen: list[Any] = []
    dispatcher = dispatcher_of(MemoryStore(), subscriber("A", seen))
    for published, message_id in (("p1", "1"), ("p1", "2"), ("p2", "1")):
        assert dispatcher.handle(notification(published, message_id)).disposition is Disposition.DELETE
    assert len(seen) == 2


def test_what_was_fatal_is_processed_when_it_is_sent_again(stores: Stores) -> None:
    """A fatal message stays fatal while the queue delivers it, and has another chance out of a dead-letter queue."""
    seen: list[Any] = []
    dispatcher = dispatcher_of(stores(), subscriber("A", seen, FATAL, DONE))
    assert said(dispatcher.handle(notification("p1", "1"))) == [("A", FATAL, False)]
    assert said(dispatcher.handle(notification("p1", "1"))) == [("A", FATAL, True)]
    assert said(dispatcher.handle(notification("p1", "2"))) == [("A", DONE, False)]
    assert said(dispatcher.handle(notification("p1", "3"))) == [("A", DONE, True)]


def test_a_key_of_the_payload(stores: Stores) -> None:
    """A function of the payload makes messages with different ids one; None leaves the id to decide."""
    seen: list[Any] = []
    dispatcher = dispatcher_of(stores(), subscriber("A", seen), idempotency_key=lambda text: text[4:] or None)
    for number, body in enumerate(["key:1", "KEY:1", "key:2", "n/a!", "n/a!", "key:\ud800", "key:" + "x" * 9999]):
        dispatcher.handle(Record(body=body, message_id=str(number)))
    assert [payload[:5] for _, payload in seen] == ["key:1", "key:2", "n/a!", "n/a!", "key:\ud800", "key:x"]


def raises(_payload: Any) -> str:
    raise KeyError


@pytest.mark.parametrize("key", [raises, lambda _payload: "", lambda _payload: 5, None])
def test_without_a_key_a_message_is_kept(key: Any) -> None:
    """A function that raises or returns no key, or a message without id, is reported, and nobody processes it."""
    seen: list[Any] = []
    dispatcher = dispatcher_of(MemoryStore(), subscriber("A", seen), idempotency_key=key)
    outcome = dispatcher.handle(Record(body="x", message_id="1" if key else ""))
    assert (outcome.disposition, seen) == (Disposition.RETRY, [])
    assert isinstance(outcome.results[0].error, IdempotencyError)


def test_two_subscribers_of_one_name_are_refused() -> None:
    """They would share their completions, so one of them would miss messages; without a store both are taken."""
    first, second = subscriber("A", []), subscriber("A", [])
    with pytest.raises(RegistrationError, match=r"test_idempotency\.A"):
        dispatcher_of(MemoryStore(), first, second)
    Dispatcher().register(first)
    with pytest.raises(ConfigurationError, match="idempotency_key"):
        Dispatcher(idempotency_key=str)


@given(st.text(max_size=300), st.text(max_size=300))
def test_different_ids_have_different_keys(one: str, other: str) -> None:
    """Whatever a stranger writes into an id, it is a key of its own, and a short printable one."""
    keys: list[str] = []

    class Store(MemoryStore):
        def begin(self, key: str) -> Claim:
            keys.append(key)
            return super().begin(key)

    for text in (one, other):
        if text:
            Once(Store()).begin(MessageSubscriber, "x", MessageKeys("raw", text, "1"))
    assert (len(set(keys)) == 2) == (one != other and bool(one) and bool(other))
    assert all(len(key) < 400 and key.isascii() and key.isprintable() for key in keys)


def test_a_redelivery_over_http_reaches_only_who_needs_it(
    aws: dict[str, Any], queue: Callable[..., str], sqs: Any, tmp_path: Path
) -> None:
    """A message that a queue really delivers again, to another listener on the same file, goes to one of two."""
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    seen: list[Any] = []
    both = subscriber("A", seen), subscriber("B", seen, LATER)
    fates: list[Disposition] = []
    for _ in range(2):
        store = SqliteStore(tmp_path / "once.db")
        listener = SqsListener(url, wait_time_seconds=0, visibility_timeout=0, idempotency=store, **aws)
        for each in both:
            listener.register_subscriber(each)
        fates += [outcome.disposition for outcome in listener.poll_once()]
        store.close()
    assert fates == [Disposition.RETRY, Disposition.DELETE]
    assert [name for name, _ in seen] == ["A", "B", "B"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_listener_passes_the_store_on() -> None:
    """A listener's subscribers are asked for through its store."""
    seen: list[Any] = []
    listener = SqsListener("http://127.0.0.1:9/0/q", idempotency=MemoryStore(), idempotency_key=lambda _payload: "same")
    listener.register_subscriber(subscriber("A", seen))
    for message_id in ("1", "2"):
        listener.dispatcher.handle(Record(body="x", message_id=message_id))
    assert len(seen) == 1
