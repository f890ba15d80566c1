"""Every test with the fixture ``manifests`` runs for each variant."""

import os
from pathlib import Path

import pytest

from tests.manifests import kube_score
from tests.manifests.model import Manifests
from tests.manifests.variants import VARIANTS, Variant, kustomize, manifests_of


@pytest.fixture(scope="session", autouse=True)
def _can_render() -> None:
    if kustomize() is None:
        pytest.exit("neither kubectl nor kustomize is on the PATH: install kubectl", returncode=1)


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant.name)
def variant(request: pytest.FixtureRequest) -> Variant:
    """Each variant in turn."""
    return request.param


@pytest.fixture
def manifests(variant: Variant) -> Manifests:
    """The objects of ``variant``; read-only."""
    return manifests_of(variant.name)


@pytest.fixture(scope="session")
def linter() -> Path:
    """The path of kube-score."""
    found = kube_score.program()
    if found is None:
        missing = "no kube-score, which Go builds: .venv/bin/python -m tests.prepare --for-check"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found
