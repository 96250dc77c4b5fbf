"""What the last run is good for: the same results with and without it, whatever happened to schemas and cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mega_codegen import cache, cli

from .making import contents, event, run, write

Edit = Callable[[Path, Random], None]

ADDRESS = {"title": "Address", "type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
PROPERTIES: tuple[Any, ...] = (
    {"type": "string"},
    {"type": "string", "maxLength": 7},
    {"type": "integer", "minimum": 3},
    {"type": "array", "items": {"type": "number", "minimum": 1}},
    {"type": "array", "items": {"type": "number", "minimum": 1.0}},
    {"type": "object", "properties": {"inner": {"type": "boolean"}}},
    {"enum": ["a", "b"]},
    {"not": {"const": 3}},
    {"$ref": "address.schema.json"},
    {"$ref": "urn:shop:money"},
    {"type": "string", "description": "Said of the property.", "examples": ["x"]},
    {"type": "string", "maxLength": 8},
    {"enum": ["a", 1, None]},
)
RARE: tuple[Any, ...] = (
    {"$ref": "json.schema.json"},
    {"$ref": "missing.schema.json"},
    {"type": "string", "examples": [3]},
)
SHARED: Mapping[str, Any] = {
    "shop/address.schema.json": ADDRESS,
    "shop/money.json": {"$id": "urn:shop:money", "type": "object", "properties": {"amount": {"type": "string"}}},
}


RECURSIVE = {"$defs": {"A": {"type": "array", "items": {"$ref": "#"}}}, "$ref": "#/$defs/A"}


def a_property(random: Random) -> Any:
    """Something that an attribute may be; now and then something that is wrong, or that is cut short."""
    return random.choice(RARE if random.random() < 0.04 else PROPERTIES)


def definition(random: Random, number: int) -> dict[str, Any]:
    """An event with a few properties, sometimes with a name that draws a warning."""
    attributes = {f"p{index}": a_property(random) for index in range(random.randrange(4))}
    name = f"thing{number}{':x' if random.random() < 0.1 else ''}"
    return event(attributes, name=name, description=random.choice(["", "One.", "Two."]))


def change(folder: Path, random: Random) -> None:
    """Write one event anew; often it keeps most of what it said."""
    number = random.randrange(5)
    path = folder / f"shop/thing{number}.json"
    tree = definition(random, number)
    if path.exists() and random.random() < 0.7:
        with suppress(ValueError, KeyError, TypeError):
            tree = known if (known := json.loads(path.read_bytes()))["properties"]["event"] else tree
        attributes = tree["properties"]["event"]["properties"]["attributes"]["properties"]
        attributes[f"p{random.randrange(4)}"] = a_property(random)
        tree["description"] = random.choice(["", "Three.", "Four."])
    path.write_text(json.dumps(tree))


def change_shared(folder: Path, random: Random) -> None:
    """Give a shared type another property, or what it is called another name."""
    path = random.choice(list(SHARED))
    tree = json.loads(json.dumps(SHARED[path]))
    if random.random() < 0.7:
        tree.setdefault("properties", {})["more"] = random.choice(PROPERTIES[:8])
    elif "$id" in tree:
        tree["$id"] += random.choice(["", ":other"])
    (folder / path).write_text(json.dumps(tree))


def remove(folder: Path, random: Random) -> None:
    """Remove a file, or bring a shared one back."""
    path = random.choice(sorted(folder.rglob("*.json")))
    path.unlink()
    if not any(folder.rglob("*.json")):
        write(folder, SHARED)


def rename(folder: Path, random: Random) -> None:
    """Move a file to another name, sometimes one that shares a module with another file."""
    path = random.choice(sorted(folder.rglob("*.json")))
    path.rename(path.with_name(f"{path.name.split('.')[0]}{random.choice(['.json', '.schema.json'])}"))


def break_it(folder: Path, random: Random) -> None:
    """Leave a file that cannot be read, or that is no schema."""
    random.choice(sorted(folder.rglob("*.json"))).write_bytes(random.choice([b"{", b"\xff", b'{"type": 3}', b"[]"]))


def mend(folder: Path, _: Random) -> None:
    """Bring the shared types back, and remove what is broken."""
    for path in folder.rglob("*.json"):
        try:
            if not isinstance(json.loads(path.read_text()).get("type", ""), str):
                path.unlink()
        except (ValueError, AttributeError):
            path.unlink()
    write(folder, SHARED)


EDITS: tuple[Edit, ...] = (*[change] * 12, change_shared, remove, rename, break_it, mend, mend, mend)


def outcome(schemas: Path, output: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[object, ...]:
    """Exit status, what was printed, and what was written."""
    status = cli.main([str(schemas), "-o", str(output), *more])
    printed = capsys.readouterr()
    return status, printed.out.replace(str(output), ""), printed.err, contents(output) if output.exists() else {}


@pytest.mark.parametrize("seed", range(6))
def test_a_run_with_the_cache_is_a_run_without(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any edits, files, status, errors, warnings and summary are those of a run that knows nothing."""
    monkeypatch.setenv("MEGA_CODEGEN_CACHE_DIR", str(tmp_path / "cache"))
    random = Random(seed)
    schemas = write(tmp_path / "schemas", SHARED)
    if seed % 3 == 2:
        write(schemas, {"shop/json.schema.json": RECURSIVE})
    for number in range(5):
        (schemas / f"shop/thing{number}.json").write_text(
            json.dumps(event({"a": PROPERTIES[number]}, name=f"n{number}"))
        )
    for _ in range(25):
        cached = outcome(schemas, tmp_path / "cached", capsys)
        cold = outcome(schemas, tmp_path / "cold", capsys, "--no-cache")
        assert cached == cold
        assert outcome(schemas, tmp_path / "cached", capsys, "--check")[0] in (0, 2)
        random.choice(EDITS)(schemas, random)


