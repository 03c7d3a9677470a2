"""The documentation against the code: what it names exists and what it lists is complete."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.utils.text import slugify

from exportapp import exceptions
from exportapp.admin.advice import ADVICE
from exportapp.conf import Settings
from exportapp.exceptions import (
    ExportError,
    FileExpired,
    FileUnknown,
    LeaseLost,
    WorkInterrupted,
)
from exportapp.jobs.errortable import TABLE
from exportapp.management.request import with_orders_joined
from exportapp.states import JOB_EDGES, SHARD_EDGES

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
README, CHANGELOG, *DOCS = PAGES
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def section(page: Path, heading: str) -> str:
    """The text under a heading, down to the next of any level."""
    text = page.read_text()
    assert text.count(f"\n{heading}\n") == 1, heading
    return re.split(r"^#+ ", text.partition(f"\n{heading}\n")[2], flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, its marks of code taken off; headers left out."""
    lines = re.findall(r"^\| (.+) \|$\n?", text, re.MULTILINE)
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return [row for row in cells if row[0].startswith("`")]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def command_lines(page: Path) -> Iterator[list[str]]:
    """Words of each manage.py or make line, comments gone and continued lines joined."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(("python manage.py ", "make ")):
                yield shlex.split(line, comments=True)


def test_every_setting_is_listed_with_its_default() -> None:
    page = ROOT / "docs" / "settings.md"
    listed = {names(row[0])[0]: names(row[1])[0] for row in rows(section(page, "## Of exportapp"))}
    defaults = {
        f"EXPORTAPP_{name}": value for name, value in vars(Settings).items() if name.isupper()
    }

    assert list(listed) == list(defaults)
    assert {name: ast.literal_eval(value) for name, value in listed.items()} == defaults


@each_page
def test_a_setting_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"EXPORTAPP_([A-Z]+(?:_[A-Z]+)*)\b", page.read_text()))

    assert named <= vars(Settings).keys()


@pytest.mark.parametrize(
    ("heading", "edges"), [("### Of a job", JOB_EDGES), ("### Of a shard", SHARD_EDGES)]
)
def test_the_tables_of_states_are_those_of_the_code(heading: str, edges: dict[Any, Any]) -> None:
    listed = rows(section(ROOT / "docs" / "architecture.md", heading))
    known = [
        [f"`{before}`", f"`{after}`", reason]
        for before, ends in edges.items()
        for after, reason in ends.items()
    ]

    assert listed == known


def test_every_error_that_fails_an_export_has_advice_and_no_other() -> None:
    listed = rows(section(ROOT / "docs" / "operations.md", "## When an export failed"))
    documented = {code for row in listed for code in names(row[0])}
    # What is done again without end never fails an export, nor does what a person waits for.
    signals = {kind.code for kind in (LeaseLost, WorkInterrupted)}
    signals |= {FileExpired.code, FileUnknown.code}
    must = {row.verdict.code for row in TABLE} - signals | ADVICE.keys()
    own = {
        kind.code
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, ExportError)
    }

    assert must <= documented
    assert documented <= must | own


@each_page
def test_printed_commands_are_taken_by_their_parser(page: Path) -> None:
    for program, _, name, *given in (words for words in command_lines(page) if words[2:]):
        if program == "make":
            continue
        assert name in get_commands(), name
        owner = get_commands()[name]
        command = load_command_class(owner, name) if isinstance(owner, str) else owner
        parser = command.create_parser("manage.py", name)
        parser.parse_args(with_orders_joined(given))


@each_page
def test_commands_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+) \?=", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = [words[1:] for words in command_lines(page) if words[:1] == ["make"]]
    made += [shlex.split(line) for line in re.findall(r"`make ([^`]+)`", text)]

    assert set(re.findall(r"manage\.py ([a-z_-]+)", text)) <= get_commands().keys()
    for word in (word for words in made for word in words):
        name, equals, _ = word.partition("=")
        assert name in (variables if equals else targets), word


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), target
        headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in map(slugify, headings), target


def test_every_page_is_linked_from_the_readme() -> None:
    for page in DOCS:
        assert f"](docs/{page.name}" in README.read_text(), page


def test_versions_agree() -> None:
    assert re.findall(r"^Version (\S+), ", README.read_text(), re.MULTILINE) == [VERSION]
    assert re.findall(r"^## \[(\S+)\]", CHANGELOG.read_text(), re.MULTILINE)[0] == VERSION


@each_page
def test_python_in_the_pages_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


def test_readme_and_quickstart_have_the_same_settings() -> None:
    first = [blocks(page, "python")[0] for page in (README, ROOT / "docs" / "quickstart.md")]

    assert "INSTALLED_APPS" in first[0]
    assert first[0] == first[1]


def test_every_promise_names_tests_that_exist() -> None:
    page = ROOT / "docs" / "reliability.md"
    table = re.findall(r"^\| (.+) \| (.+) \|$", page.read_text(), re.MULTILINE)
    kept = [names(cell) for promise, cell in table if promise not in ("promise", "---")]

    assert len(kept) > 30
    for named in kept:
        assert named
        for path, _, name in (test.partition("::") for test in named):
            assert f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"
