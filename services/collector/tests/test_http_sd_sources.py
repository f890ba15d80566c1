"""Target lists beside files and DNS names: labels, duplicates, and a collector that starts while a server is away."""

import asyncio
import socket
import time

import pytest

from collector.sentences.sentence import english
from collector.targets.dns import DnsTargets
from collector.targets.entry import HttpOptions
from collector.targets.files import TargetsFiles
from collector.targets.sources import TargetSources
from collector.tests.http_sd_server import ADDRESSES, ListServer, answering, listing

AWAY = answering(status=503)


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a script with a server and with sources of a file, a target list and a DNS name."""

    def start(script, respond=None, text="", dns=()):
        (tmp_path / "nodes.yaml").write_text(text)

        def look_up(_):
            if isinstance(dns, Exception):
                raise dns
            return [(socket.AF_INET, address) for address in dns]

        async def main():
            async with ListServer(respond or listing()) as server:
                names = DnsTargets([("pis", 9100)] if dns else [], 60.0, look_up)
                sources = TargetSources(TargetsFiles([tmp_path / "nodes.yaml"]), names, server.targets(60.0))
                await refreshed(sources)
                return await script(server, sources)

        return asyncio.run(main())

    return start


async def refreshed(sources):
    await asyncio.gather(*(each.refresh() for each in sources.http_sd.sources))
    await asyncio.gather(*(name.look_up() for name in sources.dns.names))
    return await sources.refresh()


def addresses(sources):
    return [target.address for target in sources.targets]


def problems(sources):
    return [english(problem) for problem in sources.problems]


def test_targets_have_the_labels_of_their_groups_and_change_with_the_list(run):
    async def script(server, sources):
        before = {target.address: (target.labels, target.http.scheme) for target in sources.targets}
        assert not await refreshed(sources)
        server.respond = listing([{"targets": ["pi.lan"], "labels": {"rack": "08"}}])
        assert await refreshed(sources)
        return before, {target.address: target.labels for target in sources.targets}

    before, after = run(script)

    assert before == {
        "10.0.0.7:9100": ({"rack": "07"}, "http"),
        "pi.lan:9100": ({"rack": "07"}, "http"),
        "10.0.0.8:9443": ({}, "https"),
    }
    assert after == {"pi.lan:9100": {"rack": "08"}}


def test_label_that_is_not_valid_is_left_out_and_reported(run):
    async def script(server, sources):
        found = problems(sources), [target.labels for target in sources.targets]
        server.respond = listing()
        await refreshed(sources)
        return *found, problems(sources), server.url().shown

    before, labels, after, shown = run(script, listing([{"targets": ["a"], "labels": {"rack": "1", "a-b": "x"}}]))

    assert len(before) == 1
    assert before[0].startswith(f"1 label in {shown} is left out: group 1: 'a-b' is not the name of a label")
    assert (labels, after) == ([{"rack": "1"}], [])


def test_address_of_several_sources_is_one_target(run):
    async def script(_, sources):
        return [(target.node, target.address, target.is_discovered, target.labels) for target in sources.targets]

    found = run(script, text="workers: [{host: 10.0.0.7, name: oven}]", dns=["10.0.0.7", "10.0.0.9"])

    assert found == [
        ("oven", "10.0.0.7:9100", False, {}),
        ("pi.lan:9100", "pi.lan:9100", True, {"rack": "07"}),
        ("10.0.0.8:9443", "10.0.0.8:9443", True, {}),
        ("10.0.0.9:9100", "10.0.0.9:9100", True, {}),
    ]


def test_error_keeps_the_targets_and_an_empty_list_removes_them(run):
    async def script(server, sources):
        server.respond = AWAY
        changed = await refreshed(sources)
        assert (changed, addresses(sources)) == (False, ADDRESSES)
        assert problems(sources) == [
            f"The target list {server.url().shown} cannot be read, its 3 previous targets stay in use: HTTP 503"
        ]
        server.respond = listing([])
        assert await refreshed(sources)
        assert (addresses(sources), problems(sources)) == ([], [f"The target list {server.url().shown} is empty"])

    run(script)


@pytest.mark.parametrize("is_dns_away", [False, True])
def test_previous_nodes_stay_until_the_first_answer(run, is_dns_away):
    former = ["local", "10.0.0.7:9100", "10.0.0.9:9100", "pi.lan:9100", "10.0.0.8:9443", "odd"]
    labels = {"10.0.0.9:9100": {"rack": "09"}, "pi.lan:9100": {"rack": "07"}}
    dns = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution") if is_dns_away else ()

    async def script(server, sources):
        assert sources.targets == ()
        assert sources.keep_addresses(former, labels)
        kept = {target.address: target.labels for target in sources.targets}
        server.respond = listing()
        await refreshed(sources)
        return kept, {target.address: target.labels for target in sources.targets}

    kept, after = run(script, AWAY, dns=dns)

    assert kept == {
        "10.0.0.7:9100": {},
        "10.0.0.9:9100": {"rack": "09"},
        "pi.lan:9100": {"rack": "07"},
        "10.0.0.8:9443": {},
    }
    answered = {"10.0.0.7:9100": {"rack": "07"}, "pi.lan:9100": {"rack": "07"}, "10.0.0.8:9443": {}}
    # Without an answer of DNS, numeric addresses with its port may still belong to its name.
    assert after == (answered | {"10.0.0.9:9100": {}} if is_dns_away else answered)


def test_previous_nodes_replace_own_nodes_when_the_own_answer_is_old(run, monkeypatch):
    async def script(server, sources):
        server.respond = AWAY
        await refreshed(sources)
        assert not sources.keep_addresses(["10.0.0.9:9100"])
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 3600)  # this collector was on standby
        assert sources.keep_addresses(["10.0.0.9:9100", "10.0.0.8:9443"])
        return [(target.address, target.http) for target in sources.targets]

    assert run(script) == [("10.0.0.9:9100", HttpOptions()), ("10.0.0.8:9443", HttpOptions(scheme="https"))]
