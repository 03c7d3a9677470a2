"""Every text that people read is translated, into all languages that are shipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polib
import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "exportapp" / "locale"
LANGUAGES = ("de", "zh_Hans")
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())

Name = tuple[str | None, str, str]
"""Context, message and its plural."""

PLACEHOLDER = re.compile(r"%%|%(?:\(\w+\))?[a-z]|\{\w+[^{}]*\}")

SAME_EVERYWHERE = {"SHA-256"}

OF_DJANGO = {"Delete", "Home", "and", "no", "or", "resumed", "yes"}
"""Words that mean the same in every app."""

NO_TEXT = {
    "comment": "endcomment",
    "blocktranslate": "endblocktranslate",
    "block bodyclass": "endblock",
}
"""Tags that hold something else than text, or text that is marked."""

READ = {"alt", "aria-label", "placeholder", "title"}
"""Attributes whose value people read or hear."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> set[Name]:
    """What the code and the templates say now, laid out as in the wheel."""
    if not shutil.which("xgettext"):
        pytest.skip("xgettext is missing: install gettext (tests/install does)")
    package = tmp_path_factory.mktemp("messages") / "exportapp"
    shutil.copytree(ROOT / "exportapp", package, ignore=shutil.ignore_patterns("*.pyc", "locale"))
    shutil.copytree(ROOT / "templates", package / "templates")
    (package / "locale").mkdir()
    command = ["-m", "django", "makemessages", "--locale", "de", "--keep-pot"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "", "PYTHONPATH": ""}
    subprocess.run([sys.executable, *command], cwd=package, env=environment, check=True)
    return set(map(name_of, polib.pofile(str(package / "locale" / "django.pot"))))


def catalogue(language: str) -> Any:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def name_of(entry: Any) -> Name:
    return entry.msgctxt or None, entry.msgid, entry.msgid_plural


def forms_of(entry: Any) -> list[str]:
    plural = entry.msgstr_plural
    return [plural[number] for number in sorted(plural)] if plural else [entry.msgstr]


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_said_is_translated_and_nothing_else(language: str, said: set[Name]) -> None:
    found = catalogue(language)
    there = set(map(name_of, found))

    assert len(said) > 500
    assert not said - there, "run `make messages` and translate what is new"
    assert not there - said, "run `make messages`: nobody says these any more"
    assert not [entry.msgid for entry in found if not entry.translated()]
    assert not [entry.msgid for entry in found.fuzzy_entries()]
    assert not [entry.msgid for entry in found.obsolete_entries()]
    # xgettext does not read such escapes: the text that is looked for is another one.
    assert not [entry.msgid for entry in found if "\\u" in entry.msgid]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = polib.mofile(str(LOCALE / language / "LC_MESSAGES" / "django.mo"))

    written = {name_of(entry): forms_of(entry) for entry in catalogue(language)}
    assert {name_of(entry): forms_of(entry) for entry in compiled} == written


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_placeholders_of_their_message(language: str) -> None:
    for entry in catalogue(language):
        valid = [placeholders(text) for text in (entry.msgid, entry.msgid_plural) if text]
        for text in forms_of(entry):
            assert placeholders(text) in valid, (entry.msgid, text)
        # One form of many, such as Chinese has, stands for all numbers.
        if entry.msgid_plural:
            assert placeholders(forms_of(entry)[-1]) == valid[-1], entry.msgid


def placeholders(text: str) -> list[str]:
    return sorted(set(PLACEHOLDER.findall(text)))


def test_a_single_word_is_said_of_exports_alone() -> None:
    """Django has one catalogue for all apps: an order of columns must not rename a shop's."""
    alone = {entry.msgid for entry in catalogue("de") if re.fullmatch(r"[\w-]+", entry.msgid)}
    without = {entry.msgid for entry in catalogue("de") if not entry.msgctxt}

    assert alone & without <= OF_DJANGO


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_say_nothing_without_a_tag_for_it(path: Path) -> None:
    assert not set(untranslated(path.read_text())) - SAME_EVERYWHERE


def test_a_text_outside_of_a_tag_would_be_found() -> None:
    template = (
        '{% if a %}<b title="Say">{{ b }} rows</b>{% translate "Fine" %}{% endif %}{# Fine #}'
    )

    assert list(untranslated(template)) == ["Say", "rows"]


def untranslated(template: str) -> Iterator[str]:
    """Words between the tags and in attributes that people read."""
    plain = re.sub(r"\{#.*?#\}", "", template)
    for name, end in NO_TEXT.items():
        plain = re.sub(rf"\{{% {name}\b.*?\{{% {end} %\}}", "", plain, flags=re.DOTALL)
    texts = Texts()
    texts.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", plain, flags=re.DOTALL))
    texts.close()
    for found in texts.found:
        # A template may be the attributes of an element that another one begins.
        text = re.sub(r'[\w-]+="[^"]*"|\bdata-[\w-]+', "", found)
        if re.search(r"[^\W\d_]{2}", text):
            yield text.strip()


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = READ | ({"value"} if tag == "input" and ("type", "submit") in attrs else set())
        self.found += [value for name, value in attrs if name in said and value]

    def handle_data(self, data: str) -> None:
        self.found.append(data)
