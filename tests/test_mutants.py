"""Measured: what mypy, pyright and the class definition see of single mistakes in subscribers (PATTERNS.md section 6)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mega_typed import PatternError

from . import mutants
from .codegen.making import event, imported, package
from .mutants import INSIDE, Subscriber
from .test_typing import CHECKERS

EVERY = {"R": 1, "W": 1} if os.environ.get("MUTANTS") == "all" else {"R": 6, "W": 7}
"""The type checkers see one of so many right and wrong subscribers: all of them take minutes. The class definition sees
all of them."""


ALL = {
    f"{letter}{number}": subscriber
    for letter, subscribers in (("R", mutants.right()), ("W", mutants.mutants()))
    for number, subscriber in enumerate(subscribers)
}
"""All subscribers with a name each: ``R`` for the right ones, ``W`` for the wrong ones."""


def sample() -> Iterator[str]:
    """Names of subscribers, the same share of every kind of mistake."""
    seen: Counter[str] = Counter()
    for name, subscriber in ALL.items():
        if seen[subscriber.mistake] % EVERY[name[0]] == 0:
            yield name
        seen[subscriber.mistake] += 1


SEEN = {name: ALL[name] for name in sample()}


def source(name: str) -> str:
    """Two lines; a mistake is reported in one of them."""
    return f"class {name}({ALL[name].base}Subscriber):\n    {ALL[name].source}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated package with a field of every kind, and a module of subscribers beside it."""
    place = tmp_path_factory.mktemp("mutants")
    required = tuple(kind.name for kind in mutants.KINDS)
    kinds = event(mutants.attributes(), name="all.kinds", required=required)
    state = {"type": {"const": "thing"}, "current": mutants.PLACE.schema, "previous": mutants.PLACE.schema}
    kinds["$defs"] = mutants.DEFINITIONS
    kinds["properties"]["object"] = {"properties": state}
    nothing = event(name="nothing")
    del nothing["properties"]["event"]["properties"]["attributes"]
    imported(package({"shop/kinds.json": kinds, "shop/nothing.json": nothing}), place, "kinds")
    (place / "subscribers.py").write_text(mutants.HEAD + "".join(map(source, SEEN)))
    return place


def reported(checker: str, folder: Path, tmp_path: Path) -> set[str]:
    """The names of the subscribers in whose lines a type checker reports something."""
    head = mutants.HEAD.count("\n")
    names = list(SEEN)
    lines = CHECKERS[checker]([folder / "subscribers.py"], tmp_path)["subscribers.py"]
    return {names[(line - head - 1) // 2] for line in lines if line > head}


def refused(folder: Path) -> set[str]:
    """The names of the subscribers that cannot be defined."""
    namespace: dict[str, object] = {"__name__": "subscribers"}
    exec(mutants.HEAD, namespace)
    found: set[str] = set()
    for name in ALL:
        try:
            exec(source(name), namespace)
        except PatternError:
            found.add(name)
    return found


def escaped(found: set[str], among: dict[str, Subscriber], what: str) -> list[str]:
    """The mutants that were not found; the share is printed."""
    wrong = [name for name in among if name[0] == "W"]
    missed = [name for name in wrong if name not in found]
    right = len(among) - len(wrong)
    print(f"{what}: {100 - 100 * len(missed) / len(wrong):.1f} % of {len(wrong)} mutants; {right} right ones")
    return [f"{among[name].mistake}: {among[name].source}" for name in missed]


def false_alarms(found: set[str]) -> list[str]:
    return [ALL[name].source for name in found if name[0] == "R"]


@pytest.mark.filterwarnings("ignore")  # a pattern that always matches is right, and worth a warning
def test_the_class_definition_refuses_every_mutant(folder: Path) -> None:
    """Every mutant whose mistake is not in the body of a function is refused, and no right subscriber is."""
    found = refused(folder)
    assert false_alarms(found) == []
    visible = {name: subscriber for name, subscriber in ALL.items() if subscriber.mistake not in INSIDE}
    assert escaped(found, visible, "class definition") == []


@pytest.mark.parametrize("checker", CHECKERS)
def test_type_checkers_report_mutants(checker: str, folder: Path, tmp_path: Path) -> None:
    """At least 95 % of the mutants are reported, and nothing in a right subscriber."""
    found = reported(checker, folder, tmp_path)
    assert false_alarms(found) == []
    missed = escaped(found, SEEN, checker)
    print(*missed, sep="\n")
    assert len(missed) <= 0.05 * sum(name[0] == "W" for name in SEEN)


def test_the_table_is_large_enough() -> None:
    """Each checker is given 300 right subscribers and 300 mutants at the least, with every kind of mistake among them."""
    right = [subscriber for name, subscriber in SEEN.items() if name[0] == "R"]
    assert len(right) >= 300
    assert len(SEEN) - len(right) >= 300
    assert {subscriber.mistake for subscriber in SEEN.values()} == {subscriber.mistake for subscriber in ALL.values()}
