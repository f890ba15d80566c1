"""The last release's product as containers, and its upgrade to this one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contract import VERSION
from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import OWN_IMAGES, engine
from tests.drivers.last_release import lay_out_last_release
from tests.drivers.process import ROOT


@contextmanager
def last_release(folder: Path, **variables: str) -> Iterator[Deployment]:
    """Run the last release's product with its files in ``folder``."""
    lay_out_last_release(folder)
    own = {"IMAGE_PREFIX": OWN_IMAGES, "IMAGE_TAG": "last-release", "WS_DRAIN_SECONDS": "5"}
    deployment = Deployment(replicas=2, root=folder, **own, **variables)
    deployment.compose("build")
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.close()
        # By name: other tags may refer to the same images.
        for image in engine().images.list(filters={"reference": f"{OWN_IMAGES}/*"}):
            for name in image.tags:
                if name.startswith(OWN_IMAGES):
                    engine().images.remove(name)


def upgrade(deployment: Deployment) -> str:
    """Replace the files with the current ones, as ``git pull`` does, and upgrade; return the output.

    Raises:
        AssertionError: the upgrade failed; the text has its output.
    """
    deployment.root = ROOT
    deployment.set("IMAGE_TAG", VERSION)
    command = [sys.executable, "-B", "-m", "deploy.compose", "upgrade"]
    environment = {**deployment.environment, "IMAGE_TAG": VERSION}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def remove_backups(output: str) -> None:
    """Remove the backups that an upgrade made, according to its output.

    Raises:
        AssertionError: the output names no backup.
    """
    backups = [line.split()[0].rstrip(":") for line in output.splitlines() if line.strip().startswith("backups/")]
    assert backups
    for backup in backups:
        os.unlink(ROOT / backup)
