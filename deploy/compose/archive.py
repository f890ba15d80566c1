"""What ``backup`` writes: a tar archive of Redis' data, and of users and tokens as the api saves them."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from deploy.compose.dialogue import CommandFailed
from deploy.host.rdb import find_damage

#: Redis' data in an archive.
DATA = "dump.rdb"


@dataclass(frozen=True)
class Contents:
    """The parts of a backup, each a file; ``None``: it has no such part."""

    #: An RDB file.
    data: Path | None = None
    #: An archive of users and tokens, as ``access save`` writes it.
    access: Path | None = None


def pack(target: Path, contents: Contents) -> None:
    """Write an archive that nobody else may read.

    Raises:
        OSError: it cannot be written.
    """
    with open(target, "wb", opener=_private) as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            if contents.data:
                archive.add(contents.data, DATA)
            if contents.access:
                with tarfile.open(contents.access) as saved:
                    for entry in saved:
                        archive.addfile(entry, saved.extractfile(entry))
        file.flush()
        os.fsync(file.fileno())


def unpack(path: Path, folder: Path) -> Contents:
    """Lay the parts out in ``folder``; ``path`` is such an archive, one of users and tokens alone, or an RDB file.

    Raises:
        CommandFailed: it is none of these, or cannot be read.
    """
    try:
        if not tarfile.is_tarfile(path):
            require_rdb(path)
            return Contents(data=path)
        data, access, count = folder / DATA, folder / "access.tar", 0
        with tarfile.open(path) as archive, tarfile.open(access, "w") as others:
            for entry in archive:
                file = archive.extractfile(entry) if entry.isreg() else None
                if entry.name in (DATA, f"./{DATA}") and file:
                    with open(data, "wb", opener=_private) as target:
                        shutil.copyfileobj(file, target)
                else:
                    others.addfile(entry, file)
                    count += entry.isreg()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise CommandFailed(f"{path.name} is not whole: {error}.") from None
    if not data.exists():
        return Contents(access=access)
    require_rdb(data)
    return Contents(data, access if count else None)


def require_rdb(path: Path) -> None:
    """Check that a file is a whole RDB file.

    Raises:
        CommandFailed: it is not, or cannot be read.
    """
    try:
        damage = find_damage(path)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
    if damage:
        raise CommandFailed(f"{path.name} {damage}.")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