@pytest.mark.parametrize("part", ["description", "constraint", "field"])
def test_a_change_in_one_event_is_made_from_what_it_reaches(part: str, tmp_path: Path) -> None:
    """The usual changes take the short way: nothing is generated from files that the event does not reach."""
    from mega_codegen import protocol
    from mega_codegen.errors import Report
    from mega_codegen.runs import after_change
    from mega_codegen.runs import run as generate

    trees = {
        f"shop/thing{n}.json": event({"a": {"type": "integer"}, "at": {"$ref": "address.json"}}, name=f"n{n}")
        for n in range(3)
    }
    trees["shop/address.json"] = ADDRESS
    sources = {path: json.dumps(tree).encode() for path, tree in sorted(trees.items())}
    last = generate(sources, protocol(), Report(), None, lambda _: None)
    attributes = trees["shop/thing1.json"]["properties"]["event"]["properties"]["attributes"]["properties"]
    if part == "description":
        trees["shop/thing1.json"]["description"] = "Another."
    elif part == "constraint":
        attributes["a"]["minimum"] = 5
    else:
        attributes["b"] = {"type": "string", "maxLength": 12345}
    sources["shop/thing1.json"] = json.dumps(trees["shop/thing1.json"]).encode()
    found = after_change(last, sources, protocol())
    assert found is not None
    cold = generate(sources, protocol(), Report(), None, lambda _: None)
    assert (found.files, found.warnings, found.sources) == (cold.files, cold.warnings, cold.sources)
    assert found.files != last.files


@pytest.mark.parametrize("part", ["shared", "name", "face"])
def test_a_change_that_others_see_is_generated_from_all(part: str, tmp_path: Path) -> None:
    """A shared type, a name of a schema, a new class: the short way is not taken, the result is right."""
    from mega_codegen import protocol
    from mega_codegen.errors import Report
    from mega_codegen.runs import after_change
    from mega_codegen.runs import run as generate

    trees = {f"shop/thing{n}.json": event({"at": {"$ref": "address.json"}}, name=f"n{n}") for n in range(2)}
    trees["shop/address.json"] = json.loads(json.dumps(ADDRESS))
    last = generate(
        {path: json.dumps(tree).encode() for path, tree in sorted(trees.items())},
        protocol(),
        Report(),
        None,
        lambda _: None,
    )
    if part == "shared":
        trees["shop/address.json"]["properties"]["city"] = {"not": {"const": 3}}  # now the events carry a check
    elif part == "name":
        trees["shop/thing0.json"]["$id"] = "urn:of:it"
    else:
        attributes = trees["shop/thing0.json"]["properties"]["event"]["properties"]["attributes"]["properties"]
        attributes["inner"] = {"type": "object", "properties": {"a": {"type": "string"}}}
    sources = {path: json.dumps(tree).encode() for path, tree in sorted(trees.items())}
    assert after_change(last, sources, protocol()) is None
    cold = generate(sources, protocol(), Report(), None, lambda _: None)
    assert generate(sources, protocol(), Report(), last, lambda _: None).files == cold.files


