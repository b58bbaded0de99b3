"""What all tests of the server share, besides the fixtures of the public test kit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from csms.testing.logs import logging_as_it_was


@pytest.fixture(autouse=True)
def logging_stays() -> Iterator[None]:
    """No test hears less because of what another configured."""
    with logging_as_it_was():
        yield
