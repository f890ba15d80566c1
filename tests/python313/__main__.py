"""The tests on Debian 13's Python, in a container: ``python -m tests.python313 [OPTION] [pytest's arguments]``.

Without an option, the unit tests that stay in pytest's own process. ``--all`` runs all that ``make test`` runs, with a
browser and the other programs that it starts. ``--build`` only builds the container's image.
"""

import argparse
import io
import os
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from deploy.images.offline.architecture import ImagesError, own_architecture
from deploy.images.offline.base_images import BaseImage, BaseImages
from tests.drivers.docker_engine import LABELS, PROXY_VARIABLES, engine
from tests.drivers.process import ROOT

_PACKAGES = "python3 python3-venv make procps systemd"
#: Debian's packages: Python, and what the unit tests start.
BASE = BaseImage("", "python-tests", "3.13", _PACKAGES, suite="trixie")
#: Those, and what the other tests start.
BASE_OF_ALL = BaseImage(
    "", "python-tests-all", "3.13",
    f"{_PACKAGES} chromium curl git iproute2 openssl prometheus prometheus-node-exporter redis-server", suite="trixie",
)  # fmt: skip
IMAGE = "dispycluster-tests:python-3.13"
IMAGE_OF_ALL = "dispycluster-tests:python-3.13-all"
#: What the image is built of; it is built again when these change.
INGREDIENTS = (
    "tests/python313/Dockerfile",
    "deploy/local/bootstrap.py",
    *(f"requirements/{name}.txt" for name in ("build", "dev", "local", "valkey")),
    # The project itself is installed too.
    *("LICENSE", "README.md", "contract/__init__.py", "deploy/wheel.py", "pyproject.toml"),
)
#: Not those of tests/browser and tests/system, which need a Chromium, a node_exporter and other libraries' clients.
UNIT_TESTS = (
    "access",
    "contract",
    "runtime",
    "services",
    "simulator",
    "deploy",
    "tests/test_documentation.py",
    "tests/test_imports.py",
)
#: The copy of the project has no history, out of which the last release is taken.
WITHOUT_HISTORY = (
    "--ignore=tests/system/test_last_release.py",
    "--deselect=tests/system/test_bench_collector.py::test_benchmark_stops_its_processes_when_it_is_interrupted",
    "--deselect=deploy/local/tests/test_local_product.py::test_data_of_the_last_release_stay_after_an_update_and_beside_a_demo",
)


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


def build(base: str, image: str, variables: Iterable[str]) -> None:
    """Build ``image`` on the base image ``base``; what is unchanged is not built again.

    Raises:
        ImagesError: the build failed.
    """
    arguments = [f"--build-arg=PYTHON_TESTS_IMAGE={base}", *(f"--build-arg={name}" for name in variables)]
    command = ["docker", "build", "--quiet", "-f", INGREDIENTS[0], "-t", image, *arguments, "-"]
    print(f"tests: {image}", flush=True)
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, input=archive(INGREDIENTS), capture_output=True, env=environment)
    if done.returncode != 0:
        raise ImagesError(f"docker build failed:\n{(done.stdout + done.stderr).decode(errors='replace')}")


def run_in_process(arguments: Iterable[str], variables: Iterable[str]) -> int:
    """Run the tests that stay in pytest's process; return pytest's exit code."""
    plugins = [f"-ptests.python313.{name}" for name in ("nothing_skipped", "in_process")]
    pytest = [".venv/bin/python", "-m", "pytest", "--numprocesses=auto", "--dist=loadfile", *plugins]
    return _run(IMAGE, [], [*pytest, *UNIT_TESTS, *arguments], variables)


def run_all(arguments: Iterable[str], variables: Iterable[str]) -> int:
    """Run what ``make test`` runs; return its exit code."""
    # A browser in a container has no sandbox of its own, and starts without one for root only.
    options = ["--user=0", "--shm-size=1g"]
    given = shlex.join(["-ptests.python313.nothing_skipped", *WITHOUT_HISTORY, *arguments])
    return _run(IMAGE_OF_ALL, options, ["make", "test", f"PYTEST_ARGS={given}"], variables)


def _run(image: str, options: Iterable[str], command: Iterable[str], variables: Iterable[str]) -> int:
    """Run a command on a copy of the project; return its exit code."""
    labels = [f"--label={name}={value}" for name, value in LABELS.items()]
    options = [*options, *labels, *(f"--env={name}" for name in variables)]
    start = [
        "docker",
        "run",
        "--init",
        "--rm",
        "--cpu-shares=256",  # of 1024: other containers have somebody waiting for them
        "--interactive",
        *options,
        image,
        "sh",
        "-c",
        'tar -xf - && exec "$@"',
        "sh",
    ]
    return subprocess.run([*start, *command], input=archive(project_files())).returncode


def main() -> int:
    """Return the exit code."""
    variables = [name for name in (*PROXY_VARIABLES, "DISTURBANCES") if name in os.environ]
    parser = argparse.ArgumentParser(prog="tests.python313", description=__doc__, allow_abbrev=False)
    parser.add_argument("--all", action="store_true", help="all that `make test` runs")
    parser.add_argument("--build", action="store_true", help="only build the container's image")
    options, arguments = parser.parse_known_args()
    try:
        engine()
        base, image = (BASE_OF_ALL, IMAGE_OF_ALL) if options.all else (BASE, IMAGE)
        build(BaseImages(own_architecture()).make(base), image, variables)
    except (AssertionError, ImagesError) as error:
        print(f"tests: {error}", file=sys.stderr)
        return 1
    if options.build:
        return 0
    return (run_all if options.all else run_in_process)(arguments, variables)


if __name__ == "__main__":
    sys.exit(main())
