"""A scripted docker and a page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.live_product import FrontPage
from tests.drivers.scripted_docker import ScriptedDocker
from tests.drivers.serving import serving


@pytest.fixture
def page() -> Iterator[FrontPage]:
    with serving(FrontPage()) as server:
        yield server


@pytest.fixture
def docker(tmp_path: Path) -> ScriptedDocker:
    """Every command succeeds without output, in the test's own folder."""
    return ScriptedDocker(tmp_path)
