"""The kit on a server, and from outside: a project of its own, whose tests are written with it, run by pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from mega_typed import PublishError, SnsPublisher, SqsPublisher
from mega_typed.local import LocalAws
from mega_typed.testing import PublishedMessage, ServerTransport, assert_published

from generated.shopping_cart import ItemAdded

ROOT = Path(__file__).parent.parent

SHOP = '''
"""A service of somebody else: it takes orders, and tells others of them."""

from uuid import UUID

from events.shopping_cart import ItemAdded, ItemAddedSubscriber, ItemRemoved
from mega_typed import ProcessStatus, SqsListener, SqsPublisher


class Service:
    def __init__(self, client, queue_url, replies_url):
        publisher = SqsPublisher(replies_url, client=client)

        class TooMany(ItemAddedSubscriber):
            def process(self, event: ItemAdded) -> ProcessStatus:
                if event.quantity > 10:
                    publisher.publish(ItemRemoved(item_id=event.item_id, quantity=event.quantity - 10))
                return ProcessStatus.DONE

        self.subscriber = TooMany
        self.listener = SqsListener(queue_url, client=client, wait_time_seconds=0)
        self.listener.register_subscriber(TooMany)
'''
TESTS = """
from uuid import UUID

import pytest
from events.shopping_cart import ItemAdded, ItemRemoved
from hypothesis import HealthCheck, given, settings
from mega_typed import Reading, SqsPublisher
from mega_typed.match import gt
from mega_typed.testing import InMemoryTransport, assert_published, deliver, events, near_valid, run_until_idle
from shop import Service

ITEM = UUID(int=1)


@pytest.fixture
def service(mega_transport):
    return Service(mega_transport.sqs, mega_transport.queue(), mega_transport.queue())


def test_too_many_are_taken_back(mega_transport):
    orders, replies = mega_transport.queue(), mega_transport.queue()
    service = Service(mega_transport.sqs, orders, replies)
    SqsPublisher(orders, client=mega_transport.sqs).publish(ItemAdded(item_id=ITEM, quantity=12))
    assert len(run_until_idle(service.listener, mega_transport)) == 1
    [removed] = assert_published(mega_transport, ItemRemoved, to=replies, attributes={"quantity": gt(1)})
    assert removed.item_id == ITEM
    assert mega_transport.waiting(orders) == 0


def test_another_test_starts_anew(mega_transport):
    assert_published(mega_transport, ItemAdded, times=0)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events(ItemAdded), near_valid(ItemAdded))
def test_any_event(event, broken):
    transport = InMemoryTransport()
    service = Service(transport.sqs, transport.queue(), transport.queue())
    assert deliver(service.subscriber, event).reading is Reading.EVENT
    assert deliver(service.subscriber, broken).reading is Reading.INVALID
    assert_published(transport, ItemRemoved, times=int(event.quantity > 10))


def test_later(mega_transport, mega_clock, service):
    start = mega_clock.time()
    publisher = SqsPublisher(service.listener._queue_url, client=mega_transport.sqs)
    publisher.publish(ItemAdded(item_id=ITEM, quantity=1), delay_seconds=900)
    assert len(run_until_idle(service.listener, mega_transport)) == 1
    assert mega_clock.time() == start + 900
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with generated events, a service, and its tests."""
    command = [sys.executable, "-m", "mega_codegen", str(ROOT / "schemas"), "-o", "events"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "test_shop.py").write_text(TESTS)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONPATH"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder, env=clean, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_project_tests_itself_in_memory(project: Path) -> None:
    """Every test of the other project passes, warnings as errors."""
    done = run(project)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("which", ["embedded", "url"])
def test_a_project_tests_itself_on_a_server(project: Path, local: LocalAws, which: str) -> None:
    """The same tests, by an option; the one that moves the clock is skipped."""
    value = "local" if which == "embedded" else local["endpoint_url"]
    done = run(project, f"--mega-typed-server={value}", "-k", "not any_event", "-rs")
    assert "2 passed, 1 skipped, 1 deselected" in done.stdout, done.stdout + done.stderr
    assert "needs a clock that can be moved" in done.stdout


def test_a_path_is_not_taken_for_a_server(project: Path) -> None:
    """``--mega-typed-server test_shop.py`` says what to write instead."""
    done = run(project, "--mega-typed-server", "test_shop.py")
    assert done.returncode != 0
    assert "write --mega-typed-server=local" in done.stderr


def test_it_costs_nothing_when_unused(tmp_path: Path) -> None:
    """A run that uses no fixture of it imports nothing but its one file."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_other():\n"
        "    assert 'pytest_mega_typed' in sys.modules\n"
        "    assert not {'mega_typed', 'pydantic', 'boto3', 'botocore'} & sys.modules.keys()\n"
    )
    done = run(tmp_path)
    assert "1 passed" in done.stdout, done.stdout


def added(quantity: int) -> ItemAdded:
    return ItemAdded(item_id=UUID(int=1), quantity=quantity)


def test_a_server_says_what_was_published(local: LocalAws) -> None:
    """With real clients as well: single messages, batches, and nothing that was refused."""
    aws = ServerTransport(local)
    topic, url = aws.topic(), aws.queue()
    publisher = SqsPublisher(url, client=aws.sqs)
    publisher.publish(added(1))
    publisher.publish_many([added(2), added(3)])
    SnsPublisher(topic, client=aws.sns).publish(added(4))
    SnsPublisher(topic, client=aws.sns).publish_many([added(5)])
    with pytest.raises(PublishError):
        publisher.publish(added(6), queue_url=f"{url}-nobody")
    assert [event.quantity for event in assert_published(aws, ItemAdded)] == [1, 2, 3, 4, 5]
    assert isinstance(aws.published[0], PublishedMessage)
    aws.close()
    again = ServerTransport(local)
    assert url not in again.sqs.list_queues().get("QueueUrls", [])
    again.close()
