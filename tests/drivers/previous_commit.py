"""The files of the commit before this one, for a test to begin with what a user has who is about to upgrade."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.drivers.process import ROOT


def lay_out_previous_commit(folder: Path, *, with_file: str) -> None:
    """Lay out in ``folder`` the newest commit before this one that has a file; the present one where there is none.

    Raises:
        AssertionError: no commit has it.
    """
    history = subprocess.run(
        ["git", "rev-list", "-5", "HEAD~1"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    for commit in [*history, "HEAD"]:
        done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True)
        if done.returncode == 0:
            with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
                if with_file in archive.getnames():
                    archive.extractall(folder, filter="data")
                    return
    raise AssertionError(f"git has no commit with {with_file}")
