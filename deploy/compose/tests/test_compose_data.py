"""Backup, restore, down, purge."""

import io
import json
import sys
import tarfile
import time
from pathlib import Path

import pytest

from deploy.compose.archive import BackupContents, pack, require_rdb
from deploy.compose.backup import backup, restore, save, size
from deploy.compose.docker import DockerResult
from deploy.compose.down import down, purge
from deploy.compose.project import Project
from deploy.compose.terminal import CommandFailed
from tests.drivers.scripted_docker import ScriptedDocker, config

RDB = b"REDIS0011\xfa\x05empty\xff12345678"


@pytest.fixture
def docker(docker: ScriptedDocker) -> ScriptedDocker:
    """Two running replicas of ws and one of each other service."""
    script_running(docker, "redis", "collector", "ws", "ws", "api", "gateway")
    docker.script("compose exec -T redis backup", RDB.decode("latin-1"))
    docker.script("compose exec -T api serve access save", access_bytes().decode("latin-1"))
    return docker


def access_bytes() -> bytes:
    """Return a copy of one user, as the api writes it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo("users/ada")
        entry.size, entry.mode = 2, 0o600
        archive.addfile(entry, io.BytesIO(b"{}"))
    return made.getvalue()


def members(path: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and mode of each file in an archive."""
    with tarfile.open(path) as archive:
        return {entry.name: (archive.extractfile(entry).read(), entry.mode) for entry in archive}  # type: ignore[union-attr]


def script_running(docker: ScriptedDocker, *services: str) -> None:
    docker.script("ps --all --quiet", "\n".join(f"c{number}" for number in range(len(services))))
    described = [
        {
            "Id": f"c{number}",
            "Image": "sha256:1",
            "State": {"Running": True},
            "Config": {"Labels": {"com.docker.compose.service": service}},
        }
        for number, service in enumerate(services)
    ]
    docker.script("inspect c0", json.dumps(described))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "copy.rdb"
    path.write_bytes(RDB)
    return path


def at_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)


def test_backup_is_a_private_file_named_after_its_time_and_prints_its_size(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str]
) -> None:
    # when
    backup(docker)
    # then
    (path,) = (docker.folder / "backups").iterdir()
    assert members(path) == {"dump.rdb": (RDB, 0o644), "users/ada": (b"{}", 0o600)}
    assert path.name.startswith("dispycluster-2")
    assert path.name.endswith("Z.tar")
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"backups/{path.name}: {size(path)}." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (DockerResult(1, "", "backup: the disk is full"), "the disk is full"),
        (DockerResult(0, "", ""), "begins with b''"),
        (DockerResult(0, "NOAUTH Authentication required."), "begins with b'NOAUTH'"),
        (DockerResult(0, RDB[:-3].decode("latin-1")), "is incomplete"),
    ],
)
def test_backup_leaves_no_file_when_it_is_incomplete(docker: ScriptedDocker, answer: DockerResult, words: str) -> None:
    # given
    docker.react("compose exec -T redis backup", lambda _: answer)
    # when
    with pytest.raises(CommandFailed) as failure:
        backup(docker)
    # then
    assert words in str(failure.value)
    assert list((docker.folder / "backups").iterdir()) == []


def test_backup_fails_when_redis_does_not_run_or_is_not_ours(docker: ScriptedDocker) -> None:
    # given
    foreign = Project.parse(config(collector={"environment": {"REDIS_URL": "redis://db.lab"}}), docker.folder)
    with pytest.raises(CommandFailed, match="your own Redis"):
        save(docker, foreign, "now")
    script_running(docker, "gateway")
    # then
    with pytest.raises(CommandFailed, match="Redis does not run"):
        backup(docker)


def test_rdb_file_of_valkey_is_valid(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"VALKEY080\xff12345678")
    require_rdb(tmp_path / "a")


def test_size_has_a_readable_unit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1234)
    assert size(path) == "1.2 kB"


