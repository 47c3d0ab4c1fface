"""pytest's fixtures: imgrel_mock, a mock of the test's own; imgrel_site, the same place, or, where
IMGREL_TEST_HARBOR_URL, _USER and _PASSWORD_FILE name one, a disposable project on a real Harbor."""
from __future__ import annotations

import os
import pathlib
from typing import Iterator

import pytest

from .mock import DisposableHarbor, Mock, Site


@pytest.fixture
def imgrel_mock() -> Iterator[Mock]:
    with Mock() as mock:
        yield mock


@pytest.fixture
def imgrel_site() -> Iterator[Site]:
    url = os.environ.get("IMGREL_TEST_HARBOR_URL")
    if not url:
        with Mock() as mock:
            yield mock
        return
    password = pathlib.Path(os.environ["IMGREL_TEST_HARBOR_PASSWORD_FILE"]).read_text().rstrip("\n")
    with DisposableHarbor(url, os.environ.get("IMGREL_TEST_HARBOR_USER", "admin"), password) as site:
        yield site
