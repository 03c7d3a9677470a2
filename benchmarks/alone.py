"""Packages that are here for others: what does not need them must not pay for them.

pyarrow imports pandas and openpyxl numpy where they find them, which is up to 60 MiB of memory and
none of their own requirements. The benchmark's environment has both, for the readers of the tests
and for our own package.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_hidden: set[str] = set()


class _Others(PathFinder):
    """Finds what is installed, but for those."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return None if fullname in _hidden else PathFinder.find_spec(fullname, path, target)


def hide(*packages: str) -> None:
    """From now on they are not found in this process, as where they are not installed.

    None in sys.modules would do as well, but psycopg looks there to see whether numpy is in use.
    """
    _hidden.update(packages)
    sys.meta_path[:] = [_Others if each is PathFinder else each for each in sys.meta_path]
