"""What is read on one or two screens: no module and no function is longer than that."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = [*sorted((ROOT / "exportapp").rglob("*.py")), *sorted((ROOT / "project").rglob("*.py"))]
CODE += sorted((ROOT / "benchmarks").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TESTS = [path for path in TESTS if "node_modules" not in path.parts]
"""Of these the modules alone: the functions of a test may be as long as what they tell."""

MOST_OF_FILE = 250
MOST_OF_FUNCTION = 50


def functions() -> Iterator[tuple[str, int]]:
    """The name and the lines of each, without its decorators."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno
                place = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                yield place, node.end_lineno - node.lineno + 1


def test_no_module_is_longer_than_it_may_be() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in CODE + TESTS
    }

    assert {"exportapp/jobs/work.py", "tests/jobs/test_work.py"} <= lines.keys()
    assert {name: count for name, count in lines.items() if count > MOST_OF_FILE} == {}


def test_no_function_is_longer_than_it_may_be() -> None:
    lines = dict(functions())

    assert len(lines) > 500
    assert {name: count for name, count in lines.items() if count > MOST_OF_FUNCTION} == {}
