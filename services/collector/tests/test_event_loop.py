import asyncio
import sys

import pytest

from collector.event_loop import new_event_loop

uvloop = pytest.importorskip("uvloop")


@pytest.mark.parametrize(
    ("module", "expected"), [(uvloop, uvloop.Loop), (None, asyncio.SelectorEventLoop)], ids=["installed", "missing"]
)
def test_loop_is_uvloop_when_it_is_installed(monkeypatch, module, expected):
    monkeypatch.setitem(sys.modules, "uvloop", module)

    loop = new_event_loop()

    loop.close()
    assert isinstance(loop, expected)
