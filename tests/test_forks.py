"""What a child process does with what its parent was using when it forked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .test_transport import OK, Server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")

BEGIN = """
import os, signal, sys, threading
def in_child(run):
    sys.stdout.flush()  # else the child prints it too
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        run()
        sys.stdout.flush()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def printed(code: str, *arguments: str) -> list[str]:
    """The lines of a program, in the order of the alphabet."""
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", BEGIN + code, *arguments]
    root = Path(__file__).parent.parent
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return sorted(ran.stdout.splitlines())


def test_a_child_has_connections_of_its_own() -> None:
    """A client that the parent used opens a connection in the child, and the parent goes on with the one it has."""
    server = Server()
    server.answers = [OK] * 10
    code = """
from tests.test_transport import ours, request
transport = ours()
def send():
    print(transport.send(request(sys.argv[1])).content)
send()
in_child(send)
send()
transport.close()
"""
    assert printed(code, server.url) == ["b'{}'"] * 3
    assert server.connections == 2
    server.close()


def test_a_child_has_an_empty_buffer() -> None:
    """What waits in a buffered publisher is sent by the parent alone, and the child can publish and close."""
    code = """
from types import SimpleNamespace
from mega_typed import SqsPublisher
def send(QueueUrl, Entries):
    for entry in Entries:
        print("parent" if os.getpid() == parent else "child", "sends", entry["MessageBody"], flush=True)
    return {"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in Entries]}
parent = os.getpid()
buffered = SqsPublisher("https://sqs/q", client=SimpleNamespace(send_message_batch=send)).buffered(linger_seconds=3600)
buffered.publish("parent's")
buffered._changed.acquire()  # as if another thread was in the middle of a call
def child():
    buffered.publish("child's")
    buffered.close()
in_child(child)
buffered._changed.release()
buffered.close()
"""
    assert printed(code) == ["child sends child's", "parent sends parent's"]


def test_a_child_has_a_heartbeat() -> None:
    """A thread beats in the child too, although that of the parent is not there."""
    code = """
from mega_typed.heartbeat import Heartbeat
beats = threading.Event()
def extend(receipts):
    print([receipt for receipt, _ in receipts])
    beats.set()
    return ()
heartbeat = Heartbeat(extend, 3)
heartbeat.begin(["parent's"])
def child():
    heartbeat.begin(["child's"])
    assert beats.wait(15)
in_child(child)
"""
    assert '["child\'s"]' in printed(code)


def test_a_child_has_an_event_loop_of_its_own() -> None:
    """Coroutines run in parent and child, also when a thread of the parent was starting one, and both end at once."""
    code = """
import asyncio, time
from mega_typed import calls
async def name(of):
    await asyncio.sleep(0)
    return of
print(calls.run_coroutine(name("parent")))
hanging = threading.Thread(target=calls.run_coroutine, args=(asyncio.sleep(1),), daemon=True)
hanging.start()
calls._event_loop._lock.acquire()  # as if another thread was in the middle of a call
calls._threads._lock.acquire()
def child():
    print(calls.run_coroutine(name("child")))
    print(calls.Calls(5).call(lambda _: "thread", None, given_up=lambda: None, late=None))
    calls._event_loop._end()
    assert not calls._event_loop.running.is_running()
in_child(child)
calls._threads._lock.release()
calls._event_loop._lock.release()
print(calls.run_coroutine(name("parent again")))
hanging.join()
"""
    assert printed(code) == ["child", "parent", "parent again", "thread"]
