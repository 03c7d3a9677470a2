from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.house import Builder, House


@pytest.fixture(scope="module")
def door(_builder: Builder) -> Iterator[House]:
    """An empty shop for requests that are all refused: nothing is left of one for the next."""
    house = _builder.build(orders=0, database="postgresql")
    yield house
    _builder.demolish(house)
