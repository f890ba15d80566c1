"""A Debian machine that systemd runs, as a container."""

import io
import json
import os
import secrets
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from deploy.images.offline.architecture import own_architecture
from deploy.images.offline.base_images import BaseImage, BaseImages
from deploy.local.systemd.layout import product_files
from tests.drivers.docker_engine import LABELS, PASSED_ON, engine
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually

#: Made of Debian's packages where it is not there.
BASE = BaseImage("", "systemd", "bookworm", "systemd systemd-sysv dbus python3 python3-venv make procps curl")
PROJECT = "/srv/dispycluster"

# systemd wants to write control groups. These are the container's own, in a namespace of their own: if the host's
# /sys/fs/cgroup were mounted here, systemd would change how the host has mounted it.
_START = 'for mount in /sys/fs/cgroup /sys/fs/cgroup/*/; do mount -o remount,rw,bind "$mount"; done; exec /sbin/init'
_OPTIONS = (
    *(
        "--cgroupns",
        "private",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/run/lock",
        "--tmpfs",
        "/tmp:exec",
        "--env",
        "container=docker",
    ),
    # Tells systemd to shut down.
    *("--stop-signal", "SIGRTMIN+3"),
    # All that --privileged gives but the host's devices, and one capability that the engine itself may lack.
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt", "systempaths=unconfined"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
)
_WAIT_UNTIL_LIVE = """
import json, sys, time, urllib.request

def ask(path):
    with urllib.request.urlopen("http://127.0.0.1:8085" + path, timeout=5) as answer:
        return answer.read()

deadline = time.monotonic() + float(sys.argv[1])
while True:
    try:
        report = json.loads(ask("/api/health"))
        parts = {part: report[part]["status"] for part in ("collector", "redis")}
        if set(parts.values()) == {"up"} and ask("/socket.io/?EIO=4&transport=polling").startswith(b"0{"):
            break
        amiss = f"{parts}"
    except (OSError, ValueError) as error:
        amiss = f"{error}"
    if time.monotonic() > deadline:
        sys.exit(f"not live within {sys.argv[1]} s: {amiss}")
    time.sleep(0.2)
"""


class SystemdMachine:
    """Starts at once; ``close`` removes it."""

    def __init__(self) -> None:
        engine()
        image = BaseImages(own_architecture()).make(BASE)
        self.name = f"dispytest-systemd-{secrets.token_hex(3)}"
        labels = [f"--label={name}={value}" for name, value in LABELS.items()]
        command = ["docker", "run", "--detach", "--name", self.name, *labels, *_OPTIONS, image]
        subprocess.run([*command, "/bin/sh", "-c", _START], check=True, capture_output=True)
        self._wait_for_systemd()

    def run(self, *command: str, check: bool = True, input_text: str = "", timeout_seconds: float = 300) -> str:
        """Run a command as root; return what it says on both outputs.

        Raises:
            AssertionError: it failed; carries what it said.
        """
        passed = [f"--env={name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
        certificates = "--env=PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
        done = subprocess.run(
            ["docker", "exec", "--interactive", "--workdir", "/", *passed, certificates, self.name, *command],
            input=input_text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_seconds,
        )
        assert not check or done.returncode == 0, f"{command} failed with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def make(self, *arguments: str, check: bool = True, input_text: str = "") -> str:
        """Run ``make`` in the project's folder."""
        return self.run("make", "--directory", PROJECT, *arguments, check=check, input_text=input_text)

    def copy_project(self) -> None:
        """Bring what ``make install-service`` needs of this project."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as tar:
            for path in (Path("Makefile"), *product_files(ROOT)):
                tar.add(ROOT / path, f"{PROJECT}/{path}")
        command = ["docker", "cp", "-", f"{self.name}:/"]
        subprocess.run(command, input=content.getvalue(), check=True, capture_output=True)

    def get(self, path: str) -> Any:
        """What the pages' port answers, as JSON.

        Raises:
            AssertionError: no answer, or not one of success.
        """
        return json.loads(self.run("curl", "--silent", "--show-error", "--fail", f"http://127.0.0.1:8085{path}"))

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()

    def wait_until_live(self, within_seconds: float = 60.0) -> None:
        """Wait until the page has data that is not old, and a replica pushes.

        Raises:
            AssertionError: the deadline passed; carries what is amiss.
        """
        # The machine asks itself: to run a command there takes longer than a look.
        self.run("python3", "-c", _WAIT_UNTIL_LIVE, str(within_seconds), timeout_seconds=within_seconds + 30)

    def restart(self) -> None:
        """Shut the machine down and boot it."""
        subprocess.run(["docker", "restart", "--time", "60", self.name], check=True, capture_output=True)
        self._wait_for_systemd()

    def close(self) -> None:
        """Remove it."""
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], check=True, capture_output=True)

    def _wait_for_systemd(self) -> None:
        answers = ("running", "degraded")
        eventually(
            lambda: self.run("systemctl", "is-system-running", check=False).strip() in answers,
            within_seconds=60,
            what="systemd is up",
        )
