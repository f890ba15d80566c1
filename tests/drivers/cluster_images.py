"""How images get into the cluster."""

import os
import shlex
import subprocess
from collections.abc import Sequence

#: The command that copies images from the Docker engine into the cluster, called with their names.
LOADER = "LOAD_IMAGES"
#: The command that brings an archive there that it is given on standard input.
IMPORTER = "IMPORT_ARCHIVE"


def command(name: str) -> list[str]:
    """The command that one of these variables holds; nothing where it is not set."""
    return shlex.split(os.environ.get(name, ""))


def load(images: Sequence[str]) -> None:
    """Copy images from the Docker engine into the cluster.

    Raises:
        CalledProcessError: that failed.
    """
    subprocess.run([*command(LOADER), *images], check=True, stdout=subprocess.DEVNULL)