def test_restore_stops_the_writers_and_starts_all_running_services_again(docker: ScriptedDocker, copy: Path) -> None:
    # when
    restore(docker, str(copy), yes=True)
    # then
    changing = [call for call in docker.calls if call.split()[:2][-1] in ("exec", "stop", "run", "up", "start")]
    assert changing == [
        "compose exec -T api serve access revoked",
        "compose exec -T redis backup",
        "compose exec -T api serve access save",
        "compose stop collector api ws",
        "compose stop redis",
        "compose run --rm -T redis restore",
        "compose up --detach --wait --no-build --no-recreate --scale ws=2",
    ]
    assert docker.received == [RDB]
    # and: the current data were backed up first
    assert len(list((docker.folder / "backups").glob("*.tar"))) == 1


def test_restore_continues_when_a_broken_redis_cannot_be_backed_up(docker: ScriptedDocker, copy: Path) -> None:
    # given
    docker.script("compose exec -T redis backup", err="broken", code=1)
    # when
    restore(docker, str(copy), yes=True)
    # then
    assert docker.called("compose run --rm -T redis restore")


def test_restore_starts_the_services_again_when_redis_refuses_the_backup(docker: ScriptedDocker, copy: Path) -> None:
    # given
    docker.script("compose run", err="restore: this is no RDB file; nothing was changed", code=1)
    # when
    with pytest.raises(CommandFailed, match="nothing was changed"):
        restore(docker, str(copy), yes=True)
    # then
    assert docker.calls[-1].startswith("compose up --detach --wait")


def test_restore_starts_no_service_when_none_ran(docker: ScriptedDocker, copy: Path) -> None:
    # given
    docker.script("ps --all --quiet", "")
    # when
    restore(docker, str(copy), yes=True)
    # then
    assert docker.called("compose up") == []
    assert docker.called("compose exec") == []
    assert docker.received == [RDB]


