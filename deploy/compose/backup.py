"""``backup`` copies all data of Redis, the users and the tokens to one file. ``restore`` restores that file.

``restore`` also accepts the backups of releases before 0.5: an RDB file, or an archive of users and tokens alone.
"""

from __future__ import annotations

import tarfile
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from deploy.compose.archive import REDIS_DATA, BackupContents, pack, require_rdb, unpack
from deploy.compose.containers import project_containers
from deploy.compose.docker import Docker
from deploy.compose.project import Project
from deploy.compose.terminal import CommandFailed, confirm, print_line, user_command
from deploy.compose.up import start
from deploy.host.rdb import created_at, describe_data_loss

#: Folder of the backups, in the project's folder.
FOLDER = "backups"
#: Prefix of the api's commands that save and restore users and tokens.
ACCESS = ("compose", "exec", "-T", "api", "serve", "access")
#: The services that write to Redis.
WRITERS = ("collector", "api", "ws")


def backup(docker: Docker) -> None:
    """Make a backup and print its path.

    Raises:
        CommandFailed: Redis does not run or is not the project's own, or the backup is incomplete.
    """
    path = save(docker, Project.read(docker), time_stamp())
    name = path.relative_to(docker.folder)
    print_line(f"{name}: {size(path)}. To restore it: {user_command('restore', f'FILE={name}')}")


def time_stamp() -> str:
    """Return the current time (UTC) for file names and tags."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def save(docker: Docker, project: Project, stamp: str) -> Path:
    """Write a backup of Redis's data, users and tokens; return its path. An incomplete backup leaves no file.

    Raises:
        CommandFailed: see ``backup``.
    """
    if not project.has_own_redis:
        raise CommandFailed("The data are in your own Redis (REDIS_URL). Back them up there.")
    running = {container.service for container in project_containers(docker, project.name) if container.is_running}
    if "redis" not in running:
        raise CommandFailed(f"Redis does not run, so its data cannot be copied. To start it: {user_command('up')}")
    folder = docker.folder / FOLDER
    path = folder / f"dispycluster-{stamp}.tar"
    try:
        folder.mkdir(exist_ok=True)
        if path.exists():
            raise CommandFailed(f"{path} already exists.")
        # A folder of this backup alone, on the same disk, that only its owner can read.
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=str(folder)) as name:
            data, access = Path(name, REDIS_DATA), Path(name, "access.tar")
            with data.open("wb") as file:
                failure = "Redis cannot copy its data"
                docker.run_into(file, "compose", "exec", "-T", "redis", "backup", failure=failure)
            require_rdb(data)
            has_access = _save_accounts(docker, access, running)
            whole = Path(name, path.name)
            pack(whole, BackupContents(data, access if has_access else None))
            whole.replace(path)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}.") from None
    except tarfile.TarError as error:
        raise CommandFailed(f"The api's copy of users and tokens is damaged: {error}.") from None
    return path


def _save_accounts(docker: Docker, path: Path, running: Collection[str]) -> bool:
    if "api" not in running:
        print_line("Note: the backup has no users and tokens, because the api does not run.")
        return False
    try:
        with path.open("wb") as file:
            docker.run_into(file, *ACCESS, "save", failure="the api cannot save them")
        if not tarfile.is_tarfile(path):
            raise CommandFailed("the api's output is no tar archive")
    except CommandFailed as failure:
        print_line(f"Note: the backup has no users and tokens: {failure}")
        return False
    return True


def size(path: Path) -> str:
    """Return a file's size as text, for instance ``1.2 MB``."""
    count = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def restore(docker: Docker, given: str, *, yes: bool) -> None:
    """Ask, stop the services that write, replace the data, and start the services again, even after a failure.

    All sessions end, because the backup lacks the revocations since it was made.

    Raises:
        CommandFailed: the user did not agree, the file is no backup, or Redis refused the backup.
    """
    path = _backup_path(docker, given)
    with tempfile.TemporaryDirectory(prefix="dispycluster-restore-") as folder:
        contents = unpack(path, Path(folder))
        project = Project.read(docker)
        running = [container.service for container in project_containers(docker, project.name) if container.is_running]
        if contents.data is None:
            assert contents.access
            _restore_only_accounts(docker, contents.access, path.name, running, yes=yes)
        else:
            _restore_data(docker, project, contents, path, running, yes=yes)


def _restore_data(
    docker: Docker, project: Project, contents: BackupContents, path: Path, running: list[str], *, yes: bool
) -> None:
    assert contents.data
    if not project.has_own_redis:
        raise CommandFailed(
            "The data are in your own Redis (REDIS_URL). Restore them there, then end all sessions: "
            "docker compose run --rm api access end-sessions"
        )
    print_line(f"This replaces the alert log, the history and the last state with those of {path.name} ({size(path)}).")
    print_line(describe_data_loss(created_at(contents.data), time.time()))
    print_line("All sessions end: all users must sign in again.")
    has_access = contents.access and "api" in running
    if contents.access and has_access:
        _print_access_changes(docker, contents.access)
    elif contents.access:
        print_line(
            "The api does not run, so the users and tokens are not restored. To restore them once it runs: "
            + user_command("restore", f"FILE={path}")
        )
    _print_revoked_tokens(docker, running)
    confirm("Replace?", yes=yes)
    if "redis" in running:
        _save_current_data(docker, project)
    try:
        _replace_data(docker, contents.data, path.name)
    finally:
        if running:
            print_line("starting the services again …")
            scale = ("--scale", f"ws={running.count('ws')}") if "ws" in running else ()
            start(docker, "--no-build", "--no-recreate", *scale)
    if contents.access and has_access:
        _restore_accounts(docker, contents.access)
    start_hint = "" if running else f" To start the product: {user_command('up')}"
    print_line(f"The data of {path.name} are restored.{start_hint}")
    print_line("Redis's volume keeps the previous data in before-restore until the next restore.")


def _backup_path(docker: Docker, given: str) -> Path:
    if not given:
        backups = (path for path in (docker.folder / FOLDER).glob("dispycluster-*") if path.suffix in (".tar", ".rdb"))
        example = f"{FOLDER}/{max((path.name for path in backups), default='NAME.tar')}"
        raise CommandFailed(f"Which backup? For instance: {user_command('restore', f'FILE={example}')}")
    return Path(given).expanduser().absolute()


def _print_revoked_tokens(docker: Docker, running: list[str]) -> None:
    """Print the revoked tokens. A backup from before a revocation makes its token valid again."""
    if "api" not in running:
        print_line("The revoked tokens cannot be listed, because the api does not run.")
        return
    answer = docker.run(*ACCESS, "revoked")
    if answer.code != 0:
        print_line(f"Note: the revoked tokens cannot be listed: {answer.last_lines()}")
    elif answer.out.strip():
        print_line(f"These tokens may become valid again:\n{answer.out.rstrip()}")


def _restore_only_accounts(docker: Docker, access: Path, name: str, running: list[str], *, yes: bool) -> None:
    if "api" not in running:
        raise CommandFailed(f"The api restores users and tokens, but does not run. To start it: {user_command('up')}")
    print_line(f"This restores the users and tokens of {name} and ends all sessions.")
    _print_access_changes(docker, access)
    confirm("Restore?", yes=yes)
    _restore_accounts(docker, access)
    print_line(f"The users and tokens of {name} are restored. All others stay.")


def _print_access_changes(docker: Docker, access: Path) -> None:
    with access.open("rb") as file:
        listed = docker.run_checked(*ACCESS, "check", source=file, failure="The api cannot read the archive").rstrip()
    print_line(
        f"Users and tokens that differ from the current ones:\n{listed}"
        if listed
        else "All users and tokens of the backup exist unchanged."
    )


def _restore_accounts(docker: Docker, access: Path) -> None:
    with access.open("rb") as file:
        docker.run_checked(*ACCESS, "restore", source=file, failure="The api did not restore users and tokens")


def _save_current_data(docker: Docker, project: Project) -> None:
    try:
        print_line(f"The current data are kept in {save(docker, project, time_stamp()).relative_to(docker.folder)}")
    except CommandFailed as failure:  # a broken Redis is a reason to restore
        print_line(f"Note: the current data are not kept: {failure}")


def _replace_data(docker: Docker, data: Path, name: str) -> None:
    print_line("stopping the services that write …")
    # Redis last, so that the others can finish their work.
    for services in (WRITERS, ("redis",)):
        docker.run_checked("compose", "stop", *services, failure=f"{', '.join(services)} could not be stopped")
    print_line(f"restoring {name} …")
    with data.open("rb") as file:
        docker.run_checked(
            *("compose", "run", "--rm", "-T", "redis", "restore"),
            source=file,
            failure="Redis refused the backup and keeps its previous data",
        )
