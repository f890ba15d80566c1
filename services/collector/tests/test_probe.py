import asyncio

import pytest

from collector.local import LocalProbe
from collector.sample import Sample
from collector.scrape import HttpProbe, make_probe, open_session
from collector.targets.dns import Resolver


@pytest.fixture
def local(target):
    return target("local", address="local", node="laptop")


def made(target, local_exporter=None):
    async def make():
        resolver = Resolver()
        async with open_session(resolver) as session:
            probe = make_probe(target, session, resolver, timeout_seconds=20.0, local_exporter=local_exporter)
            return probe, await probe.scrape() if target.is_local else None

    return asyncio.run(make())


def test_other_machine_is_scraped_through_its_own_exporter_whatever_is_set(target):
    probe, _ = made(target("pi.lan"), ("exporter", 9200))

    assert isinstance(probe, HttpProbe)
    assert probe.host == "pi.lan"


def test_this_machine_is_read_without_an_exporter_when_none_is_set(local):
    assert isinstance(made(local)[0], LocalProbe)


def test_this_machine_is_scraped_through_an_exporter_when_one_is_set(local, exporter):
    probe, result = made(local, ("127.0.0.1", exporter))

    assert isinstance(probe, HttpProbe)
    assert isinstance(result, Sample)
    assert result.host_name == "node6"
