"""Writing: what is written, removed, left alone; the same for every hash seed; stable when something is added."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

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


POOL: dict[str, Any] = {
    "shop/cart.json": CART,
    "shop/a.json": ADDED,
    "shop/a2.json": event({"cart": {"$ref": "cart.json"}, "date": {"type": "string", "format": "date"}}, name="item.added", version=2),
    "shop/b.json": event({"on": {"type": "string", "format": "date"}, "to": {"type": "object", "properties": {"x": {}}}}, name="item.removed"),
    "shop/many.json": {"$defs": {"One": event({"list": {"type": "array"}}, name="one"), "Line": CART}},
    "user/seen.json": event({"cart": {"$ref": "../shop/cart.json"}}, name="seen", domain="user"),
    "address.json": {"type": "object", "properties": {"tree": {"$ref": "#"}}},
}  # fmt: skip
FACES = {"__init__.py", "shop/__init__.py", "user/__init__.py"}


@settings(max_examples=25, deadline=None)
@given(st.sets(st.sampled_from(sorted(POOL)), min_size=1), st.sampled_from(sorted(POOL)), st.randoms())
def test_adding_a_file_changes_only_the_faces(names: set[str], added: str, shuffle: random.Random) -> None:
    """An event, a version or a type that is added changes no line of what was generated before, in any order."""
    names |= {"shop/cart.json"}
    before = package({name: POOL[name] for name in sorted(names)})
    after_names = sorted({*names, added})
    shuffle.shuffle(after_names)
    after = package({name: POOL[name] for name in after_names})
    assert {path: text for path, text in after.items() if path in before and path not in FACES} == {
        path: text for path, text in before.items() if path not in FACES
    }
    for path in FACES & before.keys():
        assert set(before[path].splitlines()) - set(after[path].splitlines()) <= _imports(before[path])


def _imports(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("    from .")} | {"    {},"}


def test_adding_an_optional_field_changes_only_its_event() -> None:
    """A field that is added touches the model and the subscriber of its event, and nothing else."""
    before = package(POOL)
    changed = event({"reason": {"type": "string"}, "date": {"type": "string", "format": "date"}}, name="one")
    after = package(POOL | {"shop/many.json": {"$defs": {"One": changed, "Line": CART}}})
    assert {path for path in after if after[path] != before.get(path)} == {"shop/one.py", "shop/subscribers/one.py"}


def test_compare_is_pure(folders: tuple[Path, Path]) -> None:
    """Comparing alone changes nothing on disk."""
    _, output = folders
    before = contents(output)
    plan = compare(output, {"new.py": "x = 1\n"})
    assert [change.path for change in plan.changes if change.after is not None] == ["new.py"]
    assert contents(output) == before
