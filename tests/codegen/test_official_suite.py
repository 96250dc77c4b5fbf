"""The official JSON-Schema-Test-Suite through the generator: each schema as the attribute of an event.

The suite is not part of the project. It is read from ``../shared/json-schema-test-suite`` beside the project, or from
the folder that MEGA_JSON_SCHEMA_TEST_SUITE names; where there is none, these tests are skipped.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from mega_codegen import Document, Report, SchemaErrors, generate, protocol
from mega_typed import Event, InvalidPayload

from .making import ROOT, event, imported

SUITE = Path(os.environ.get("MEGA_JSON_SCHEMA_TEST_SUITE") or ROOT.parent / "shared" / "json-schema-test-suite")
DRAFTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
}
META = {"draft2020-12": "/2020-12/", "draft2019-09": "/2019-09/", "draft7": "-07/", "draft6": "-06/", "draft4": "-04/"}
"""What the addresses of the meta-schemas of a draft have in common."""
SMALL = {"draft4": 250, "draft6": 600, "draft7": 850, "draft2019-09": 850, "draft2020-12": 850}
"""How many cases agree at least."""
HOST = "http://localhost:1234"

REFUSED = {
    "is not read": "a $schema that is neither draft 2020-12 nor draft-07",
    "no schema with this $id": "a reference by the address of a file that says another $id",
}
"""Why the generator refuses cases; docs/schemas.md lists the reasons."""
MOST_REFUSED = {"draft2020-12": 9, "draft2019-09": 9, "draft7": 2, "draft6": 2, "draft4": 2}
ASSERTED = re.compile(r"format: (date|date-time|time|uuid) format: invalid .* is only an annotation by default")
"""The suite leaves formats unasserted; those that become Python types are asserted, as docs/schemas.md says."""

pytestmark = pytest.mark.skipif(not SUITE.is_dir(), reason=f"the JSON-Schema-Test-Suite is not at {SUITE}")


@dataclass
class Score:
    """What became of the cases of a draft."""

    agree: int = 0
    refused: dict[str, int] = field(default_factory=dict[str, int])
    disagree: list[str] = field(default_factory=list[str])


def _remotes(draft: str) -> Iterator[Document]:
    """What the suite serves under http://localhost:1234, and the meta-schemas."""
    root = SUITE / "remotes"
    others = {path.name for path in root.iterdir() if re.fullmatch(r"draft[0-9-]+|v1", path.name)} - {draft}
    for path in sorted(root.rglob("*.json")):
        name = path.relative_to(root)
        if name.parts[0] not in others:
            tree = json.loads(path.read_text("utf-8"))
            if isinstance(tree, dict) and tree.get("$schema", DRAFTS[draft]) == DRAFTS[draft]:
                address = f"{HOST}/{name.as_posix()}"
                identifier = "id" if draft == "draft4" else "$id"
                yield Document(f"remotes/{name.as_posix()}", {"$schema": DRAFTS[draft], identifier: address, **tree})
    for identifier in REGISTRY:
        if META[draft] in identifier:
            tree = dict(REGISTRY.contents(identifier))
            yield Document(f"meta/{re.sub('[^a-z0-9]+', '_', identifier)}.json", tree)


def _payload(name: str, value: Any) -> str:
    section = {"domain": "suite", "name": name, "version": 1, "timestamp": "2020-05-04T15:53:23Z"}
    return json.dumps({"protocol": "mega", "version": 1, "event": {**section, "attributes": {"value": value}}})


def _class(schema: Any, name: str, draft: str, folder: Path) -> type[Event]:
    """The generated class of an event whose attribute ``value`` has the schema."""
    tree = schema if isinstance(schema, dict) else {"allOf": [schema]}
    tested = Document("tested.json", {"$schema": DRAFTS[draft], **tree})
    definition = event({"value": {"$ref": "tested.json"}}, name=f"d{name}", domain="suite", required=("value",))
    others = [each for each in _remotes(draft) if each.tree.get("$id") != tree.get("$id")] if _refers(tree) else []
    files = generate([Document("event.json", definition), tested, *_named(tested, others)], protocol(), Report())
    package = f"official_{draft.replace('-', '_')}_{name.replace('.', '_')}"
    imported(files, folder, package)
    module = importlib.import_module(f"{package}.suite")
    found: type[Event] = getattr(module, "".join(part.capitalize() for part in f"d{name}".split(".")))
    return found


def _refers(tree: Any) -> bool:
    """Whether a schema may refer to another document."""
    text = json.dumps({key: value for key, value in tree.items() if key != "$schema"})
    return any(sign in text for sign in (HOST, "json-schema.org", '"$id"'))


def _named(tested: Document, others: list[Document]) -> list[Document]:
    """The documents whose names occur in the tested one, or in a document that is named."""
    named: dict[str, Document] = {}
    waiting = [tested]
    while waiting:
        text = json.dumps(waiting.pop().tree)
        found = [each for each in others if each.path not in named and _name(each) in text]
        named |= {each.path: each for each in found}
        waiting += found
    return list(named.values())


def _name(document: Document) -> str:
    """What a reference to a document says at least."""
    return "json-schema.org" if document.path.startswith("meta/") else document.path.rsplit("/", 1)[-1]


def _run(draft: str, path: Path, folder: Path, score: Score) -> None:
    for index, group in enumerate(json.loads(path.read_text("utf-8"))):
        name = f"{draft.removeprefix('draft').partition('-')[0]}{re.sub('[^a-z]', '', path.stem.lower())}.g{index}"
        try:
            cls = _class(group["schema"], name, draft, folder)
        except SchemaErrors as error:
            reason = error.problems[0].message
            score.refused[f"{path.stem}: {group['description']}: {reason}"] = len(group["tests"])
            continue
        for test in group["tests"]:
            try:
                cls.from_json(_payload(f"d{name}", test["data"]))
                verdict = True
            except InvalidPayload:
                verdict = False
            case = f"{path.stem}: {group['description']}: {test['description']}"
            if verdict == test["valid"] or (ASSERTED.fullmatch(case) and not verdict):
                score.agree += 1
            else:
                score.disagree.append(f"{case}: expected {test['valid']}: {test['data']!r:.80}")


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_required_cases(draft: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No generated class disagrees with the suite; what is refused is listed here, with its reason."""
    if not (SUITE / "tests" / draft).is_dir():
        pytest.skip(f"this copy of the suite has no {draft}")
    score = Score()
    for path in sorted((SUITE / "tests" / draft).glob("*.json")):
        _run(draft, path, tmp_path, score)
    refused = sum(score.refused.values())
    with capsys.disabled():
        print(f"\n{draft}: {score.agree} agree, {refused} refused, {len(score.disagree)} disagree")
        print(*(f"  refused: {reason} ({count})" for reason, count in score.refused.items()), sep="\n")
    assert score.disagree == [], "\n".join(score.disagree)
    assert score.agree > SMALL[draft]
    assert all(any(why in reason for why in REFUSED) for reason in score.refused), score.refused
    assert refused <= MOST_REFUSED[draft]
