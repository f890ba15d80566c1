"""``python -m tests.python313 [pytest's arguments]``: the unit tests on Debian 13's Python, in a container."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from deploy.images.offline.base_images import Base, BaseImages
from deploy.images.offline.machine import Refusal, own_architecture
from tests.drivers.docker_engine import LABELS, PASSED_ON, engine
from tests.drivers.process import ROOT

#: Debian's packages: Python, and what the tests start.
BASE = Base("", "python-tests", "3.13", "python3 python3-venv make procps systemd", suite="trixie")
IMAGE = "dispycluster-tests:python-3.13"
#: What the image is built of; it is built again when these change.
INGREDIENTS = (
    "tests/python313/Dockerfile",
    "deploy/local/bootstrap.py",
    *(f"requirements/{name}.txt" for name in ("dev", "local", "valkey")),
)
#: Not those of tests/browser and tests/system, which need a Chromium, a node_exporter and other libraries' clients.
UNIT_TESTS = ("contract", "services", "simulator", "deploy", "tests/test_documentation.py", "tests/test_imports.py")
#: What looks at the manifests needs a kubectl, and runs on a developer's machine only.
LEFT_OUT = ("--ignore=deploy/k8s",)


def archive(paths: Iterable[str]) -> bytes:
    """A tar archive of files of this project."""
    content = io.BytesIO()
    # In other formats Docker does not recognize an archive whose first header is one of extensions.
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in paths:
            tar.add(ROOT / path, path, recursive=False)
    return content.getvalue()


def project_files() -> list[str]:
    """Paths of all files that git has, or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in sorted(set(listed.split("\0"))) if path and Path(ROOT, path).exists()]


def build(base: str, variables: Iterable[str]) -> None:
    """Build the image on the base image ``base``; what is unchanged is not built again.

    Raises:
        Refusal: the build failed.
    """
    arguments = [f"--build-arg=PYTHON_TESTS_IMAGE={base}", *(f"--build-arg={name}" for name in variables)]
    command = ["docker", "build", "--quiet", "-f", INGREDIENTS[0], "-t", IMAGE, *arguments, "-"]
    print(f"tests: {IMAGE}", flush=True)
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, input=archive(INGREDIENTS), capture_output=True, env=environment)
    if done.returncode != 0:
        raise Refusal(f"docker build failed:\n{(done.stdout + done.stderr).decode(errors='replace')}")


def run(arguments: Iterable[str], variables: Iterable[str]) -> int:
    """Run the tests on a copy of the project; return pytest's exit code."""
    options = ["--init", "--rm", "--interactive", *(f"--label={name}={value}" for name, value in LABELS.items())]
    options += [f"--env={name}" for name in variables]
    pytest = [".venv/bin/python", "-m", "pytest", "-p", "tests.python313.nothing_skipped", *UNIT_TESTS, *LEFT_OUT]
    command = ["docker", "run", *options, IMAGE, "sh", "-c", 'tar -xf - && exec "$@"', "sh", *pytest, *arguments]
    return subprocess.run(command, input=archive(project_files())).returncode


def main() -> int:
    """Return the exit code."""
    variables = [name for name in PASSED_ON if name in os.environ]
    try:
        engine()
        build(BaseImages(own_architecture()).make(BASE), variables)
    except (AssertionError, Refusal) as error:
        print(f"tests: {error}", file=sys.stderr)
        return 1
    return run(sys.argv[1:], variables)


if __name__ == "__main__":
    sys.exit(main())