def test_restore_lists_revoked_tokens_and_changes_nothing_when_not_confirmed(
    docker: ScriptedDocker, copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker.script("compose exec -T api serve access revoked", "token script\trevoked\n")
    at_terminal(monkeypatch, "")
    # when
    with pytest.raises(CommandFailed, match=r"Nothing was changed\."):
        restore(docker, str(copy), yes=False)
    # then
    output = capsys.readouterr().out
    assert "may become valid again:\ntoken script" in output
    assert "All sessions end" in output
    assert docker.called("compose stop") == []


def archive(folder: Path) -> Path:
    path = folder / "access.tar"
    path.write_bytes(access_bytes())
    return path


def test_restore_replaces_data_users_and_tokens_and_prints_the_lost_time(
    docker: ScriptedDocker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given: a backup made two hours ago
    made = int(time.time() - 2 * 3600 - 90)
    data = tmp_path / "data"
    data.write_bytes(b"REDIS0011\xfa\x05ctime\xc2" + made.to_bytes(4, "little") + b"\xff12345678")
    pack(tmp_path / "both.tar", BackupContents(data, archive(tmp_path)))
    # when
    restore(docker, str(tmp_path / "both.tar"), yes=True)
    # then
    assert docker.received[1] == data.read_bytes()
    assert [call.split()[-1] for call in docker.called("compose exec -T api")] == [
        "check",
        "revoked",
        "save",
        "restore",
    ]
    output = capsys.readouterr().out
    then = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(made))
    assert f"Data from {then} to now (2 h 1 min) will be missing." in output
    assert output.index("will be missing") < output.index("stopping the services that write")


def test_restore_of_users_and_tokens_alone_keeps_the_data(
    docker: ScriptedDocker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker.script("compose exec -T api serve access check", "user ada\tis not there now\n")
    path = archive(tmp_path)
    # when
    restore(docker, str(path), yes=True)
    # then
    asking = (*docker.called("compose config"), *docker.called("compose version"))
    assert [call for call in docker.called("compose") if call not in asking] == [
        "compose exec -T api serve access check",
        "compose exec -T api serve access restore",
    ]
    assert [len(given) for given in docker.received] == [path.stat().st_size] * 2
    assert "user ada\tis not there now" in capsys.readouterr().out


def test_restore_of_users_and_tokens_changes_nothing_when_not_confirmed_or_without_the_api(
    docker: ScriptedDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path)
    at_terminal(monkeypatch, "")
    with pytest.raises(CommandFailed, match=r"Nothing was changed\."):
        restore(docker, str(path), yes=False)
    script_running(docker, "redis")
    with pytest.raises(CommandFailed, match="does not run"):
        restore(docker, str(path), yes=True)
    assert docker.called("compose exec -T api serve access restore") == []


@pytest.mark.parametrize(("content", "words"), [(b"# README", "not a copy"), (RDB[:-1], "is incomplete")])
def test_restore_refuses_a_file_that_is_no_backup(
    docker: ScriptedDocker, copy: Path, content: bytes, words: str
) -> None:
    # given
    copy.write_bytes(content)
    # then
    with pytest.raises(CommandFailed, match=words):
        restore(docker, str(copy), yes=True)
    assert docker.calls == []


def test_restore_names_the_newest_backup_when_no_file_is_given(docker: ScriptedDocker) -> None:
    # given
    (docker.folder / "backups").mkdir()
    for day in ("20260101", "20260103", "20260102"):
        (docker.folder / "backups" / f"dispycluster-{day}T000000Z.rdb").touch()
    # then
    with pytest.raises(CommandFailed, match=r"FILE=backups/dispycluster-20260103T000000Z\.rdb"):
        restore(docker, "", yes=False)


def test_down_removes_all_profiles_and_no_volume(docker: ScriptedDocker) -> None:
    # when
    down(docker)
    # then
    assert docker.called("compose --profile * down") == ["compose --profile * down --remove-orphans"]
    assert docker.called("volume") == []


def test_purge_lists_the_volumes_and_deletes_leftover_ones(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    at_terminal(monkeypatch, "y")
    volumes = ["lab_old", "lab_data"]
    docker.react(
        "volume ls --quiet --filter label=com.docker.compose.project=lab", lambda _: DockerResult(0, "\n".join(volumes))
    )

    def remove(_: str) -> DockerResult:
        volumes.remove("lab_data")
        return DockerResult(0)

    docker.react("compose --profile * down", remove)
    # when
    purge(docker, yes=False)
    # then
    output = capsys.readouterr().out
    assert "    lab_data\n    lab_old\n" in output
    assert docker.called("compose --profile * down") == ["compose --profile * down --remove-orphans --volumes"]
    assert docker.called("volume rm") == ["volume rm lab_old"]


@pytest.mark.parametrize("images", [False, True])
def test_purge_lists_the_remaining_images_or_removes_them_on_request(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str], images: bool
) -> None:
    # given: our images of two versions, and a foreign one
    ours = image_repository(docker, "api")
    docker.script("image ls", f"{ours}:0.4.0\n{ours}:0.8.0\nredis:7\n<none>:<none>\n")
    # when
    purge(docker, yes=True, images=images)
    # then
    assert docker.called("image rm") == ([f"image rm {ours}:0.4.0 {ours}:0.8.0"] if images else [])
    output = capsys.readouterr().out
    assert ("make purge IMAGES=1" in output) != images
    assert (f"    {ours}:0.4.0\n    {ours}:0.8.0\n" in output) != images
    assert "redis:7" not in output


def image_repository(docker: ScriptedDocker, service: str) -> str:
    return Project.read(docker, all_profiles=True).services[service].image.rpartition(":")[0]


def test_purge_fails_when_there_is_no_terminal(docker: ScriptedDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    # then
    with pytest.raises(CommandFailed, match="--yes"):
        purge(docker, yes=False)
    assert docker.called("compose --profile * down") == []


@pytest.mark.parametrize("answer", ["", "n", "nope", "delete"])
def test_purge_deletes_nothing_when_not_confirmed(
    docker: ScriptedDocker, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    at_terminal(monkeypatch, answer)
    with pytest.raises(CommandFailed, match=r"Nothing was changed\."):
        purge(docker, yes=False)
    assert docker.called("compose --profile * down") == []
