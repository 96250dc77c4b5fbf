"""Schemas and runs for the tests of the generator: small event definitions, in memory or in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mega_codegen import Document, Report, SchemaErrors, generate, protocol

ROOT = Path(__file__).parents[2]
PROTOCOL = "urn:mega:protocol:1"


def event(
    attributes: Mapping[str, Any] | None = None,
    *,
    name: str = "thing.happened",
    domain: str = "shop",
    version: int = 1,
    required: tuple[str, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """An event definition with these attributes."""
    content: dict[str, Any] = {"type": "object", "properties": dict(attributes or {})}
    parts = ["domain", "name", "version"]
    if required:
        content["required"] = list(required)
        parts.append("attributes")
    identity = {"domain": {"const": domain}, "name": {"const": name}, "version": {"const": version}}
    section = {"properties": {**identity, "attributes": content}, "required": parts}
    return {"allOf": [{"$ref": PROTOCOL}], "properties": {"event": section}, **more}


def documents(schemas: Mapping[str, Any]) -> list[Document]:
    """Schemas by path as documents."""
    return [Document(path, json.loads(json.dumps(tree))) for path, tree in schemas.items()]


def package(schemas: Mapping[str, Any]) -> dict[str, str]:
    """The generated files."""
    return generate(documents(schemas), protocol())


def problems(schemas: Mapping[str, Any]) -> list[str]:
    """Errors and warnings, each as one line: ``file#pointer: message``."""
    report = Report()
    try:
        generate(documents(schemas), protocol(), report)
    except SchemaErrors as error:
        return [f"{each.file}#{each.pointer}: {each.message}" for each in error.problems]
    return [f"{each.file}#{each.pointer}: {each.message}" for each in report.problems]


def write(folder: Path, schemas: Mapping[str, Any]) -> Path:
    """Write schemas into a folder."""
    for path, tree in schemas.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
    return folder


def imported(files: Mapping[str, str], folder: Path, package: str) -> None:
    """Make a generated package importable under this name, for the rest of the run."""
    write(folder / package, files)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def contents(folder: Path) -> dict[str, str]:
    """All files below a folder, by path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """A Python process that can import both packages."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "codegen")])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
