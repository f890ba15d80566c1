"""The files of the last release, from which a user upgrades."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.drivers.process import ROOT

#: The first release, whose commit has another message than those of later releases.
FIRST_RELEASE = "78d9e54"


def lay_out_last_release(folder: Path) -> None:
    """Copy the newest release before this commit to ``folder``; without one in the history, the oldest commit.

    Raises:
        AssertionError: the folder of the tests is no git checkout.
    """
    releases = _git("rev-list", "-1", "--grep=^release: ", "HEAD~1").split()
    for commit in [*releases, FIRST_RELEASE, *_git("rev-list", "--max-parents=0", "HEAD").split()]:
        done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True)
        if done.returncode == 0:
            with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
                archive.extractall(folder, filter="data")
            return
    raise AssertionError("git has no earlier commit")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout
