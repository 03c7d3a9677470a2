"""Tests in several processes: each has servers of its own, and no end of a run leaves anything."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.house import ROOT, wait_for
from tests.leftovers import MARK, processes, sweep
from tests.services import WORKER

OUTER = {WORKER, MARK, "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"}
"""What a run inside a run must not know of the one around it."""

COURSE = """
import json, os, pathlib, subprocess, sys, time, warnings
import pytest
from tests.house import wait_for
from tests.services import services

NOTES = pathlib.Path(__file__).parent / "notes"

each = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("one", "two")]
)

@each
def test_meets_the_other(name):
    note = {
        "folder": str(services.folder),
        "valkey": services.valkey.port,
        "postgres": services.postgres.url("postgres"),
    }
    (NOTES / name).write_text(json.dumps(note))
    wait_for(lambda: len(list(NOTES.iterdir())) == 2, 150, what="the other is here")

@pytest.mark.xdist_group("one")
def test_warns():
    warnings.warn("Somebody should look at this.")

@each
def test_stays(name):
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    (NOTES / name).write_text(json.dumps({"folder": str(services.folder)}))
    time.sleep(600)
"""


class Run:
    """pytest in two processes on `COURSE`; nothing of it is shared with the run around it."""

    def __init__(self, folder: Path, *selection: str) -> None:
        self._notes, self._log = folder / "notes", folder / "log"
        self._notes.mkdir()
        course = folder / "test_course.py"
        course.write_text(COURSE)
        options = (
            "-n2",
            "--dist=loadgroup",
            "-c",
            "pyproject.toml",
            "--rootdir=.",
            f"--basetemp={folder / 'base'}",
        )
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, *selection, str(course)],
                cwd=ROOT,
                env={name: value for name, value in os.environ.items() if name not in OUTER},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def notes(self) -> list[dict[str, Any]]:
        """What the two tests wrote down, once both have."""
        paths = wait_for(
            lambda: len(found := list(self._notes.iterdir())) == 2 and found,
            150,
            what="both processes are in a test",
        )
        return [
            wait_for(lambda p=path: p.read_text() and json.loads(p.read_text())) for path in paths
        ]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    with ExitStack() as stack:

        def start(*selection: str) -> Run:
            run = Run(tmp_path, *selection)
            stack.callback(run.process.wait)
            stack.callback(run.process.kill)
            return run

        yield start


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that came to its end, one of its three tests failed."""
    run = Run(tmp_path_factory.mktemp("run"), "-k", "meets or warns")
    run.process.wait(250)
    return run


def assert_nothing_is_left(notes: list[dict[str, Any]]) -> None:
    (folder,) = {Path(note["folder"]).parent for note in notes}
    try:
        assert list(processes(folder)) == []
        assert not folder.exists()
    finally:
        sweep(folder)


def test_each_process_has_servers_of_its_own(finished: Run) -> None:
    one, two = finished.notes()

    assert [key for key in one if one[key] == two[key]] == []
    assert_nothing_is_left([one, two])


def test_a_warning_fails_its_test_in_the_other_processes_too(finished: Run) -> None:
    assert "UserWarning: Somebody should look at this." in finished.said
    assert "1 failed, 2 passed" in finished.said


def test_the_seed_of_the_order_is_said(finished: Run) -> None:
    assert re.search(r"^Using --randomly-seed=\d+$", finished.said, re.MULTILINE)


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_leaves_nothing(begin: Callable[..., Run], how: str) -> None:
    run = begin("-k", "stays")
    notes = run.notes()
    if how == "Ctrl-C":
        os.killpg(run.process.pid, signal.SIGINT)
    else:
        run.process.send_signal(signal.SIGTERM)

    assert run.process.wait(100) == pytest.ExitCode.INTERRUPTED, run.said
    assert_nothing_is_left(notes)
