"""Images for other machines: bundle and push."""

import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from contract import VERSION
from deploy.compose.distribution import bundle, bundled_files, checked_registry, push
from deploy.compose.docker import DockerResult
from deploy.compose.terminal import ROOT, CommandFailed
from tests.drivers.scripted_docker import CONFIG, ScriptedDocker

#: A docker command that writes the images that ``load`` loads to a file.
FAKE_DOCKER = """#!/bin/sh
case $1 in
  version) echo amd64 ;;
  load) gunzip -c "$4" >"$FAKE_LOADED" ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path) -> ScriptedDocker:
    """Every image exists; the folder has a project's files."""
    project = tmp_path / "project"
    for path in bundled_files(ROOT):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, project / path)
    (project / "compose.yaml").write_text("name: lab\n")
    (project / "deploy/compose/tests").mkdir(exist_ok=True)
    (project / "deploy/compose/tests/test_x.py").touch()
    made = ScriptedDocker(project)
    made.script("image inspect", "sha256:1\n")
    made.script("save", "the images")
    return made


@pytest.fixture
def unpacked(docker: ScriptedDocker, tmp_path: Path) -> Path:
    """An unpacked bundle, as on another machine."""
    bundle(docker, "")
    with tarfile.open(docker.folder / "dist/dispycluster-0.8.0-amd64.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path / "dispycluster-0.8.0-amd64"


def load(folder: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "docker").write_text(FAKE_DOCKER)
    (tools / "docker").chmod(0o755)
    variables = {"PATH": f"{tools}:{os.environ['PATH']}", "FAKE_LOADED": str(tmp_path / "loaded")}
    return subprocess.run([folder / "load"], cwd="/", env=variables, capture_output=True, text=True)


def test_bundle_has_the_images_and_the_files_that_run_them(docker: ScriptedDocker, unpacked: Path) -> None:
    # then
    assert docker.called("save") == [
        "save dispycluster/api:0.8.0 dispycluster/collector:0.8.0 dispycluster/exporter:0.8.0 "
        "dispycluster/gateway:0.8.0 dispycluster/redis:0.8.0 dispycluster/ws:0.8.0"
    ]
    assert gzip.decompress((unpacked / "images.tar.gz").read_bytes()) == b"the images"
    assert (unpacked / "compose.yaml").read_text() == "name: lab\n"
    assert (unpacked / ".env").read_text().splitlines()[1:] == [
        "IMAGE_PREFIX=dispycluster",
        "IMAGE_TAG=0.8.0",
        "PULL_POLICY=never",
    ]
    assert (unpacked / "deploy/compose/compose.yaml").is_file()
    assert (unpacked / "deploy/compose/config/nodes.yaml").is_file()
    assert not (unpacked / "deploy/compose/tests").exists()
    assert not list(unpacked.rglob("__pycache__"))
    assert [path.name for path in (docker.folder / "dist").iterdir()] == ["dispycluster-0.8.0-amd64.tar"]


def test_bundle_has_the_checksum_of_every_file(unpacked: Path) -> None:
    # then
    listed = {line.split("  ")[1] for line in (unpacked / "SHA256SUMS").read_text().splitlines()}
    files = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert listed == files - {"SHA256SUMS"}
    assert {"images.tar.gz", "load", "compose.yaml"} <= listed


def test_bundle_belongs_to_root_and_is_readable_by_all(docker: ScriptedDocker) -> None:
    # given
    (docker.folder / "deploy/compose/config/nodes.yaml").chmod(0o600)
    # when
    bundle(docker, "")
    # then
    with tarfile.open(docker.folder / "dist/dispycluster-0.8.0-amd64.tar") as tar:
        entries = tar.getmembers()
    assert {(entry.uid, entry.gid, entry.uname) for entry in entries} == {(0, 0, "")}
    assert {entry.mode for entry in entries} == {0o644, 0o755}
    assert [entry.name for entry in entries if entry.isfile() and entry.mode == 0o755] == [
        "dispycluster-0.8.0-amd64/load"
    ]


def test_bundle_runs_the_commands_without_the_project(unpacked: Path) -> None:
    # when
    done = subprocess.run(
        [shutil.which("python3") or "python3", "-S", "-m", "deploy.compose", "--help"],
        cwd=unpacked,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    # then
    assert done.returncode == 0, done.stderr
    assert "upgrade" in done.stdout


def test_load_loads_the_images_and_prints_the_next_command(unpacked: Path, tmp_path: Path) -> None:
    # when
    done = load(unpacked, tmp_path)
    # then
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "loaded").read_bytes() == b"the images"
    assert f"cd {unpacked} && docker compose up -d --wait" in done.stdout
    assert "note" not in done.stdout


@pytest.mark.parametrize("name", ["images.tar.gz", "deploy/compose/compose.yaml", "load"])
def test_load_fails_when_a_file_was_changed(unpacked: Path, tmp_path: Path, name: str) -> None:
    # given
    with (unpacked / name).open("ab") as file:
        file.write(b"\n#")
    # when
    done = load(unpacked, tmp_path)
    # then
    assert done.returncode == 1
    assert f"{name}: FAILED" in done.stderr
    assert not (tmp_path / "loaded").exists()


def test_load_fails_when_a_file_or_the_checksums_are_missing(unpacked: Path, tmp_path: Path) -> None:
    (unpacked / "compose.yaml").unlink()
    assert "compose.yaml: FAILED" in load(unpacked, tmp_path).stderr
    (unpacked / "SHA256SUMS").unlink()
    done = load(unpacked, tmp_path)
    assert done.returncode == 1
    assert "cannot be checked" in done.stderr


def test_load_succeeds_when_settings_and_nodes_were_edited(unpacked: Path, tmp_path: Path) -> None:
    for name in (".env", "deploy/compose/config/nodes.yaml", "deploy/compose/config/alerts.yaml"):
        with (unpacked / name).open("a") as file:
            file.write("# mine\n")
    assert load(unpacked, tmp_path).returncode == 0


@pytest.fixture
def multi_arch_docker(docker: ScriptedDocker) -> ScriptedDocker:
    """Resolves ``IMAGE_TAG`` as compose does."""

    def resolve(_: str) -> DockerResult:
        return DockerResult(0, json.dumps(CONFIG).replace(":0.8.0", f":{docker.variables.get('IMAGE_TAG', '0.8.0')}"))

    docker.react("compose --profile * config", resolve)
    return docker


def test_load_prints_a_note_when_the_images_are_for_another_architecture(
    multi_arch_docker: ScriptedDocker, tmp_path: Path
) -> None:
    # given
    bundle(multi_arch_docker, "arm64")
    with tarfile.open(multi_arch_docker.folder / "dist/dispycluster-0.8.0-arm64.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    # when
    done = load(tmp_path / "dispycluster-0.8.0-arm64", tmp_path)
    # then
    assert done.returncode == 0
    assert "for arm64, but this machine is amd64" in done.stdout


@pytest.mark.parametrize("given", ["0.8.0", "0.8.0-arm64"])
def test_bundle_selects_images_of_another_architecture_by_their_tag(
    multi_arch_docker: ScriptedDocker, given: str
) -> None:
    # given
    multi_arch_docker.variables["IMAGE_TAG"] = given
    # when
    bundle(multi_arch_docker, "arm64")
    # then
    assert "dispycluster/api:0.8.0-arm64 " in multi_arch_docker.called("save")[0]
    assert [path.name for path in (multi_arch_docker.folder / "dist").iterdir()] == ["dispycluster-0.8.0-arm64.tar"]


def test_bundle_names_the_command_that_makes_missing_images_of_another_architecture(docker: ScriptedDocker) -> None:
    docker.script("image inspect", err="No such image", code=1)
    with pytest.raises(CommandFailed, match="ARCH=arm64 make images-offline"):
        bundle(docker, "arm64")


def test_bundle_leaves_no_file_when_images_cannot_be_saved(docker: ScriptedDocker) -> None:
    # given
    docker.script("save", "half", err="no space left on device", code=1)
    # when
    with pytest.raises(CommandFailed, match="no space left"):
        bundle(docker, "")
    # then
    assert list((docker.folder / "dist").iterdir()) == []


@pytest.mark.parametrize("registry", ["registry.lan:5000", "ghcr.io/some-body", "127.0.0.1:5000/a/b_c", "[::1]:5000"])
def test_valid_registry_is_accepted(registry: str) -> None:
    assert checked_registry(f" {registry}/ ") == registry


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        ("", "Which registry"),
        ("https://registry.lan", "must not begin with https://"),
        ("registry lan", "is no registry"),
        ("registry.lan/Upper", "lowercase"),
        ("registry.lan:port", "is no registry"),
        ("registry.lan/a:1", "is no registry"),
        ("-x", "is no registry"),
    ],
)
def test_invalid_registry_is_an_error_with_an_example(registry: str, words: str) -> None:
    with pytest.raises(CommandFailed, match=words) as failure:
        checked_registry(registry)
    assert "registry.lan:5000" in str(failure.value)


