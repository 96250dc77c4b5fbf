"""Writing: what is written, removed, left alone; the same for every hash seed; stable when something is added."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_codegen.cli import main
from mega_codegen.write import MANIFEST, compare

from .making import ROOT, contents, event, package, run, write

CART: dict[str, Any] = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
ADDED = event({"cart": {"$ref": "cart.json"}}, name="item.added")
REMOVED = event({"reason": {"type": "string"}}, name="item.removed")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of schemas, and the folder that was generated from it."""
    schemas = write(tmp_path / "schemas", {"shop/cart.json": CART, "shop/a.json": ADDED, "shop/b.json": REMOVED})
    output = tmp_path / "generated"
    assert main([str(schemas), "-o", str(output)]) == 0
    return schemas, output


def states(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_ino for path in folder.rglob("*.py")}


def test_nothing_is_written_when_nothing_changed(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run writes no file, and says so."""
    schemas, output = folders
    before = states(output)
    capsys.readouterr()
    assert main([str(schemas), "-o", str(output)]) == 0
    assert states(output) == before
    assert capsys.readouterr().out == f"{output}: 0 written, {len(before)} unchanged\n"


def test_only_changed_files_are_written(folders: tuple[Path, Path]) -> None:
    """A changed description rewrites one file and the manifest."""
    schemas, output = folders
    before = states(output)
    write(schemas, {"shop/b.json": REMOVED | {"description": "Taken out."}})
    assert main([str(schemas), "-o", str(output)]) == 0
    after = states(output)
    assert [path for path in after if after[path] != before[path]] == ["shop/item_removed.py"]


def test_stale_files_are_removed(folders: tuple[Path, Path]) -> None:
    """Files of a schema that is gone are removed, with folders that become empty."""
    schemas, output = folders
    write(schemas, {"user/c.json": event(name="seen", domain="user")})
    assert main([str(schemas), "-o", str(output)]) == 0
    assert (output / "user/seen.py").exists()
    (schemas / "user/c.json").unlink()
    (schemas / "shop/b.json").unlink()
    assert main([str(schemas), "-o", str(output)]) == 0
    assert not (output / "user").exists()
    assert not (output / "shop/item_removed.py").exists()
    assert main([str(schemas), "-o", str(output), "--check"]) == 0


@pytest.mark.parametrize("mode", ["--check", "--diff"])
def test_differences_are_shown_and_nothing_is_written(
    folders: tuple[Path, Path], mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--check`` and ``--diff`` exit with 1 and a unified diff; with 0 and silence when all is well."""
    schemas, output = folders
    capsys.readouterr()
    assert main([str(schemas), "-o", str(output), mode]) == 0
    assert capsys.readouterr().out == ""
    write(schemas, {"shop/b.json": REMOVED | {"description": "Taken out."}})
    before = contents(output)
    assert main([str(schemas), "-o", str(output), mode]) == 1
    shown = capsys.readouterr().out
    assert "--- a/shop/item_removed.py\n+++ b/shop/item_removed.py\n" in shown
    assert '+    """Taken out."""\n' in shown
    assert contents(output) == before


def test_check_of_a_folder_that_is_not_there(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Before the first run everything is different, and ``--check`` creates nothing."""
    schemas, _ = folders
    assert main([str(schemas), "-o", str(tmp_path / "new"), "--check"]) == 1
    assert not (tmp_path / "new").exists()


def test_foreign_files_are_never_touched(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A file that the generator did not write stays; when it is in the way, the run stops before it writes."""
    schemas, output = folders
    write(output, {"shop/mine.py": "mine", "shop/seen.py": "mine too"})
    assert main([str(schemas), "-o", str(output)]) == 0
    write(schemas, {"shop/c.json": event(name="seen")})
    before = contents(output)
    assert main([str(schemas), "-o", str(output)]) == 2
    assert "shop/seen.py#: error: was not written by mega-codegen" in capsys.readouterr().err
    assert contents(output) == before


def test_a_file_that_was_changed_by_hand_is_not_overwritten(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """An edited generated file is an error for writing, updating and removing; other line ends are no edit."""
    schemas, output = folders
    path = output / "shop/item_removed.py"
    text = path.read_text()
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert main([str(schemas), "-o", str(output)]) == 0
    path.write_text(text + "# mine\n")
    for _ in range(2):
        assert main([str(schemas), "-o", str(output)]) == 2
        assert "shop/item_removed.py#: error: was changed by hand" in capsys.readouterr().err
        (schemas / "shop/b.json").unlink(missing_ok=True)
    assert path.read_text().endswith("# mine\n")


@pytest.mark.parametrize("mode", ["--check", "--diff"])
def test_an_edit_by_hand_is_a_difference(
    folders: tuple[Path, Path], mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without writing, an edited or foreign file in the way is shown as a diff with status 1."""
    schemas, output = folders
    path = output / "shop/item_removed.py"
    path.write_text(path.read_text() + "# mine\n")
    write(schemas, {"shop/c.json": event(name="seen")})
    write(output, {"shop/seen.py": "mine = 2\n"})
    before = contents(output)
    capsys.readouterr()
    assert main([str(schemas), "-o", str(output), mode]) == 1
    shown = capsys.readouterr().out
    assert "--- a/shop/item_removed.py\n+++ b/shop/item_removed.py\n" in shown
    assert "\n-# mine\n" in shown
    assert "\n-mine = 2\n" in shown
    assert contents(output) == before


def test_what_a_killed_run_left_is_removed(folders: tuple[Path, Path]) -> None:
    """The next run removes temporary files, and nothing that only looks similar."""
    schemas, output = folders
    (output / "shop/.mega-codegen-abc_1234").write_text("half")
    (output / ".mega-codegen-abcdefgh").write_text("half")
    (output / ".mega-codegen-notes.txt").write_text("mine")
    assert main([str(schemas), "-o", str(output)]) == 0
    assert sorted(path.name for path in output.rglob(".mega-codegen-*")) == [".mega-codegen-notes.txt"]


def test_links_in_the_output_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The generator writes through no symbolic link."""
    schemas, output = folders
    (tmp_path / "elsewhere").mkdir()
    (output / "user").symlink_to(tmp_path / "elsewhere")
    write(schemas, {"user/c.json": event(name="seen", domain="user")})
    assert main([str(schemas), "-o", str(output)]) == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_interrupted_run_can_be_repeated(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When writing fails half way, no file is torn, and the next run completes it, even from other schemas."""
    schemas, output = folders
    write(schemas, {"shop/b.json": REMOVED | {"description": "One."}, "shop/a.json": ADDED | {"description": "One."}})
    replace, calls = Path.replace, itertools.count()

    def failing(self: Path, target: Path) -> Path:
        if next(calls) == 2:
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        assert main([str(schemas), "-o", str(output)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not list(output.rglob(".mega-codegen-*"))
    write(schemas, {"shop/b.json": REMOVED | {"description": "Two."}, "shop/a.json": ADDED | {"description": "Two."}})
    assert main([str(schemas), "-o", str(output)]) == 0
    assert main([str(schemas), "-o", str(output), "--check"]) == 0


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"files": {"../x.py": ["0"]}}', '{"files": {"/etc/passwd": []}}', '{"files": 5}', '{"files": {"a": 5}}',
        '{"files": {"a": [5]}}', '{"files": ["a"]}', "[" * 100_000, '{"files": ' * 5000, f'{{"files": {{"{"a" * 5000}": []}}}}',
        f'{{"files": {{"{"a" * 300}": []}}}}', '{"files": {"a\\u0000": []}}', '{"files": {"\\ud800": []}}', "9" * 5000,
    ],
    ids=range(16),
)  # fmt: skip
def test_a_broken_manifest_is_an_error(
    folders: tuple[Path, Path], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A manifest that was tampered with stops the run, in every mode."""
    schemas, output = folders
    (output / MANIFEST).write_text(text)
    for mode in ([], ["--check"], ["--diff"]):
        assert main([str(schemas), "-o", str(output), *mode]) == 2
        assert f"{MANIFEST}#: error: " in capsys.readouterr().err


def test_a_manifest_that_is_no_file_is_an_error(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A folder in the place of the manifest stops the run."""
    schemas, output = folders
    (output / MANIFEST).unlink()
    (output / MANIFEST).mkdir()
    assert main([str(schemas), "-o", str(output)]) == 2
    assert f"{MANIFEST}#: error: cannot be read: Is a directory" in capsys.readouterr().err


def test_output_does_not_depend_on_hash_seed_or_order(tmp_path: Path) -> None:
    """Two processes with different hash seeds and locales write the same bytes."""
    for seed in ("0", "1", "4242"):
        done = run("-m", "mega_codegen", "schemas", "-o", str(tmp_path / seed), PYTHONHASHSEED=seed, LC_ALL="C")
        assert done.returncode == 0, done.stderr
    results = [contents(tmp_path / seed) for seed in ("0", "1", "4242")]
    assert results[0] == results[1] == results[2]
    assert {path: text for path, text in results[0].items() if path != MANIFEST} == {
        path: text for path, text in contents(ROOT / "generated").items() if path != MANIFEST
    }


LINE: dict[str, Any] = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "next": {"$ref": "#"}},
    "required": ["sku"],
}
KINDS: dict[str, Any] = {
    "text": {"type": "string", "format": "date"},
    "count": {"type": "integer", "minimum": 1, "x-unit": "pieces"},
    "line": {"$ref": "line.json"},
    "lines": {"type": "array", "items": {"$ref": "line.json"}},
    "inner": {"type": "object", "properties": {"deep": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "number"}}}}}},
    "either": {"oneOf": [{"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind"]} for kind in "ab"]},
    "odd": {"type": "string", "not": {"const": "x"}},
    "class": {"type": ["string", "null"]},
    "line_2": {"allOf": [{"$ref": "line.json"}, {"properties": {"extra": {"type": "string"}}}]},
}  # fmt: skip
FACES = {"__init__.py", "shop/__init__.py", "user/__init__.py"}
ATTRIBUTES = st.dictionaries(st.sampled_from(sorted(KINDS)), st.none(), max_size=5).map(
    lambda names: {name: KINDS[name] for name in names}
)
EVENTS = st.dictionaries(
    st.tuples(st.sampled_from(["shop", "user"]), st.sampled_from(["added", "line.added", "removed", "a-b"]), st.integers(1, 3)),
    st.tuples(ATTRIBUTES, st.booleans()),
    min_size=1,
    max_size=6,
)  # fmt: skip
Definitions: TypeAlias = Mapping[tuple[str, str, int], tuple[Mapping[str, Any], bool]]


def _folder(events: Definitions, line: Any = LINE, *types: str) -> dict[str, Any]:
    """Schemas by path: events in files of their own, or together in one for their domain, and shared types."""
    schemas: dict[str, Any] = {f"{domain}/line.json": line for domain in ("shop", "user")}
    schemas |= {f"shop/{name}.json": {"type": "object", "properties": {"z": {}}} for name in types}
    for (domain, name, version), (attributes, alone) in events.items():
        definition = event(attributes, name=name, domain=domain, version=version)
        if alone:
            schemas[f"{domain}/{name}.v{version}.json"] = definition
        else:
            together = schemas.setdefault(f"{domain}/all.json", {"$defs": {}})
            together["$defs"][f"{name} {version}"] = definition
    return schemas


@settings(max_examples=60)
@given(EVENTS, EVENTS, st.lists(st.sampled_from(["added_1", "zeta", "aaa"]), unique=True), st.randoms())
def test_what_is_added_changes_no_other_line(
    events: Definitions, more: Definitions, types: list[str], shuffle: random.Random
) -> None:
    """Events, versions and shared types that are added change no line of what was generated before, in any order."""
    before = package(_folder(events))
    schemas = list(_folder({**more, **events}, LINE, *types).items())
    shuffle.shuffle(schemas)
    after = package(dict(schemas))
    assert {path: text for path, text in after.items() if path in before and path not in FACES} == {
        path: text for path, text in before.items() if path not in FACES
    }
    for path in FACES & before.keys():
        assert set(before[path].splitlines()) - set(after[path].splitlines()) <= _imports(before[path])


def _imports(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("    from .")} | {"    {},"}


@settings(max_examples=40)
@given(EVENTS, st.data())
def test_an_optional_field_changes_only_its_event(events: Definitions, data: st.DataObject) -> None:
    """A field that is added touches the model, the carried schema and the subscriber of its event, nothing else."""
    identity = data.draw(st.sampled_from(sorted(events)))
    attributes, alone = events[identity]
    grown = ({**attributes, "reason": data.draw(st.sampled_from(list(KINDS.values())))}, alone)
    before, after = package(_folder(events)), package(_folder({**events, identity: grown}))
    (domain, name, version) = identity
    stem = name.replace(".", "_").replace("-", "_") + (f"_v{version}" if version > 1 else "")
    own = {f"{domain}/{stem}.py", f"{domain}/{stem}.schema.json", f"{domain}/subscribers/{stem}.py"}
    changed = {path for path in before.keys() | after.keys() if after.get(path) != before.get(path)}
    assert changed <= own | FACES
    for path in FACES & changed:
        assert set(before[path].splitlines()) - set(after[path].splitlines()) <= _imports(before[path])


@settings(max_examples=30)
@given(EVENTS)
def test_a_field_of_a_shared_type_changes_its_module_only(events: Definitions) -> None:
    """A field that is added to a shared type touches its module, its pattern, and the schemas that events carry."""
    before = package(_folder(events))
    after = package(_folder(events, LINE | {"properties": {**LINE["properties"], "note": {"type": "string"}}}))
    changed = {path for path in after if after[path] != before.get(path)}
    own = {f"{domain}/{part}line.py" for domain in ("shop", "user") for part in ("", "subscribers/")}
    merged = {path for path in changed if "line_2" in before[path]}  # it is made of the shared type and of more
    assert {path for path in changed if not path.endswith(".schema.json")} - merged <= own


def test_compare_is_pure(folders: tuple[Path, Path]) -> None:
    """Comparing alone changes nothing on disk."""
    _, output = folders
    before = contents(output)
    plan = compare(output, {"new.py": "x = 1\n"})
    assert [change.path for change in plan.changes if change.after is not None] == ["new.py"]
    assert contents(output) == before
