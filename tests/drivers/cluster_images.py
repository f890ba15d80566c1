"""Commands that copy images into the cluster."""

import os
import shlex
import subprocess
from collections.abc import Sequence

#: Variable with the command that copies images from the Docker engine into the cluster; its arguments are their names.
LOADER = "LOAD_IMAGES"
#: Variable with the command that imports an image archive from standard input into the cluster.
IMPORTER = "IMPORT_ARCHIVE"


def command(name: str) -> list[str]:
    """Return the command in a variable, as words; empty if the variable is not set."""
    return shlex.split(os.environ.get(name, ""))


def load(images: Sequence[str]) -> None:
    """Copy images from the Docker engine into the cluster.

    Raises:
        CalledProcessError: the command failed.
    """
    subprocess.run([*command(LOADER), *images], check=True, stdout=subprocess.DEVNULL)
