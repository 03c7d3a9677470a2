from __future__ import annotations

import pytest

from tests.xlsx.books import shard_files


@pytest.fixture
def shards(tmp_path):
    files = shard_files(tmp_path, [40, 1, 200, 7])
    yield files
    for file, _ in files:
        file.close()
