from __future__ import annotations

from tests.services import ON_SQLITE

# It brings its own PostgreSQL; the other run has done it.
collect_ignore = ["test_size.py"] if ON_SQLITE else []
