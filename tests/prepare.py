"""Install the programs that the tests need: a browser, node_exporter, promtool, and the supported Socket.IO clients.

``python -m tests.prepare [--without-browser] [--without-exporter] [--without-promtool] [--with-java-and-go]`` prints
what it finds and installs. ``--for-check`` installs only the linter of ``make check``.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from tests.manifests import kube_score

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
OLDEST_PYTHON_CLIENT = CACHE / "client-oldest" / "bin" / "python"
#: Folder with classes/ and lib/.
JAVA_CLIENT = CACHE / "client-java"
GO_CLIENT = CACHE / "client-go" / "listen"
CLIENTS = ROOT / "tests" / "clients"
NODE_PEER = ROOT / "bench" / "push" / "peers" / "node"


class ProgramMissing(Exception):
    """A program is missing and cannot be installed; the text names the remedy."""


def say(text: str) -> None:
    """Print a line for the user."""
    print(f"prepare: {text}", flush=True)


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> bool:
    """Run a command; on failure, print the end of its output. Return whether it succeeded."""
    environment = {
        **os.environ,
        **variables,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        return False
    if done.returncode != 0:
        say("\n  ".join([f"{command[0]} failed:", *(done.stdout + done.stderr).splitlines()[-5:]]))
    return done.returncode == 0


def digest(*files: Path) -> str:
    """Return a digest of the files' content."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def find_browser() -> Path | None:
    """Return an installed Chromium: from ``CHROMIUM``, the PATH, or Playwright."""
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    downloads = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    return next(iter(sorted(downloads.glob("chromium-*/chrome-linux*/chrome"), reverse=True)), None)


def get_browser() -> Path:
    """Return a Chromium; install one if none is found.

    Raises:
        ProgramMissing: no Chromium can be installed.
    """
    found = find_browser()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say("no Chromium found: installing Debian's package")
        run("apt-get", "update", "-qq") and run("apt-get", "install", "-y", "-qq", "chromium")
        found = find_browser()
    if found is None:
        say("no Chromium found: Playwright downloads its own")
        run(sys.executable, "-m", "playwright", "install", "chromium")
        found = find_browser()
    if found is None:
        raise ProgramMissing(
            "no Chromium: install one (sudo apt-get install -y chromium), or skip these tests: make test BROWSER=0"
        )
    return found


def find_exporter() -> Path | None:
    """Return an installed or unpacked node_exporter."""
    for name in ("prometheus-node-exporter", "node_exporter"):
        found = shutil.which(name)
        if found:
            return Path(found)
    unpacked = CACHE / "exporter" / "usr" / "bin" / "prometheus-node-exporter"
    return unpacked if unpacked.exists() else None


def get_exporter() -> Path:
    """Return a node_exporter; Debian's package is unpacked, not installed, so that no service starts.

    Raises:
        ProgramMissing: no package can be unpacked.
    """
    found = _found_or_unpacked(find_exporter, "node_exporter", "prometheus-node-exporter", CACHE / "exporter")
    if found is None:
        raise ProgramMissing(
            "no node_exporter: install one (sudo apt-get install -y prometheus-node-exporter), "
            "or skip its tests: make test EXPORTER=0"
        )
    return found


def _found_or_unpacked(find: Callable[[], Path | None], name: str, package: str, target: Path) -> Path | None:
    found = find()
    if found is None and shutil.which("apt-get"):
        say(f"no {name} found: unpacking Debian's package {package}")
        unpack(package, target)
        found = find()
    return found


def unpack(package: str, target: Path) -> None:
    """Download a Debian package and unpack it into ``target``. A failure leaves ``target`` without the program."""
    target.mkdir(parents=True, exist_ok=True)
    if not list(target.glob("*.deb")) and not run("apt-get", "download", package, cwd=target):
        os.geteuid() == 0 and run("apt-get", "update", "-qq")
        run("apt-get", "download", package, cwd=target)
    for file in target.glob("*.deb"):
        run("dpkg", "-x", file, target)


def find_promtool() -> Path | None:
    """Return an installed or unpacked promtool."""
    found = shutil.which("promtool")
    unpacked = CACHE / "prometheus" / "usr" / "bin" / "promtool"
    return Path(found) if found else unpacked if unpacked.exists() else None


def get_promtool() -> Path:
    """Return a promtool; Debian's package is unpacked, not installed, so that no service starts.

    Raises:
        ProgramMissing: no package can be unpacked.
    """
    found = _found_or_unpacked(find_promtool, "promtool", "prometheus", CACHE / "prometheus")
    if found is None:
        raise ProgramMissing(
            "no promtool, which tests the alert rules: install Prometheus (sudo apt-get install -y prometheus), "
            "or skip its tests: make test PROMTOOL=0"
        )
    return found