def test_push_makes_one_manifest_when_images_of_several_architectures_exist(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str]
) -> None:
    # when
    push(docker, "registry.lan:5000")
    # then
    api = "registry.lan:5000/dispycluster/api:0.8.0"
    assert [call for call in docker.calls if call.startswith(("tag", "push", "manifest"))][:8] == [
        f"tag dispycluster/api:0.8.0 {api}-amd64",
        f"push {api}-amd64",
        f"tag dispycluster/api:0.8.0-arm64 {api}-arm64",
        f"push {api}-arm64",
        f"manifest rm {api}",
        f"manifest create --insecure {api} {api}-amd64 {api}-arm64",
        f"manifest annotate --os linux --arch amd64 {api} {api}-amd64",
        f"manifest annotate --os linux --arch arm64 {api} {api}-arm64",
    ]
    assert len(docker.called("manifest push --insecure --purge registry.lan:5000/dispycluster/")) == 6
    assert "arm64" not in capsys.readouterr().out


def test_push_tags_and_pushes_every_image_and_prints_the_settings(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker.script("image inspect --format {{.Id}} dispycluster/ws:0.8.0-arm64", code=1)
    # when
    push(docker, "registry.lan:5000")
    # then
    names = ["api", "collector", "exporter", "gateway", "redis", "ws"]
    pushed = [call for call in docker.calls if call.startswith(("tag", "push"))]
    assert pushed[:2] == [
        "tag dispycluster/api:0.8.0 registry.lan:5000/dispycluster/api:0.8.0",
        "push registry.lan:5000/dispycluster/api:0.8.0",
    ]
    assert len(pushed) == 2 * len(names)
    output = capsys.readouterr().out
    assert "IMAGE_PREFIX=registry.lan:5000/dispycluster\n" in output
    assert "PULL_POLICY=missing\n" in output
    assert output.count("      - name: dispycluster/") == len(names)
    assert "ARCH=arm64 make images-offline" in output
    assert '        newName: registry.lan:5000/dispycluster/ws\n        newTag: "0.8.0"\n' in output


def test_push_names_remedies_when_the_registry_refuses(docker: ScriptedDocker) -> None:
    docker.script("push", code=1)
    with pytest.raises(CommandFailed, match=r"docker login registry\.lan"):
        push(docker, "registry.lan/team")


def test_push_names_missing_images_that_cannot_be_built(docker: ScriptedDocker) -> None:
    docker.script("image inspect --format {{.Id}} dispycluster/ws:0.8.0", code=1)
    with pytest.raises(CommandFailed, match=re.escape(f"dispycluster/ws:{VERSION}")):
        push(docker, "registry.lan")
