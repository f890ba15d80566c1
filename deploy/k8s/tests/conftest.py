"""Renderings, to be looked at and broken."""

import copy
import os
from collections.abc import Callable
from functools import cache

import pytest

from deploy.k8s.check.documents import Documents
from deploy.k8s.check.rendering import RenderingError, kustomize, parse, render
from deploy.k8s.check.variants import variants

Rendered = Callable[[str], Documents]


@cache
def _documents(name: str) -> Documents:
    return parse(render(next(variant for variant in variants() if variant.name == name)))


@pytest.fixture
def rendered() -> Rendered:
    """The documents of a variant, by its name, for a test to change."""
    try:
        kustomize()
    except RenderingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    return lambda name: copy.deepcopy(_documents(name))
