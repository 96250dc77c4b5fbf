"""What an editor offers inside a pattern: pyright's language server, asked over its standard streams."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .test_typing import ROOT

SERVER = Path(sys.executable).with_name("basedpyright-langserver")
SECONDS = 60
"""After which the server is ended, whatever it does; a read then finds the end of the stream."""

HEAD = """from generated.shopping_cart import CheckoutSubscriber, ItemAddedSubscriber, ItemAddedV2Subscriber
from mega_typed.match import any_item, not_, one_of, or_


"""


class Editor:
    """A client of the language server, of the few requests that are needed."""

    def __init__(self, server: subprocess.Popen[bytes], folder: Path) -> None:
        self._server = server
        self._uri = (folder / "subscriber.py").as_uri()
        self._requests = self._version = 0
        workspace = [{"uri": folder.as_uri(), "name": "folder"}]
        self._ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities={}, workspaceFolders=workspace)
        self._send(method="initialized", params={})
        document = {"uri": self._uri, "languageId": "python", "version": 0, "text": ""}
        self._send(method="textDocument/didOpen", params={"textDocument": document})

    def offers(self, text: str) -> set[str]:
        """The labels that are offered at the ``|`` of a text."""
        before, after = text.split("|")
        self._version += 1
        document = {"uri": self._uri, "version": self._version}
        change = {"textDocument": document, "contentChanges": [{"text": before + after}]}
        self._send(method="textDocument/didChange", params=change)
        position = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        answer = self._ask("textDocument/completion", textDocument={"uri": self._uri}, position=position)
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return {item["label"].strip("\"'") for item in items}

    def _ask(self, method: str, **params: Any) -> Any:
        self._requests += 1
        self._send(id=self._requests, method=method, params=params)
        while True:
            message = self._read()
            if "method" in message and "id" in message:  # the server asks for settings, or to register something
                items = message.get("params", {}).get("items", [])
                self._send(id=message["id"], result=[None for _ in items])
            elif message.get("id") == self._requests:
                return message["result"]

    def _send(self, **message: Any) -> None:
        assert self._server.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._server.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        length = 0
        while line := self._server.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(self._server.stdout.read(length))
        return message


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor in a folder with the generated package."""
    shutil.copytree(ROOT / "generated", tmp_path / "generated")
    settings = {"extraPaths": [str(ROOT)], "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    (tmp_path / "subscriber.py").write_text("")
    command = [str(SERVER), "--stdio"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdin=pipe, stdout=pipe, start_new_session=True) as server:
        end = partial(os.killpg, server.pid, signal.SIGKILL)  # the server is a child of what was started
        alarm = threading.Timer(SECONDS, end)
        alarm.start()
        try:
            yield Editor(server, tmp_path)
        finally:
            alarm.cancel()
            end()


OFFERED: list[tuple[str, str, set[str]]] = [
    ("ItemAddedSubscriber", 'attributes = {"|"}', {"item_id", "quantity", "price"}),
    ("ItemAddedSubscriber", 'attributes = {"quantity": 5, "|"}', {"item_id", "price"}),
    ("ItemAddedV2Subscriber", 'attributes = {"source": {"|"}}', {"page", "position", "campaign"}),
    ("ItemAddedV2Subscriber", 'attributes = {"currency": "|"}', {"USD", "EUR", "GBP", "BRL"}),
    ("ItemAddedV2Subscriber", 'attributes = {"currency": one_of("|")}', {"USD", "EUR", "GBP", "BRL"}),
    ("ItemAddedV2Subscriber", 'attributes = {"source": {"page": not_("|")}}', {"search", "product", "wishlist"}),
    ("ItemAddedV2Subscriber", 'attributes = {"source": or_({"page": "|"})}', {"search", "product", "wishlist"}),
    ("ItemAddedSubscriber", 'object_current = {"|"}', {"items", "currency", "coupon"}),
    ("ItemAddedV2Subscriber", 'attributes = {"source": lambda source: source.|}', {"page", "position", "campaign"}),
    ("ItemAddedSubscriber", 'object_current = {"items": any_item(lambda item: item.|)}', {"price", "quantity"}),
    ("ItemAddedSubscriber", 'attributes = {"quantity": on|}', {"one_of"}),
]


def test_an_editor_offers(editor: Editor) -> None:
    """Attribute names at every depth, the values of a choice, the fields in a predicate, and the operators."""
    for base, written, offered in OFFERED:
        assert offered <= editor.offers(f"{HEAD}class Mine({base}):\n    {written}\n"), written
