"""The files of the release before this commit: what a user has who is about to upgrade."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.drivers.process import ROOT

#: It has no commit of the name that releases have since.
FIRST_RELEASE = "78d9e54"


def lay_out_last_release(folder: Path) -> None:
    """Lay out in ``folder`` the newest release before this commit; where git has none, the oldest commit that it has.

    Raises:
        AssertionError: this is no checkout with a history.
    """
    releases = _git("rev-list", "-1", "--grep=^release: ", "HEAD~1").split()
    for commit in [*releases, FIRST_RELEASE, *_git("rev-list", "--max-parents=0", "HEAD").split()]:
        done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True)
        if done.returncode == 0:
            with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
                archive.extractall(folder, filter="data")
            return
    raise AssertionError("git has no former commit")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout
