"""The file that ``backup`` writes: a tar archive of Redis's data and of the users and tokens that the api saves."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from deploy.compose.terminal import CommandFailed
from deploy.host.rdb import find_damage

#: Name of Redis's data in an archive.
REDIS_DATA = "dump.rdb"


@dataclass(frozen=True)
class BackupContents:
    """The files in a backup; ``None``: the backup lacks the file."""

    #: An RDB file.
    data: Path | None = None
    #: An archive of users and tokens, as ``access save`` writes it.
    access: Path | None = None


def pack(target: Path, contents: BackupContents) -> None:
    """Write an archive that only its owner can read.

    Raises:
        OSError: the archive cannot be written.
    """
    with open(target, "wb", opener=_owner_only) as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            if contents.data:
                archive.add(contents.data, REDIS_DATA)
            if contents.access:
                with tarfile.open(contents.access) as saved:
                    for entry in saved:
                        archive.addfile(entry, saved.extractfile(entry))
        file.flush()
        os.fsync(file.fileno())


def unpack(path: Path, folder: Path) -> BackupContents:
    """Unpack a backup into ``folder``.

    Args:
        path: an archive of ``pack``, an archive of users and tokens alone, or an RDB file.
        folder: receives the files.

    Raises:
        CommandFailed: the file has another format, is damaged, or cannot be read.
    """
    try:
        if not tarfile.is_tarfile(path):
            require_rdb(path)
            return BackupContents(data=path)
        data, access, count = folder / REDIS_DATA, folder / "access.tar", 0
        with tarfile.open(path) as archive, tarfile.open(access, "w") as others:
            for entry in archive:
                file = archive.extractfile(entry) if entry.isreg() else None
                if entry.name in (REDIS_DATA, f"./{REDIS_DATA}") and file:
                    with open(data, "wb", opener=_owner_only) as target:
                        shutil.copyfileobj(file, target)
                else:
                    others.addfile(entry, file)
                    count += entry.isreg()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise CommandFailed(f"{path.name} is damaged: {error}.") from None
    if not data.exists():
        return BackupContents(access=access)
    require_rdb(data)
    return BackupContents(data, access if count else None)


def require_rdb(path: Path) -> None:
    """Check that a file is a complete RDB file.

    Raises:
        CommandFailed: the file has another format, is incomplete, or cannot be read.
    """
    try:
        damage = find_damage(path)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
    if damage:
        raise CommandFailed(f"{path.name} {damage}.")


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
