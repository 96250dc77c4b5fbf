"""``python -m bench [wire] [matching] [publishing] [listening] [generator]``: ratios of medians, measured in CPU time.

Every row is measured interleaved with its baseline, in one run.

The JSON row reads text with ``from_json``, which checks the identity as well; the BSON row does what the dispatcher
does with a body: base64, BSON, identity, validation. A row's samples alternate with those of its baseline, so that a
slow moment of the machine hits both. Ratios are what counts; the absolute columns are for orientation.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import bson
from mega_typed.codecs import decode, encode_json_text
from mega_typed.event import Event, wire_reader
from mega_typed.payload import identity_of

from bench import listening, matching, publishing
from bench.example import PlainPayload, example
from bench.measuring import Row, measure, show, show_absolute
from generated.shopping_cart import ItemAdded

ROOT = Path(__file__).parent.parent
GROUPS = ("wire", "matching", "publishing", "listening", "generator")


# --- decode, validate, encode -----------------------------------------------------------------------------------------


def wire_rows() -> Iterator[Row]:
    """Decode plus validate, and encode."""
    text = example()
    body = encode_json_text(text, binary_encoding=True).body
    plain = PlainPayload.model_validate_json(text)
    received = ItemAdded.from_json(text)
    event = ItemAdded(**{name: getattr(received, name) for name in ItemAdded.model_fields})

    read = wire_reader(ItemAdded)

    def plain_bson() -> object:
        return PlainPayload.model_validate(bson.decode(b64decode(body)))

    def our_bson() -> Event:  # as the dispatcher does
        content = decode(body, "application/bson")
        assert identity_of(content) == ItemAdded.__event_type__
        return read(content.json_text())

    def plain_to_bson() -> object:
        return bson.encode(plain.model_dump(mode="json"))

    yield Row(
        "decode + validate, JSON / model_validate_json",
        lambda: PlainPayload.model_validate_json(text),
        lambda: ItemAdded.from_json(text),
        1.15,
    )
    yield Row("decode + validate, BSON / bson.decode + model_validate", plain_bson, our_bson, 1.15)
    yield Row("encode, JSON / model_dump_json", plain.model_dump_json, event.to_json, 1.5)
    yield Row(
        "encode, BSON / model_dump + bson.encode",
        plain_to_bson,
        lambda: encode_json_text(event.to_json(), binary_encoding=True),
        1.5,
    )


# --- the generator, and importing what it generates -----------------------------------------------------------------


def schemas(count: int, folder: Path) -> None:
    """Write ``count`` event definitions of ten attributes, most of them different, with one shared type."""
    shared = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Address",
        "type": "object",
        "required": ["city"],
        "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
    }
    attributes: dict[str, Any] = {
        "id": {"type": "string", "format": "uuid"},
        "quantity": {"type": "integer", "minimum": 1},
        "price": {"type": "string", "format": "decimal"},
        "kind": {"enum": ["a", "b", "c"]},
        "at": {"type": "string", "format": "date-time"},
        "note": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "rate": {"type": "number"},
        "active": {"type": "boolean"},
        "address": {"$ref": "address.schema.json"},
    }
    (folder / "bench").mkdir(parents=True)
    (folder / "bench" / "address.schema.json").write_text(json.dumps(shared))
    for number in range(count):
        own = {
            f"{key}_{number}" if number % 4 and key != "address" else key: value for key, value in attributes.items()
        }
        required = [key for key in own if key.startswith(("id", "quantity"))]
        event = {
            "domain": {"const": "bench"},
            "name": {"const": f"thing{number}.happened"},
            "version": {"const": 1},
            "attributes": {"type": "object", "required": required, "properties": own},
        }
        schema = {
            "$schema": shared["$schema"],
            "title": f"Thing{number}Happened",
            "description": "Something happened.",
            "allOf": [{"$ref": "urn:mega:protocol:1"}],
            "properties": {"event": {"properties": event, "required": ["domain", "name", "attributes"]}},
        }
        (folder / "bench" / f"thing{number}.v1.schema.json").write_text(json.dumps(schema))


def cpu_of(code: str, *arguments: str, path: str = "") -> float:
    """CPU seconds that a fresh interpreter needs for a program, measured by itself; its own start is not counted."""
    program = f"import sys, time\nstart = time.process_time()\n{code}\nprint(time.process_time() - start)"
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=path or ROOT)
    return float(done.stdout.splitlines()[-1])


BARE = """
import json
from pathlib import Path
from datamodel_code_generator import DataModelType, Formatter, InputFileType, generate
document = json.loads(Path(sys.argv[1]).read_text())
start = time.process_time()
generate(
    document,
    input_file_type=InputFileType.JsonSchema,
    output_model_type=DataModelType.PydanticV2BaseModel,
    formatters=[Formatter.BUILTIN],
    disable_timestamp=True,
    output=Path(sys.argv[2]),
)
"""
OURS = """
from mega_codegen import cli
import datamodel_code_generator, jsonschema_rs, mega_codegen.runs
start = time.process_time()
assert cli.main([sys.argv[1], "-o", sys.argv[2], "--no-cache"]) == 0
"""


def generator_row(count: int, rounds: int, folder: Path) -> tuple[float, float]:
    """The whole command against one bare call of datamodel-code-generator on the equivalent document.

    The libraries are imported before the clock starts, on both sides.
    """
    source = folder / f"s{count}"
    schemas(count, source)
    definitions: dict[str, Any] = {}
    for file in sorted((source / "bench").iterdir()):
        schema = json.loads(file.read_text())
        title = schema["title"]
        if "allOf" in schema:
            schema = schema["properties"]["event"]["properties"]["attributes"]
            schema["properties"]["address"] = {"$ref": "#/$defs/Address"}
        definitions[title] = {"title": title, **schema}
    document = folder / f"document{count}.json"
    document.write_text(json.dumps({"$defs": definitions}))
    samples: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        samples[0].append(cpu_of(BARE, str(document), str(folder / f"bare{count}_{number}.py")))
        samples[1].append(cpu_of(OURS, str(source), str(folder / f"ours{count}_{number}")))
    return median(samples[0]), median(samples[1])


def again_rows(folder: Path, count: int = 1000, rounds: int = 5) -> Iterator[tuple[str, float, float, float]]:
    """Whole processes: the command with a last run to start from, against the command without (``--no-cache``).

    Each round changes the file anew. A field or limit of a form that was seen before loads no model generator; the last
    row is for a form that no file had. The code of both sides is compiled, as that of an installed package is.
    """
    source, output = folder / f"s_again{count}", folder / "again"
    schemas(count, source)
    changed = source / "bench" / "thing41.v1.schema.json"
    before = changed.read_text()
    command = ["-m", "mega_codegen", str(source), "-o", str(output)]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    kinds = ("description", "constraint", "field", "form")

    def run(*more: str) -> float:
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        command_line = [sys.executable, *command, *more]
        subprocess.run(command_line, check=True, cwd=folder, capture_output=True, env=environment)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime

    def edited(number: int, kind: str) -> float:
        schema = json.loads(before)
        attributes = schema["properties"]["event"]["properties"]["attributes"]["properties"]
        if kind == "description":
            schema["description"] = f"Something happened, {number}."
        elif kind == "constraint":
            attributes["quantity_41"]["minimum"] = 100 + number
        elif kind == "field":
            attributes["reason"] = {"type": "string", "maxLength": 100 + number}
        else:
            attributes["reason"] = {"type": "array", "items": {"type": "boolean"}}
            for _ in range(number):
                attributes["reason"] = {"type": "array", "items": attributes["reason"]}
        changed.write_text(json.dumps(schema))
        seconds = run()
        changed.write_text(before)
        run()
        return seconds

    samples: dict[str, list[float]] = {}
    run()
    for number in range(rounds):
        steps: tuple[tuple[str, Callable[[], float]], ...] = (
            ("cold", lambda: run("--no-cache")),
            ("cold check", lambda: run("--no-cache", "--check")),
            ("again", run),
            ("check", lambda: run("--check")),
            *((kind, partial(edited, number, kind)) for kind in kinds),
        )
        for name, measured in steps:
            samples.setdefault(name, []).append(measured())
    cold, cold_check = median(samples["cold"]), median(samples["cold check"])
    yield "generate again, nothing changed / cold", cold, median(samples["again"]), 0.15
    yield "--check, nothing changed / cold", cold_check, median(samples["check"]), 0.15
    for kind in kinds:
        yield f"one changed file of {count} ({kind}) / cold", cold, median(samples[kind]), 0.25


def import_row(folder: Path, rounds: int = 7) -> tuple[float, float]:
    """A package of 100 events: all built, against one used. The interpreter's own imports are not counted."""
    source = folder / "s_import"
    schemas(100, source)
    subprocess.run(
        [sys.executable, "-m", "mega_codegen", str(source), "-o", str(folder / "events")], check=True, cwd=ROOT,
        capture_output=True,
    )  # fmt: skip
    everything = (
        "import sys; sys.path.insert(0, '.')\nimport events.bench as b\n"
        "for n in b.__all__:\n    c = getattr(b, n)\n    hasattr(c, 'model_rebuild') and c.model_rebuild()"
    )
    one = (
        "import sys; sys.path.insert(0, '.')\nfrom events.bench import Thing40Happened as E\n"
        "from uuid import UUID\nE(id=UUID(int=1), quantity=1)"
    )
    samples: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        samples[0].append(cpu_of(everything, path=str(folder)))
        samples[1].append(cpu_of(one, path=str(folder)))
    return median(samples[0]), median(samples[1])


