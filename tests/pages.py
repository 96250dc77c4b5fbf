"""How a page of the documentation is executed: its blocks, in their order, in a folder and against a server of the tests.

What a block is follows from its language and from the word behind it, which readers do not see:

- ``python`` blocks are one program, in order; ``python raises`` must fail with the ``text`` that follows it. Any other
  ``text`` that follows Python is something that the program prints.
- A block whose word is a path is a file of that name, from there on.
- ``console`` blocks are run by bash, line by line, and say what is shown; in ``console stays`` a command runs until the
  page ends, in ``console ends`` it is told to stop (Ctrl-C) when it has said what is shown.
- ``json`` without a word is a fragment; it is parsed.
- What begins with ``{`` is for Sphinx.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
VARYING = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|https?://\S+|(?<=\()\d+(?=\))"
    r"|(?<=in )\d+\.\d+s(?: \([\d:]+\))?"
)
"""Ids, times, addresses and the numbers of processes, which differ from run to run."""

NOT_RUN = re.compile(r"pip install |make |mkdir |python3 -m venv |source \.venv|mega-codegen .*--watch")
"""What makes an environment, for the tests have one; and what does not end by itself (tests/codegen/test_watch.py)."""

PATIENCE = 120
"""Seconds for one command."""

PATIENT = """
from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # a machine may be slow
"""
"""A conftest.py for the tests of a page."""


class Block(NamedTuple):
    """A fenced block: its language, the word behind it, its text."""

    language: str
    word: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    fence = re.compile(r"^```([\w{}:-]+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [Block(*found.groups(default="")) for found in fence.finditer(page.read_text(encoding="utf-8"))]


def execute(page: Path, folder: Path, variables: Mapping[str, str], names: Mapping[str, str] | None = None) -> None:
    """Run a page.

    Args:
        page: the Markdown file.
        folder: where its files are written and its commands run.
        variables: of the environment.
        names: texts that the Python program finds under a name.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, [ROOT, folder])),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }
    program = [f"{name} = {value!r}" for name, value in (names or {}).items()]
    printed: list[str] = []
    found = [block for block in blocks(page) if not block.language.startswith("{")]
    with ExitStack() as running:
        for before, block in zip([None, *found], found, strict=False):
            match block:
                case Block("python", "", text):
                    program.append(text)
                case Block("python", "raises", text):
                    shown = found[found.index(block) + 1].text.strip()
                    program.append(f"import traceback\ntry:\n{_indented(text)}    assert False")
                    program.append("except Exception as error:")
                    program.append("    said = ''.join(traceback.format_exception_only(error)).strip()")
                    program.append(f"    assert said == {shown!r}, said")
                case Block("text", "", text):
                    assert before is not None
                    assert before.language == "python", "a text says what the Python before it prints or raises"
                    printed += [] if before.word == "raises" else [text]
                case Block("console", "", text):
                    _console(text, folder, environment)
                case Block("console", "stays", text):
                    running.enter_context(_started(text, folder, environment))
                case Block("console", "ends", text):
                    with _started(text, folder, environment) as process:
                        process.send_signal(signal.SIGINT)
                        assert process.wait(PATIENCE) == 0, text
                case Block("json", "", text):
                    json.loads(text)
                case Block(_, word, text) if re.fullmatch(r"[\w./-]+\.\w+", word):
                    (folder / word).parent.mkdir(parents=True, exist_ok=True)
                    (folder / word).write_text(text, encoding="utf-8")
                case _:
                    raise AssertionError(f"{page.name}: nobody executes {block!r}")
        said = _program("\n".join(program), folder, environment, page)
    assert all(text in said for text in printed), said


def calls(text: str) -> list[tuple[str, str]]:
    """The commands of a console, each with what it is shown to say."""
    return re.findall(r"^\$ (.*)\n((?:[^$].*\n|\n(?!\$))*)", text, re.MULTILINE)


def varying(text: str) -> str:
    """What is left when ids, times and addresses are taken out."""
    return VARYING.sub("*", text)


def _console(text: str, folder: Path, environment: dict[str, str]) -> None:
    for call, shown in calls(text):
        if NOT_RUN.match(call):
            continue
        if call.startswith("source "):
            environment |= _sourced(call, folder, environment)
            continue
        done = subprocess.run(
            ["bash", "-c", call], cwd=folder, env=environment, capture_output=True, text=True, check=False,
            timeout=PATIENCE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, (call, done.stdout, done.stderr)
        if shown:
            assert varying(done.stdout) == varying(shown), call


def _sourced(call: str, folder: Path, environment: dict[str, str]) -> dict[str, str]:
    said = subprocess.run(
        ["bash", "-c", f"{call} && env -0"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return dict(each.split("=", 1) for each in said.stdout.split("\0") if each)


@contextmanager
def _started(text: str, folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The command of a console, once it has said what is shown."""
    [(call, shown)] = calls(text)
    log = folder / "stderr"
    with log.open("w") as errors, subprocess.Popen(
        ["bash", "-c", f"exec {call}"], cwd=folder, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
    ) as process:  # fmt: skip
        end = Timer(PATIENCE, process.kill)
        end.start()
        try:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in shown.splitlines()]
            assert varying("".join(said)) == varying(shown), (call, said, log.read_text())
            yield process
        finally:
            end.cancel()
            if process.stdin is not None:
                process.stdin.close()
            process.kill()


def _program(text: str, folder: Path, environment: dict[str, str], page: Path) -> str:
    path = folder / f"page_{re.sub(r'[^a-z]', '_', page.stem.lower())}.py"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", path.name], cwd=folder, env=environment, capture_output=True, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
