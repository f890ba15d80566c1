"""A Debian machine with systemd, as a container."""

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
from tests.drivers.docker_engine import LABELS, PROXY_VARIABLES, engine
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually

#: Made of Debian's packages if it is missing.
BASE = BaseImage("", "systemd", "bookworm", "systemd systemd-sysv dbus python3 python3-venv make procps curl")
PROJECT = "/srv/dispycluster"

# systemd must write control groups. These are in the container's own namespace: with the host's /sys/fs/cgroup
# mounted, systemd would change the host's mount options.
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
    # The signal that shuts systemd down.
    *("--stop-signal", "SIGRTMIN+3"),
    # Like --privileged, but without the host's devices and without a capability that the engine may lack.
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
    """Starts in the constructor; ``close`` removes it."""

    def __init__(self) -> None:
        engine()
        image = BaseImages(own_architecture()).make(BASE)
        self.name = f"dispytest-systemd-{secrets.token_hex(3)}"
        labels = [f"--label={name}={value}" for name, value in LABELS.items()]
        command = ["docker", "run", "--detach", "--name", self.name, *labels, *_OPTIONS, image]
        subprocess.run([*command, "/bin/sh", "-c", _START], check=True, capture_output=True)
        self._wait_for_systemd()

    def run(self, *command: str, check: bool = True, input_text: str = "", timeout_seconds: float = 300) -> str:
        """Run a command as root; return both outputs.

        Raises:
            AssertionError: the command failed; the text has its output.
        """
        passed = [f"--env={name}={os.environ[name]}" for name in PROXY_VARIABLES if name in os.environ]
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
        """Copy the files of this project that ``make install-service`` needs."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as tar:
            for path in (Path("Makefile"), *product_files(ROOT)):
                tar.add(ROOT / path, f"{PROJECT}/{path}")
        command = ["docker", "cp", "-", f"{self.name}:/"]
        subprocess.run(command, input=content.getvalue(), check=True, capture_output=True)

    def get(self, path: str) -> Any:
        """Return the JSON body of a response on the pages' port.

        Raises:
            AssertionError: there is no answer, or no success.
        """
        return json.loads(self.run("curl", "--silent", "--show-error", "--fail", f"http://127.0.0.1:8085{path}"))

    def show(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()

    def wait_until_live(self, within_seconds: float = 60.0) -> None:
        """Wait until the page has fresh data and a replica pushes.

        Raises:
            AssertionError: the deadline passed; the text has the reason.
        """
        # One command for the whole wait: starting a command in the container is slow.
        self.run("python3", "-c", _WAIT_UNTIL_LIVE, str(within_seconds), timeout_seconds=within_seconds + 30)

    def restart(self) -> None:
        """Shut the machine down and boot it."""
        subprocess.run(["docker", "restart", "--time", "60", self.name], check=True, capture_output=True)
        self._wait_for_systemd()

    def close(self) -> None:
        """Remove the machine."""
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], check=True, capture_output=True)

    def _wait_for_systemd(self) -> None:
        answers = ("running", "degraded")
        eventually(
            lambda: self.run("systemctl", "is-system-running", check=False).strip() in answers,
            within_seconds=60,
            what="systemd is up",
        )
