"""What stands in the way of a start, as sentences that say what helps."""

from dataclasses import replace

import pytest

from deploy.compose.facts import Facts, Port
from deploy.compose.findings import Finding, judge, numbers

GOOD = Facts(
    engine_version="20.10.24+dfsg1",
    api_version="1.41",
    compose_version="2.20.0",
    memory_available_bytes=600_000_000,
    docker_root="/var/lib/docker",
    disk_free_bytes=2_000_000_000,
    port=Port("127.0.0.1", 8085),
)


def only(facts: Facts, **options: bool) -> Finding:
    findings = list(judge(facts, **options))
    assert len(findings) == 1, findings
    return findings[0]


def test_machine_that_just_suffices_has_no_findings() -> None:
    assert list(judge(GOOD)) == []
    assert list(judge(replace(GOOD, images_missing=("a",)))) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(GOOD, has_client=False), "docs.docker.com/engine/install"),
        (replace(GOOD, engine_error="permission denied while trying to connect"), "usermod -aG docker"),
        (replace(GOOD, engine_error="Cannot connect to the Docker daemon"), "systemctl start docker"),
        (replace(GOOD, engine_error="client version 1.23 is too old. Minimum is 1.44"), "update the older one"),
        (replace(GOOD, engine_version="19.03.15", api_version="1.40"), "is 19.03.15 (API 1.40), and 20.10"),
        (replace(GOOD, engine_version="", api_version="1.40"), "API 1.41"),
        (replace(GOOD, compose_error="docker: 'compose' is not a docker command."), "Docker has no compose"),
        (replace(GOOD, compose_version="2.19.1"), "is 2.19.1, and 2.20"),
        (replace(GOOD, compose_version="5.1.0"), "5.1.0 does not talk"),
        (replace(GOOD, config_error="yaml: line 3"), "yaml: line 3"),
        (replace(GOOD, port=Port("127.0.0.1", 8085, taken=" by nginx (process 9)", other=8090)), "taken by nginx"),
        (replace(GOOD, port=Port("127.0.0.1", 8085, taken="", other=8090)), "PORT=8090"),
        (replace(GOOD, port=Port("10.9.9.9", 8085, error="Cannot assign")), "PUBLIC_HOST=10.9.9.9 is no address"),
        (replace(GOOD, images_missing=("a",), disk_free_bytes=999_999_999), "too few to build"),
    ],
)
def test_finding_refuses_and_says_what_helps_when(facts: Facts, words: str) -> None:
    finding = only(facts)
    assert finding.refuses
    assert words in finding.text


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(GOOD, memory_available_bytes=599_000_000), "599 MB"),
        (replace(GOOD, limits_memory=False), "cgroup_enable=memory cgroup_memory=1"),
        (replace(GOOD, disk_free_bytes=1_999_999_999), "(/var/lib/docker)"),
        (replace(GOOD, disk_free_bytes=900_000_000), "0.9 GB"),
        (replace(GOOD, images_missing=("a",), disk_free_bytes=1_000_000_000), "1.0 GB"),
    ],
)
def test_finding_is_a_note_when(facts: Facts, words: str) -> None:
    finding = only(facts)
    assert not finding.refuses
    assert words in finding.text


def test_disk_is_judged_as_for_a_build_when_an_upgrade_will_build() -> None:
    facts = replace(GOOD, disk_free_bytes=900_000_000)
    assert only(facts, builds=True).refuses


def test_nothing_else_is_judged_when_docker_itself_is_in_the_way() -> None:
    facts = replace(GOOD, engine_error="Cannot connect", limits_memory=False, memory_available_bytes=1)
    assert "does not answer" in only(facts).text


@pytest.mark.parametrize("version", ["dev", "", "v2-dev"])
def test_compose_of_unknown_version_passes(version: str) -> None:
    assert list(judge(replace(GOOD, compose_version=version))) == [] or numbers(version)


def test_unknown_facts_are_in_nobodys_way() -> None:
    assert list(judge(Facts())) == []


def test_new_compose_passes_on_a_new_engine() -> None:
    assert list(judge(replace(GOOD, compose_version="5.1.0", engine_version="28.2.2", api_version="1.50"))) == []
    assert numbers("v2.40.3-desktop.1") == (2, 40, 3)
