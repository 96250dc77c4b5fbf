"""The command while it runs: ``--watch`` as a process, and the line on a terminal."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mega_codegen.progress import Progress

from .making import ROOT, event, run, write


class Watching:
    """A process that watches, and what it has printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = (folder / "log").open("w+b")
        paths = os.pathsep.join([str(ROOT), str(ROOT / "codegen")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mega_codegen", "schemas", "-o", "out", "--watch"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def end(self) -> None:
        """Kill it, whatever it does."""
        self.process.kill()
        self.process.wait()
        self._log.close()

    def said(self) -> str:
        """All that it has printed."""
        return (self.folder / "log").read_text()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, self.said()
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)

    def runs(self, count: int) -> None:
        """Wait until so many runs have ended."""
        self.until(lambda: self.said().count("out: ") + self.said().count(": error: ") >= count)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    write(tmp_path, {"schemas/shop/a.json": event({"a": {"type": "integer"}}, name="a")})
    process = Watching(tmp_path)
    yield process
    process.end()


def test_changes_of_all_kinds_are_generated(watching: Watching) -> None:
    """Changed, new and removed files and folders lead to a run each, and an error ends nothing."""
    schemas, shop = watching.folder / "schemas", watching.folder / "out" / "shop"
    watching.runs(1)
    assert (shop / "a.py").exists()
    write(schemas, {"shop/a.json": event({"b": {"type": "integer"}}, name="a")})
    watching.until(lambda: "b: " in (shop / "a.py").read_text())
    write(schemas, {"new/folder/c.json": event(name="c")})
    watching.until((shop / "c.py").exists)
    write(schemas, {"shop/a.json": "{"})
    watching.until(lambda: "shop/a.json:1:2#: error: is not JSON" in watching.said())
    write(schemas, {"shop/a.json": event(name="a")})
    (schemas / "new/folder/c.json").unlink()
    (schemas / "new/folder").rmdir()
    watching.until(lambda: not (shop / "c.py").exists())
    (schemas / "shop").rename(watching.folder / "aside")
    watching.until(lambda: "no *.json file in this folder" in watching.said())
    (watching.folder / "aside").rename(schemas / "shop")
    before = watching.said().count("out: ")
    watching.until(lambda: watching.said().count("out: ") > before or (shop / "a.py").exists())
    assert "Traceback" not in watching.said()


def test_ctrl_c_ends_it_cleanly(watching: Watching) -> None:
    """An interrupt ends the process with status 130 and without a traceback."""
    watching.runs(1)
    time.sleep(1)
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(10) == 130
    assert "Traceback" not in watching.said()


def test_nothing_happens_when_nothing_changes(watching: Watching) -> None:
    """No run follows from its own output, from a link or from a file that is no schema, and no time is burnt."""
    watching.runs(1)
    outside = watching.folder / "outside"
    write(outside, {"x.json": event(name="x")})
    write(watching.folder, {"schemas/note.txt": "x", "schemas/.hidden.json": "{"})
    (watching.folder / "schemas" / "shop" / "a.json").touch()
    time.sleep(2.5)
    assert watching.said().count("out: ") == 1
    (watching.folder / "schemas" / "linked.json").symlink_to(outside / "x.json")
    watching.until(lambda: "is a symbolic link; links are not followed" in watching.said())


def test_a_folder_that_is_made_again_is_seen(watching: Watching) -> None:
    """The folder itself may go and come back."""
    watching.runs(1)
    schemas = watching.folder / "schemas"
    schemas.rename(watching.folder / "gone")
    watching.until(lambda: "no such folder" in watching.said())
    write(schemas, {"shop/z.json": event(name="z")})
    watching.until((watching.folder / "out" / "shop" / "z.py").exists)


def test_without_watchfiles_the_install_line_is_shown(tmp_path: Path) -> None:
    """Only ``--watch`` needs the library, and says how to get it."""
    write(tmp_path, {"schemas/shop/a.json": event(name="a")})
    program = (
        "import sys\nsys.modules['watchfiles'] = None\nfrom mega_codegen.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    assert run("-c", program, "schemas", "-o", "out", cwd=tmp_path).returncode == 0
    done = run("-c", program, "schemas", "-o", "out", "--watch", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: watchfiles is not installed\n    Run: pip install 'mega-typed[codegen]'\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_long_run_shows_one_line_and_clears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the step is shown, each over the last, and the end leaves nothing."""
    monkeypatch.setattr("mega_codegen.progress.PATIENCE", 0.05)
    terminal = Terminal()
    with Progress(terminal) as begin:
        begin("first")
        begin("second")
        time.sleep(0.3)
        begin("third")
    assert terminal.getvalue() == "\r\x1b[Kmega-codegen: second ...\r\x1b[Kmega-codegen: third ...\r\x1b[K"


def test_a_short_run_and_a_pipe_stay_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is shown in the first half second, nor ever where nobody looks."""
    terminal, pipe = Terminal(), io.StringIO()
    with Progress(terminal) as begin:
        begin("first")
    monkeypatch.setattr("mega_codegen.progress.PATIENCE", 0.01)
    with Progress(pipe) as begin:
        begin("first")
        time.sleep(0.1)
        begin("second")
    assert terminal.getvalue() == pipe.getvalue() == ""