def test_a_run_that_finds_nothing_changed_imports_no_library(tmp_path: Path) -> None:
    """Neither the model generator nor a validator nor a step of generation is imported, to check and to write."""
    schemas = write(tmp_path / "schemas", {"shop/a.json": event({"a": {"type": "integer"}})})
    program = (
        "import sys\nfrom mega_codegen.cli import main\nassert main(sys.argv[1:]) == 0\n"
        "print(*sorted({'datamodel_code_generator', 'jsonschema_rs', 'pydantic', 'mega_codegen.generation'} & {*sys.modules}))"
    )
    out = str(tmp_path / "out")
    for more, expected in (([], True), ([], False), (["--check"], False)):
        done = run("-c", program, str(schemas), "-o", out, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert bool(done.stdout.splitlines()[-1].strip()) is expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 7}),
        ({"type": "number", "maximum": 1}, {"type": "number", "maximum": 0.5}),
        ({"type": "string", "pattern": "^a$"}, {"type": "string", "pattern": "^it's$"}),
        ({"enum": ["a"]}, {"enum": ["b", 2]}),
        ({"type": "array", "items": {"type": "string", "maxLength": 1}}, {"type": "array", "items": {"const": "x"}}),
    ],
)
def test_a_form_that_was_seen_is_not_asked_about_again(before: Any, after: Any, tmp_path: Path) -> None:
    """A limit or a constant that changes, or a field like another, loads no model generator."""
    schemas = write(tmp_path / "schemas", {"shop/a.json": event({"a": before})})
    program = (
        "import sys\nfrom mega_codegen.cli import main\nassert main(sys.argv[1:]) == 0\n"
        "print(*sorted({'datamodel_code_generator', 'pydantic'} & {*sys.modules}))"
    )
    for attributes, expected in (({"a": before}, True), ({"a": after}, False), ({"a": after, "b": before}, False)):
        write(schemas, {"shop/a.json": event(attributes)})
        done = run("-c", program, str(schemas), "-o", str(tmp_path / "out"), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert bool(done.stdout.splitlines()[-1].strip()) is expected
    run("-m", "mega_codegen", str(schemas), "-o", str(tmp_path / "cold"), "--no-cache", cwd=tmp_path)
    assert contents(tmp_path / "out") == contents(tmp_path / "cold")


def record(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of schemas that was generated from, and the record of it."""
    schemas = write(tmp_path / "schemas", {"shop/a.json": event({"a": {"type": "integer"}})})
    assert (
        run(
            "-m", "mega_codegen", str(schemas), "-o", str(tmp_path / "out"), cwd=tmp_path, MEGA_CODEGEN_CACHE_DIR=""
        ).returncode
        == 0
    )
    (found,) = (tmp_path / ".mega_codegen_cache").glob("*.run")
    return schemas, found


def forge(path: Path) -> None:
    """Replace text of the record and seal it as far as a stranger can."""
    _, _, body = path.read_bytes().partition(b"\n")
    body = body.replace(b"class Thing", b"import os; class Thing")
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def copy(path: Path) -> None:
    """A folder from another machine, where its owner had the same generator write what he liked."""
    _, _, body = path.read_bytes().partition(b"\n")
    body = body.replace(b"class Thing", b"import os; class Thing")
    owner = cache.Cache(path.parents[1] / "schemas", "2020-12", {cache.VARIABLE: str(path.parent)})
    path.write_bytes(cache._seal(owner._mark(), body) + b"\n" + body)
    assert "import os" in str(owner.recall())
    other = path.parent.with_name("other")
    shutil.copytree(path.parent, other)
    shutil.rmtree(path.parent)
    other.rename(path.parent)
    (path.parent / ".gitignore").touch()


def directory(path: Path) -> None:
    """A folder where the record was."""
    path.unlink()
    path.mkdir()


def file_as_folder(path: Path) -> None:
    """A file where the folder was."""
    shutil.rmtree(path.parent)
    path.parent.write_text("")


def link(path: Path) -> None:
    """The folder is a link to one outside."""
    outside = path.parents[1] / "outside"
    path.parent.rename(outside)
    for each in outside.iterdir():
        each.unlink()
    path.parent.symlink_to(outside)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"class Thing", b"class Think")),
        lambda path: path.write_bytes(b"\xff\x00" * 100),
        lambda path: path.write_bytes(b"[" * 100_000),
        forge,
        copy,
        directory,
        file_as_folder,
        link,
    ],
)
def test_a_cache_that_is_not_ours_is_as_none(harm: Callable[[Path], object], tmp_path: Path) -> None:
    """Cut, edited, forged, copied, unwritable: the run says and writes what it would without a cache."""
    schemas, path = record(tmp_path)
    before = contents(tmp_path / "out")
    harm(path)
    done = run(
        "-m", "mega_codegen", str(schemas), "-o", str(tmp_path / "again"), cwd=tmp_path, MEGA_CODEGEN_CACHE_DIR=""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(tmp_path / "again") == before
    outside = tmp_path / "outside"
    assert not outside.exists() or not any(outside.iterdir())


def test_the_cache_is_not_committed(tmp_path: Path) -> None:
    """The folder says to git that nothing in it is to be added, and ``--no-cache`` makes none."""
    schemas, path = record(tmp_path)
    assert (path.parent / ".gitignore").read_text() == "*\n"
    shutil.rmtree(path.parent)
    run(
        "-m",
        "mega_codegen",
        str(schemas),
        "-o",
        str(tmp_path / "o"),
        "--no-cache",
        cwd=tmp_path,
        MEGA_CODEGEN_CACHE_DIR="",
    )
    assert not path.parent.exists()
    run(
        "-m",
        "mega_codegen",
        str(schemas),
        "-o",
        str(tmp_path / "o"),
        cwd=tmp_path,
        MEGA_CODEGEN_CACHE_DIR="elsewhere/x",
    )
    assert not path.parent.exists()
    assert [*(tmp_path / "elsewhere/x").glob("*.run")]


def test_another_generator_does_not_believe_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of another version of the generator, or of its libraries, is as none."""
    schemas, _ = record(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cache.Cache(schemas, "2020-12", {}).recall() is not None
    monkeypatch.setattr(cache, "_generator", lambda: "another")
    assert cache.Cache(schemas, "2020-12", {}).recall() is None
