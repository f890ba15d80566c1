"""A pytest plugin, ``-p tests.python313.in_process``: only tests that stay in pytest's own process are run."""

import subprocess

import pytest

from tests.drivers.process import Process, python

#: Fixtures that start a process of the product.
FIXTURES = frozenset({"copies", "run_api", "replicas", "start_api"})
#: A module that has one of these starts a process of the product, or a command.
STARTERS = (subprocess, Process, python)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other tests out."""
    left_out = {item for item in items if _starts_a_process(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def _starts_a_process(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    names = vars(item.module).values()
    return not FIXTURES.isdisjoint(item.fixturenames) or any(value is each for value in names for each in STARTERS)