def main(groups: Sequence[str]) -> None:
    """Measure and print groups of rows."""
    text = example()
    head = f"{'ours / baseline':<62} {'baseline µs':>12} {'ours µs':>12} {'ratio':>8} {'goal':>6}"
    print(head)
    if "wire" in groups:
        for row in wire_rows():
            show(row.name, *measure(row), row.goal)
    if "matching" in groups:
        for row in chain(matching.rows(text), matching.peer_rows(text)):
            show(row.name, *measure(row), row.goal)
        for absolute in matching.registering(text):
            show_absolute(*absolute)
    if "publishing" in groups:
        with publishing.rows(text) as rows:
            for row in rows:
                show(row.name, *measure(row), row.goal)
    if "listening" in groups:
        with listening.rows(text) as rows:
            for row in rows:
                show(row.name, *measure(row), row.goal)
        for absolute in chain(listening.calls_per_thousand(text), listening.growth(text)):
            show_absolute(*absolute)
    if "generator" not in groups:
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count, rounds in ((10, 5), (100, 5), (1000, 3)):
            show(
                f"generate {count} events / one bare call",
                *generator_row(count, rounds, folder),
                1.3,
            )
        for again in again_rows(folder):
            show(*again)
        show("import 100 events: one used / all built", *import_row(folder), 0.4)


if __name__ == "__main__":
    asked = sys.argv[1:] or GROUPS
    if unknown := set(asked).difference(GROUPS):
        sys.exit(f"bench: no rows are called {', '.join(sorted(unknown))}; there are: {', '.join(GROUPS)}")
    main(asked)
