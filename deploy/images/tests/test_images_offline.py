import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from deploy.images.offline import architecture, base_images, root_file_system
from deploy.images.offline.__main__ import select_images
from deploy.images.offline.architecture import (
    ImagesError,
    chosen_architecture,
    own_architecture,
    require_emulation,
    tag_suffix,
)

ROOT = Path(__file__).parents[3]
OTHER = {"amd64": "arm64", "arm64": "amd64"}[own_architecture()]


def test_env_file_gets_the_variables_and_keeps_everything_else(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nPORT=9000\nPYTHON_IMAGE=old\nCLUSTER_NAME=lab\n")
    file.chmod(0o600)
    select_images(file, {"PYTHON_IMAGE": "new", "VALKEY_IMAGE": "own"})
    select_images(file, {"PYTHON_IMAGE": "newer", "VALKEY_IMAGE": "own"})
    lines = file.read_text().splitlines()
    assert lines[:4] == ["# mine", "PORT=9000", "CLUSTER_NAME=lab", ""]
    assert lines[5:] == ["PYTHON_IMAGE=newer", "VALKEY_IMAGE=own"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_env_file_is_created_when_it_is_missing(tmp_path: Path) -> None:
    select_images(tmp_path / ".env", {"A": "b"})
    assert (tmp_path / ".env").read_text().endswith("\nA=b\n")


def test_every_base_image_has_a_name_of_its_own_and_a_variable_of_the_compose_file() -> None:
    compose = (ROOT / "deploy" / "compose" / "compose.yaml").read_text()
    assert base_images.PREFIX == "dispycluster-base"
    for base in base_images.PRODUCT:
        assert f"${{{base.variable}:-" in compose, base


def test_tag_names_only_a_foreign_architecture() -> None:
    assert tag_suffix(own_architecture()) == ""
    assert tag_suffix(OTHER) == f"-{OTHER}"
    assert chosen_architecture("") == own_architecture()
    with pytest.raises(ImagesError, match="ARCH=mips"):
        chosen_architecture("mips")


def test_missing_emulation_is_refused_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        architecture, "open", lambda path: (_ for _ in ()).throw(FileNotFoundError(path)), raising=False
    )
    require_emulation(own_architecture())
    with pytest.raises(ImagesError, match="qemu-user-static"):
        require_emulation(OTHER)


@pytest.mark.parametrize(
    ("rule", "works"), [("enabled\nflags: PF\n", True), ("enabled\nflags: P\n", False), ("disabled\nflags: F\n", False)]
)
def test_emulation_must_reach_into_containers(monkeypatch: pytest.MonkeyPatch, rule: str, works: bool) -> None:
    monkeypatch.setattr(architecture, "open", lambda path: io.StringIO(rule), raising=False)
    if works:
        require_emulation(OTHER)
    else:
        with pytest.raises(ImagesError):
            require_emulation(OTHER)


def test_image_of_a_root_file_system_records_its_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "hostname").write_text("x")
    seen: dict[str, bytes] = {}
    really_run = subprocess.run

    def run(command: list[str], **options: object) -> object:
        if command[0] != "docker":
            return really_run(command, **options)  # type: ignore[call-overload]
        with tarfile.open(command[-1]) as tar:
            for name in tar.getnames():
                member = tar.extractfile(name)
                assert member is not None
                seen[name] = member.read()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(root_file_system.subprocess, "run", run)
    root_file_system.load_image(root, name="own/debian:12", architecture=OTHER, labels={"a": "b"})
    config, [manifest] = json.loads(seen["config.json"]), json.loads(seen["manifest.json"])
    assert config["architecture"] == OTHER
    assert config["config"]["Labels"] == {"a": "b"}
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(seen["layer.tar"]).hexdigest()]
    assert manifest == {"Config": "config.json", "RepoTags": ["own/debian:12"], "Layers": ["layer.tar"]}
    with tarfile.open(fileobj=io.BytesIO(seen["layer.tar"])) as layer:
        assert "./etc/hostname" in layer.getnames()


def test_error_of_docker_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root").mkdir()

    def run(command: list[str], **options: object) -> object:
        return subprocess.CompletedProcess(command, 1, "", "no space left on device")

    monkeypatch.setattr(root_file_system.subprocess, "run", run)
    with pytest.raises(ImagesError, match="no space left"):
        root_file_system.load_image(tmp_path / "root", name="x", architecture=OTHER, labels={})


def test_debootstrap_that_is_missing_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_file_system.shutil, "which", lambda name: None)
    with pytest.raises(ImagesError, match="apt-get install -y debootstrap"):
        root_file_system.make_root_file_system(tmp_path / "root", suite="bookworm", architecture="amd64")