def get_clients() -> None:
    """Install the oldest Python client, the JavaScript clients and a Node server, in locked versions.

    Raises:
        ProgramMissing: a package cannot be installed.
    """
    lock = ROOT / "requirements" / "client-oldest.txt"
    stamp = CACHE / "client-oldest" / f"stamp-{digest(lock)}"
    if not stamp.exists():
        say("installing the oldest supported Python client")
        venv.create(CACHE / "client-oldest", with_pip=True, clear=True)
        if not run(OLDEST_PYTHON_CLIENT, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock):
            raise ProgramMissing("the oldest Python client cannot be installed from the package index")
        stamp.touch()
    get_packages(CLIENTS, "the JavaScript clients")
    get_packages(NODE_PEER, "Node's Socket.IO, for comparison")


def get_packages(folder: Path, what: str) -> None:
    """Install the locked npm packages of a folder.

    Raises:
        ProgramMissing: npm failed.
    """
    lock = folder / "package-lock.json"
    stamp = folder / "node_modules" / f".stamp-{digest(lock)}"
    if not stamp.exists():
        say(f"installing {what}")
        if not run(ROOT / ".venv" / "bin" / "npm", "ci", cwd=folder):
            raise ProgramMissing(f"npm cannot install {what}")
        stamp.touch()


def get_java_client() -> None:
    """Build the Java client.

    Raises:
        ProgramMissing: Java or Maven is missing, or Maven failed.
    """
    source = CLIENTS / "java"
    stamp = JAVA_CLIENT / f"stamp-{digest(source / 'pom.xml', source / 'Listen.java')}"
    if not (shutil.which("java") and shutil.which("javac") and shutil.which("mvn")):
        raise ProgramMissing(
            "no Java 17 with Maven, which the Java client needs: sudo apt-get install -y default-jdk-headless maven"
        )
    if not stamp.exists():
        say("building the Java client")
        shutil.rmtree(JAVA_CLIENT, ignore_errors=True)
        if not run("mvn", "--batch-mode", "--quiet", "--strict-checksums", "compile", cwd=source):
            raise ProgramMissing("Maven cannot build the Java client")
        stamp.touch()


def get_go_client() -> None:
    """Build the Go client.

    Raises:
        ProgramMissing: Go is missing, or the build failed.
    """
    source = CLIENTS / "go"
    stamp = GO_CLIENT.parent / f"stamp-{digest(source / 'go.mod', source / 'go.sum', source / 'main.go')}"
    if not shutil.which("go"):
        raise ProgramMissing("no Go 1.26, which the Go client needs: see https://go.dev/doc/install")
    if not stamp.exists():
        say("building the Go client")
        shutil.rmtree(GO_CLIENT.parent, ignore_errors=True)
        if not run("go", "build", "-trimpath", "-o", GO_CLIENT, ".", cwd=source):
            raise ProgramMissing("Go cannot build the Go client")
        stamp.touch()


def get_linter() -> Path:
    """Return kube-score; build it with Go if it is missing.

    Raises:
        ProgramMissing: Go is missing, or the build failed.
    """
    found = kube_score.program()
    if found is not None:
        return found
    if not shutil.which("go"):
        raise ProgramMissing(
            "no Go, which builds kube-score, the linter of the manifests: see https://go.dev/doc/install"
        )
    say("building kube-score, the linter of the manifests, which takes some minutes")
    go = ("nice", "-n", "19", "go", "install", "-trimpath", kube_score.PACKAGE)
    if not run(*go, GOBIN=str(kube_score.BUILT.parent)):
        raise ProgramMissing("Go cannot build kube-score, the linter of the manifests")
    return kube_score.BUILT


def prepare_check() -> int:
    """Install the linter of ``make check``; return the exit code. Without Go, the code is 1 in CI and 0 elsewhere."""
    try:
        say(f"kube-score: {get_linter()}")
    except ProgramMissing as missing:
        print(f"prepare: {missing}. Without it the manifests are not linted.", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    return 0


def main() -> int:
    """Install all programs that the options do not exclude; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--without-browser", action="store_true", help="without the browser, for runs without the browser tests"
    )
    parser.add_argument(
        "--without-exporter", action="store_true", help="without node_exporter, for runs without its tests"
    )
    parser.add_argument(
        "--without-promtool",
        action="store_true",
        help="without promtool, for runs without the tests of the alert rules",
    )
    parser.add_argument("--with-java-and-go", action="store_true", help="also build the Java and Go clients")
    parser.add_argument("--for-check", action="store_true", help="only install the linter of make check")
    options = parser.parse_args()
    if options.for_check:
        return prepare_check()
    try:
        if not options.without_browser:
            say(f"browser: {get_browser()}")
        if not options.without_exporter:
            say(f"node_exporter: {get_exporter()}")
        if not options.without_promtool:
            say(f"promtool: {get_promtool()}")
        get_clients()
        if options.with_java_and_go:
            get_java_client()
            get_go_client()
    except ProgramMissing as missing:
        print(f"prepare: {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
