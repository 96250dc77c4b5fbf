"""The site: it builds without a warning and without the network, and every public name and every page is in it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from typing import is_typeddict
from urllib.parse import unquote, urldefrag

import mega_typed
import pytest
from mega_codegen import cli

from .pages import ROOT

PAGE = (ROOT / "docs" / "mega-codegen.md").read_text(encoding="utf-8")

MODULES = [
    "mega_typed",
    "mega_typed.match",
    "mega_typed.testing",
    "mega_typed.aws_lambda",
    "mega_typed.open_telemetry",
    "mega_typed.local",
    "mega_codegen",
]
STORES = ["mega_typed.idempotency", "mega_typed.idempotency_sqlite", "mega_typed.idempotency_dynamodb"]


def stored(module: str) -> list[str]:
    """The stores that a module offers."""
    return [name for name, _ in inspect.getmembers(importlib.import_module(module)) if name.endswith("Store")]


PUBLIC = [
    *(f"{module}.{name}" for module in MODULES for name in importlib.import_module(module).__all__),
    *(f"{module}.{name}" for module in STORES for name in stored(module) if name != "IdempotencyStore"),
]


class Links(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.to: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.to.add(found["href"])
        elif tag in {"script", "img", "iframe"}:
            self.loaded.add(found.get("src", ""))
        elif tag == "link":
            self.loaded.add(found.get("href", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    call = ["sphinx-build", "-c", "docs", "--fresh-env", "--fail-on-warning", "--keep-going", "--quiet"]
    assert " ".join(call) in (ROOT / "Makefile").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *call[1:], "-d", folder / "doctrees", ROOT, folder / "html"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    """All pages of the site."""
    return {page: Links(page) for page in site.rglob("*.html")}


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    """Each has an entry of its own, which says what it is."""
    reference = "".join(page.read_text(encoding="utf-8") for page in (site / "docs" / "reference").glob("*.html"))
    entry = re.compile(r' id="(mega_[\w.]+)">(?:(?! id="mega_).)*?</dt>\s*<dd>\s*<p>(.*?)</p>', re.DOTALL)
    said = {name: re.sub(r"<.*?>", "", text) for name, text in entry.findall(reference)}
    assert set(PUBLIC) - {name for name, text in said.items() if text and not text.startswith("alias of")} == set()


def test_no_entry_depends_on_the_run(site: Path) -> None:
    """No signature has the address of an object in it."""
    assert [page.name for page in site.rglob("*.html") if "object at 0x" in page.read_text(encoding="utf-8")] == []


def parts(public: type) -> set[str]:
    """Members of an enumeration, fields of a record."""
    if issubclass(public, Enum):
        return {member.name for member in public}
    if dataclasses.is_dataclass(public):
        return {field.name for field in dataclasses.fields(public) if not field.name.startswith("_")}
    if is_typeddict(public):
        return set(public.__annotations__)
    return set(getattr(public, "_fields", ()))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_part_of_a_public_type_is_explained(name: str) -> None:
    """The docstring has a line for each member and field, and each public method has a docstring."""
    module, _, attribute = name.rpartition(".")
    public = getattr(importlib.import_module(module), attribute)
    if not inspect.isclass(public):
        return
    assert {part for part in parts(public) if f"    {part}: " not in (public.__doc__ or "")} == set()
    methods = [each for each in vars(public) if not each.startswith("_") and inspect.isroutine(getattr(public, each))]
    assert [each for each in methods if not inspect.getdoc(getattr(public, each))] == []


def test_what_is_exported_is_sorted() -> None:
    """The list can be searched by eye."""
    assert mega_typed.__all__ == sorted(mega_typed.__all__)


def test_every_page_is_in_the_navigation(site: Path, pages: dict[Path, Links]) -> None:
    """From every page a reader finds every other: each file of docs/ is a page, and the side bar has it."""
    sources = [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / f"{name}.md" for name in ("PATTERNS", "ARCHITECTURE", "CHANGELOG")),
    ]
    built = {(site / page.relative_to(ROOT)).with_suffix(".html") for page in sources}
    home = site / "docs" / "index.html"
    listed = {(home.parent / urldefrag(link).url).resolve() for link in pages[home].to if "://" not in link}
    assert built - listed == {home} - listed


def test_every_link_inside_the_site_leads_somewhere(pages: dict[Path, Links]) -> None:
    """The page is there, and so is the place in it."""
    broken = []
    for page, links in pages.items():
        for link in links.to:
            if re.match(r"\w+:", link):
                continue
            url, anchor = urldefrag(link)
            target = (page.parent / unquote(url)).resolve() if url else page
            if not target.exists() or (anchor and target in pages and unquote(anchor) not in pages[target].anchors):
                broken.append((page.name, link))
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Links]) -> None:
    """A reader without a network sees the same site, and no third party sees the reader."""
    assert {link for links in pages.values() for link in links.loaded if "//" in link} == set()


def test_the_front_door_leads_to_the_first_page(site: Path) -> None:
    """Whoever opens the folder of the site arrives."""
    assert "docs/index.html" in Links(site / "index.html").to


# --- the command mega-codegen -----------------------------------------------------------------------------------------


PARSERS = {"generate": cli._generate_parser, **{name: parser for name, (parser, _) in cli.COMMANDS.items()}}


@pytest.mark.parametrize("name", PARSERS)
def test_every_command_and_option_of_the_generator_is_documented(name: str) -> None:
    """The section of a command lists its arguments and no others."""
    actions = [each for each in PARSERS[name]()._actions if "-h" not in each.option_strings]
    written = {each.option_strings[-1] if each.option_strings else each.dest for each in actions}
    section = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == written
