"""DNS names as targets, with a fake name service."""

import asyncio
import json
import socket
import threading
import time

import pytest

from collector.metrics import DNS_FAILURES
from collector.sentences.sentence import english
from collector.targets.dns import DnsTargets
from collector.targets.files import TargetsFiles
from collector.targets.sources import TargetSources
from collector.targets.target import NAMES_BYTES, TARGETS_LIMIT, names_bytes
from tests.drivers.waiting import until

DEADLINE_SECONDS = 20.0
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NO_DATA = socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")
AWAY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
FAILED = socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution")


def problems_of(followed):
    """Return the English texts of the problems."""
    return [english(problem) for problem in followed.problems]


class Names:
    """A fake name service: the answer for each name, and the names that were looked up."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def look_up(self, host):
        self.asked.append(host)
        answer = self.answers[host]
        if isinstance(answer, threading.Event):
            answer.wait(DEADLINE_SECONDS)
            answer = ["10.0.9.9"]
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in answer]


@pytest.fixture
def names():
    return Names(pis=["10.0.0.7", "10.0.0.6"])


def dns_of(names, *hosts, interval_seconds=0.05):
    return DnsTargets([(host, 9100) for host in hosts or ("pis",)], interval_seconds, names.look_up)


def addresses(dns):
    return [entry.address for entry in dns.entries]


async def look(dns):
    await asyncio.gather(*(name.look_up() for name in dns.names))


def failures(reason):
    return DNS_FAILURES.labels(reason)._value.get()


def test_every_address_of_a_name_is_a_target(names):
    names.answers["pis"] = ["10.0.0.7", "fd00::6", "10.0.0.6", "10.0.0.7"]
    dns = dns_of(names)
    assert dns.entries == []
    assert dns.unanswered_ports == {9100}

    asyncio.run(look(dns))

    assert addresses(dns) == ["10.0.0.6:9100", "10.0.0.7:9100", "[fd00::6]:9100"]
    assert all(entry.is_discovered for entry in dns.entries)
    assert (problems_of(dns), dns.unanswered_ports) == ([], set())
    assert (dns.has_changed(), dns.has_changed()) == (True, False)


@pytest.mark.parametrize("nothing", [UNKNOWN, NO_DATA, []])
def test_name_without_an_address_has_no_targets(names, nothing):
    dns = dns_of(names)
    asyncio.run(look(dns))

    names.answers["pis"] = nothing
    asyncio.run(look(dns))

    assert (addresses(dns), problems_of(dns), dns.unanswered_ports) == ([], [], set())


@pytest.mark.parametrize("failure", [AWAY, FAILED, OSError("odd"), RuntimeError("bug")])
def test_targets_stay_and_a_problem_is_reported_when_the_lookup_fails(names, failure):
    dns = dns_of(names)
    asyncio.run(look(dns))
    dns.has_changed()
    before = failures("error")

    names.answers["pis"] = failure
    asyncio.run(look(dns))

    assert addresses(dns) == ["10.0.0.6:9100", "10.0.0.7:9100"]
    [problem] = problems_of(dns)
    assert problem.startswith("The DNS name pis cannot be looked up, its 2 previous targets stay in use: ")
    assert failures("error") == before + 1
    assert not dns.has_changed()
    names.answers["pis"] = ["10.0.0.8"]
    asyncio.run(look(dns))
    assert (addresses(dns), problems_of(dns)) == (["10.0.0.8:9100"], [])


def test_name_counts_as_unknown_when_its_first_lookup_fails(names):
    names.answers["pis"] = AWAY
    dns = dns_of(names)

    asyncio.run(look(dns))

    assert dns.unanswered_ports == {9100}
    assert problems_of(dns) == ["The DNS name pis cannot be looked up: Temporary failure in name resolution"]


def test_names_are_looked_up_again_and_again_when_they_are_followed(names):
    async def run():
        dns = dns_of(names)
        dns.start()
        await asyncio.wait_for(dns.first_lookups_done(), DEADLINE_SECONDS)
        assert addresses(dns) == ["10.0.0.6:9100", "10.0.0.7:9100"]
        names.answers["pis"] = ["10.0.0.6"]
        await until(lambda: addresses(dns) == ["10.0.0.6:9100"])
        names.answers["pis"] = RuntimeError("bug")
        await until(lambda: problems_of(dns))
        names.answers["pis"] = ["10.0.0.5"]
        await until(lambda: addresses(dns) == ["10.0.0.5:9100"])
        await dns.stop()
        count = len(names.asked)
        await asyncio.sleep(0.2)
        assert len(names.asked) == count

    asyncio.run(run())


def test_hanging_lookup_is_not_repeated_and_does_not_delay_other_names(names, monkeypatch):
    monkeypatch.setattr("collector.targets.dns.LOOKUP_SECONDS", 0.2)
    release = names.answers["slow"] = threading.Event()

    async def run():
        dns = dns_of(names, "slow", "pis")
        dns.start()
        # Waiting for the first lookups takes no longer than the time limit of a lookup.
        await asyncio.wait_for(dns.first_lookups_done(), DEADLINE_SECONDS)
        await until(lambda: names.asked.count("pis") > 10)
        assert names.asked.count("slow") == 1
        # On a busy machine, the other lookup may be late.
        await until(lambda: problems_of(dns) == ["The DNS name slow cannot be looked up: no answer within 0.2 s"])
        assert addresses(dns) == ["10.0.0.6:9100", "10.0.0.7:9100"]
        assert failures("timeout") >= 1
        release.set()
        await until(lambda: not problems_of(dns))
        assert addresses(dns) == ["10.0.9.9:9100", "10.0.0.6:9100", "10.0.0.7:9100"]
        await dns.stop()

    asyncio.run(run())


def test_loopback_is_found_when_the_system_is_asked():
    dns = DnsTargets([("localhost", 9200)], 1.0)

    asyncio.run(look(dns))

    assert set(addresses(dns)) & {"127.0.0.1:9200", "[::1]:9200"}


# All sources


@pytest.fixture
def sources(tmp_path, names):
    def make(text="", *hosts, interval_seconds=0.05):
        (tmp_path / "nodes.yaml").write_text(text)
        return TargetSources(
            TargetsFiles([tmp_path / "nodes.yaml", tmp_path / "sd" / "*.json"]),
            dns_of(names, *hosts, interval_seconds=interval_seconds),
        )

    return make


def targets(sources):
    return [(target.node, target.is_discovered) for target in sources.targets]


async def look_at(sources):
    await look(sources.dns)
    return await sources.refresh()


def test_listed_target_has_priority_when_it_is_also_discovered(sources):
    both = sources("workers: [{host: 10.0.0.7, name: oven}]")

    assert asyncio.run(look_at(both))

    assert targets(both) == [("oven", False), ("10.0.0.6:9100", True)]
    assert not asyncio.run(look_at(both))


def test_discovered_targets_beyond_the_limit_are_left_out_and_reported(sources, names):
    names.answers["pis"] = [f"10.1.{number // 250}.{number % 250}" for number in range(TARGETS_LIMIT)]
    both = sources("workers: [a, b]")
    asyncio.run(look_at(both))

    assert len(both.targets) == TARGETS_LIMIT
    assert problems_of(both)[0] == "2 discovered targets are left out: one collector accepts at most 4,000"
    before = set(both.targets)
    # Targets in force stay, at any position of new targets.
    names.answers["pis"] += ["10.0.0.1", "10.0.0.2"]
    asyncio.run(look_at(both))
    assert set(both.targets) == before
    names.answers["pis"] = ["10.0.0.1"]
    asyncio.run(look_at(both))
    assert (len(both.targets), problems_of(both)) == (3, [])


def test_previous_addresses_stay_until_each_name_with_their_port_has_an_answer(sources, names):
    names.answers["pis"] = AWAY
    both = sources("workers: [10.0.0.1]")
    asyncio.run(look_at(both))
    former = ["local", "10.0.0.1:9100", "10.0.0.6:9100", "[fd00::6]:9100", "10.0.0.8:9200", "pi.lan:9100", "odd"]

    assert both.keep_addresses(former)

    assert targets(both) == [("10.0.0.1", False), ("10.0.0.6:9100", True), ("[fd00::6]:9100", True)]
    names.answers["pis"] = ["10.0.0.6"]
    assert asyncio.run(look_at(both))
    assert targets(both) == [("10.0.0.1", False), ("10.0.0.6:9100", True)]
    # Another failure of DNS does not bring them back.
    names.answers["pis"] = AWAY
    asyncio.run(look_at(both))
    assert targets(both) == [("10.0.0.1", False), ("10.0.0.6:9100", True)]


def test_previous_addresses_replace_own_addresses_when_own_answers_are_old(sources, names, monkeypatch):
    both = sources("", interval_seconds=2.0)
    asyncio.run(look_at(both))
    both.keep_addresses(["10.0.0.9:9100"])
    assert targets(both) == [("10.0.0.6:9100", True), ("10.0.0.7:9100", True)]

    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)  # this collector was paused
    both.keep_addresses(["10.0.0.9:9100"])

    assert targets(both) == [("10.0.0.9:9100", True)]


def test_empty_sources_are_reported_when_there_are_no_targets(sources, names, tmp_path):
    names.answers["pis"] = UNKNOWN
    both = sources("")
    assert problems_of(both) == [f"No file matches {tmp_path}/sd/*.json"]

    asyncio.run(look_at(both))

    assert problems_of(both) == [f"No file matches {tmp_path}/sd/*.json", "The DNS name pis has no address"]
    (tmp_path / "nodes.yaml").write_text("workers: [a]")
    asyncio.run(look_at(both))
    assert problems_of(both) == []


def test_targets_are_left_out_and_reported_when_their_addresses_are_too_long_for_a_message(sources, names):
    text = json.dumps([{"targets": [f"{number:04}.{'.'.join(['x' * 49] * 4)}" for number in range(4000)]}])
    many = sources(text)

    assert 0 < len(many.targets) < 4000
    assert names_bytes(many.targets) <= NAMES_BYTES
    left_out = 4000 - len(many.targets)
    assert problems_of(many)[0] == f"{left_out:,} discovered targets are left out: one collector accepts at most 4,000"


def labels(both):
    return {target.address: target.labels for target in both.targets}


def test_discovered_targets_have_labels_of_files_when_dns_lists_them_too(sources, names):
    names.answers["pis"] = ["10.0.0.6", "10.0.0.7"]
    both = sources('[{"targets": ["10.0.0.6", "10.0.0.8"], "labels": {"zone": "north"}}]')

    asyncio.run(look_at(both))

    assert labels(both) == {"10.0.0.6:9100": {"zone": "north"}, "10.0.0.7:9100": {}, "10.0.0.8:9100": {"zone": "north"}}


def test_targets_change_when_only_a_label_changes(sources, tmp_path):
    both = sources("workers: [{host: a, labels: {rack: '07'}}]")
    assert labels(both) == {"a:9100": {"rack": "07"}}

    (tmp_path / "nodes.yaml").write_text("workers: [{host: a, labels: {rack: '08'}}]")

    assert asyncio.run(both.refresh())
    assert labels(both) == {"a:9100": {"rack": "08"}}
    assert not asyncio.run(both.refresh())


def test_labels_of_discovered_targets_are_left_out_when_they_do_not_fit_a_message(sources):
    targets = [f"node{number:04}.{'x' * 40}.lan" for number in range(4000)]
    few = sources(json.dumps([{"targets": targets[:3000], "labels": {"x": "y" * 199}}]))
    assert (len(few.targets), problems_of(few)) == (3000, [])
    assert few.targets[0].labels

    many = sources(json.dumps([{"targets": targets, "labels": {"x": "y" * 199}}]))

    # The nodes stay: releases without labels had all of them.
    assert len(many.targets) == 4000
    assert not any(target.labels for target in many.targets)
    assert problems_of(many) == [
        "All labels of the discovered nodes are left out: the labels take 820,000 bytes, "
        "and a message has room for 313,728"
    ]


def test_labels_that_are_left_out_are_reported_in_the_health(sources):
    both = sources('[{"targets": ["a"], "labels": {"rack": 7}}]')

    [problem] = problems_of(both)
    assert "1 label in" in problem
    assert len(both.targets) == 1
