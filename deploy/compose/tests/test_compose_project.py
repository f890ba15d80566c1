"""The project, as compose resolves it."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.compose.distribution import push
from deploy.compose.project import Project, explain_config_error, split_tag
from deploy.compose.terminal import ROOT, CommandFailed
from deploy.compose.upgrade import tag_images_in_use
from tests.drivers.scripted_docker import CONFIG, ScriptedDocker, config

#: A digest in the right format.
DIGEST = f"sha256:{'0' * 64}"


def test_project_has_the_values_that_compose_resolved(docker: ScriptedDocker) -> None:
    # when
    project = Project.read(docker)
    # then
    assert (project.name, project.host, project.port) == ("lab", "127.0.0.1", 8085)
    assert project.nodes == ROOT / "deploy/compose/config/nodes.yaml"
    assert (project.prefix, project.tag, project.has_own_redis) == ("dispycluster", "0.8.0", True)
    assert len(project.images()) == 6
    assert docker.calls == ["compose config --format json"]


def test_project_reads_all_profiles_on_request(docker: ScriptedDocker) -> None:
    Project.read(docker, all_profiles=True)
    assert docker.calls == ["compose --profile * config --format json"]


def test_project_has_the_users_settings(tmp_path: Path) -> None:
    # when
    project = Project.parse(
        config(
            gateway={"ports": [{"target": 8085, "published": "80"}]},
            ws={"environment": {"PUBLIC_URL": "https://cluster.lab"}},
            collector={"environment": {"REDIS_URL": "rediss://db.lab:6380/0"}},
        ),
        tmp_path,
    )
    # then
    assert (project.host, project.port) == ("0.0.0.0", 80)
    assert project.public_url == "https://cluster.lab"
    assert not project.has_own_redis


def test_image_with_another_prefix_is_not_ours(tmp_path: Path) -> None:
    project = Project.parse(config(redis={"image": "docker.io/valkey/valkey:9"}), tmp_path)
    assert not project.is_ours("docker.io/valkey/valkey:9")
    assert project.is_ours("dispycluster/api:0.8.0")
    assert (project.prefix, project.tag) == ("dispycluster", "0.8.0")


@pytest.mark.parametrize(
    ("image", "repository", "tag"),
    [
        ("dispycluster/api:0.8.0", "dispycluster/api", "0.8.0"),
        ("registry.lan:5000/a/api", "registry.lan:5000/a/api", "latest"),
        ("registry.lan:5000/a/api:1", "registry.lan:5000/a/api", "1"),
        ("api:1@sha256:00", "api", "1"),
        ("registry.lan:5000/a/api@sha256:00", "registry.lan:5000/a/api", "latest"),
        ("registry.lan:5000/a/api:1@sha256:00", "registry.lan:5000/a/api", "1"),
    ],
)
def test_image_is_split_into_repository_and_tag(image: str, repository: str, tag: str) -> None:
    assert split_tag(image) == (repository, tag)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("invalid IP address: localhost", "PUBLIC_HOST takes an IP address"),
        ("invalid hostPort: abc", "PORT takes a number"),
        ("yaml: line 7: did not find expected key", "line 7"),
    ],
)
def test_invalid_configuration_is_an_error_with_the_remedy(docker: ScriptedDocker, message: str, words: str) -> None:
    # given
    docker.script("compose config", err=message, code=1)
    # then
    with pytest.raises(CommandFailed) as failure:
        Project.read(docker)
    assert message in str(failure.value)
    assert words in str(failure.value)
    assert str(failure.value) == explain_config_error(message)


def pinned() -> dict[str, Any]:
    """Return the configuration with a digest in each image's name."""
    images = {name: f"registry.lan:5000/{service['image']}@{DIGEST}" for name, service in CONFIG["services"].items()}
    return config(**{name: {"image": image} for name, image in images.items()})


def test_project_has_names_and_tag_of_images_with_digests(tmp_path: Path) -> None:
    project = Project.parse(pinned(), tmp_path)
    assert (project.prefix, project.tag) == ("registry.lan:5000/dispycluster", "0.8.0")
    assert all(project.is_ours(image) for image in project.images())
    assert {project.image_name(image) for image in project.images()} == set(CONFIG["services"]) - {"secrets"}


def test_images_with_digests_get_the_tag_for_the_rollback(docker: ScriptedDocker, tmp_path: Path) -> None:
    docker.script("image inspect", "sha256:1\n")
    kept = tag_images_in_use(docker, Project.parse(pinned(), tmp_path), [], "before")
    assert kept == [
        f"registry.lan:5000/dispycluster/{name}:before" for name in sorted(set(CONFIG["services"]) - {"secrets"})
    ]


def test_images_with_digests_are_pushed_by_their_tag(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker.script("compose --profile * config", json.dumps(pinned()))
    docker.script("image inspect", "sha256:1\n")
    docker.script(f"image inspect --format {{{{.Id}}}} registry.lan:5000/dispycluster/api:0.8.0@{DIGEST}-arm64", code=1)
    # when
    push(docker, "other.lan")
    # then
    source = f"registry.lan:5000/dispycluster/api:0.8.0@{DIGEST}"
    assert f"tag {source} other.lan/dispycluster/api:0.8.0" in docker.calls
    assert "IMAGE_TAG=0.8.0\n" in capsys.readouterr().out
