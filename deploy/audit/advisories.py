"""Finds known vulnerabilities of the locked packages: pip-audit asks OSV, npm audit asks the package registry.

Both tools succeed when they skip a package. This program reports a skipped package like a vulnerability.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from deploy.audit.locks import Pin

_OLDEST_CLIENTS: Final = "only in the oldest clients, which are in the tests but in no image"
#: Reason to ignore an advisory, by its id or one of its aliases.
IGNORED: Final[dict[str, str]] = {
    "GHSA-5w7q-77mv-v69f": _OLDEST_CLIENTS,  # python-socketio
    "GHSA-g8c6-8fjj-2r4m": _OLDEST_CLIENTS,  # python-socketio
    "GHSA-2m8v-j782-fhvr": _OLDEST_CLIENTS,  # socket.io-parser
    "GHSA-677m-j7p3-52f9": _OLDEST_CLIENTS,  # socket.io-parser
    "GHSA-cqmj-92xf-r6r9": _OLDEST_CLIENTS,  # socket.io-parser
    "GHSA-3h5v-q93c-6h6q": _OLDEST_CLIENTS,  # ws
    "GHSA-58qx-3vcg-4xpx": _OLDEST_CLIENTS,  # ws
    "GHSA-96hv-2xvq-fx4p": _OLDEST_CLIENTS,  # ws
}


@dataclass(frozen=True)
class Vulnerability:
    """A known vulnerability, or a package that could not be checked."""

    text: str
    #: The advisory's id and its aliases; empty if the package could not be checked.
    ids: frozenset[str] = frozenset()

    @property
    def is_ignored(self) -> bool:
        """Whether ``IGNORED`` has a reason to ignore the advisory."""
        return bool(self.ids & IGNORED.keys())


def in_python(pins: Iterable[Pin]) -> Iterator[Vulnerability]:
    """Check every locked version once."""
    versions: dict[str, dict[Version, list[Pin]]] = defaultdict(lambda: defaultdict(list))
    for pin in pins:
        versions[pin.name][pin.version].append(pin)
    # pip-audit accepts only one version of a package per run.
    for round_ in itertools.zip_longest(*(found.values() for found in versions.values())):
        yield from _check_with_osv([same for same in round_ if same])


def _check_with_osv(versions: Sequence[Sequence[Pin]]) -> Iterator[Vulnerability]:
    """Check versions of different packages. Each element has the pins of one version, one for each lock."""
    options = ("--vulnerability-service=osv", "--disable-pip", "--format=json", "--progress-spinner=off")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        # Without environment markers: pip-audit silently skips a package that is locked for another platform.
        file.writelines(f"{pins[0].name}=={pins[0].version} {pins[0].hash}\n" for pins in versions)
        file.flush()
        command = [sys.executable, "-m", "pip_audit", *options, "--requirement", file.name]
        done = subprocess.run(command, capture_output=True, text=True)
    try:
        answers = {answer["name"]: answer for answer in json.loads(done.stdout)["dependencies"]}
    except (ValueError, KeyError):
        yield Vulnerability(f"pip-audit failed: {_last_line(done.stderr)}")
        return
    for pins in versions:
        answer: dict[str, Any] = answers.get(pins[0].name, {})
        where = f"{', '.join(sorted({pin.lock for pin in pins}))}: {pins[0].name} {pins[0].version}"
        # A skipped package has a `skip_reason` instead of this key.
        if "vulns" not in answer:
            yield Vulnerability(f"{where}: pip-audit skipped this package")
        for found in answer.get("vulns", []):
            names = [found["id"], *sorted(found["aliases"])]
            remedy = f"fixed in {', '.join(found['fix_versions'])}" if found["fix_versions"] else "no fix is known"
            yield Vulnerability(f"{where}: {', '.join(names)}: {remedy}: {found['description']}", frozenset(names))
    # An advisory that pip-audit cannot read appears only in such a line.
    for line in done.stderr.splitlines():
        if line.startswith("WARNING:"):
            yield Vulnerability(f"pip-audit: {line}")


def in_npm(folder: Path) -> Iterator[Vulnerability]:
    """Check every package of the ``package-lock.json`` in ``folder``."""
    # These options override settings that would exclude packages, or keep npm offline.
    everything = ("--offline=false", "--include=dev", "--include=optional", "--include=peer")
    command = [str(Path(sys.executable).with_name("npm")), "audit", "--json", *everything]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    try:
        vulnerable = json.loads(done.stdout)["vulnerabilities"]
    except (ValueError, KeyError):
        yield Vulnerability(f"{folder}: npm audit failed: {_last_line(done.stderr)}")
        return
    for name, package in vulnerable.items():
        for found in package["via"]:
            # A string names a vulnerable dependency of this package, which has its own entry.
            if isinstance(found, dict):
                advisory = found["url"].rpartition("/")[2]
                text = f"{folder}: {name} {found['range']}: {advisory}: {found['title']}"
                yield Vulnerability(text, frozenset([advisory]))


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["there is no error message"])[-1]
