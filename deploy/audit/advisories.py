"""Known vulnerabilities in what the locks pin: pip-audit asks OSV, npm audit asks the package registry.

Both tools succeed when they skip a package. Here a package that was not asked for is a finding.
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

_OLDEST_CLIENTS: Final = "only in the oldest clients, which the tests run against the product and no image has"
#: Why an advisory does not matter here, by its id or an alias of it.
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
class Finding:
    """A known vulnerability, or something that was not asked for."""

    text: str
    #: The advisory's id and its aliases; empty where nothing was asked.
    ids: frozenset[str] = frozenset()

    @property
    def is_ignored(self) -> bool:
        """Whether ``IGNORED`` has a reason for it."""
        return bool(self.ids & IGNORED.keys())


def in_python(pins: Iterable[Pin]) -> Iterator[Finding]:
    """Ask for every locked version once."""
    versions: dict[str, dict[Version, list[Pin]]] = defaultdict(lambda: defaultdict(list))
    for pin in pins:
        versions[pin.name][pin.version].append(pin)
    # pip-audit refuses two versions of a package at once.
    for round_ in itertools.zip_longest(*(found.values() for found in versions.values())):
        yield from _ask_osv([same for same in round_ if same])


def _ask_osv(asked: Sequence[Sequence[Pin]]) -> Iterator[Finding]:
    """Ask for versions of different packages, each given with all its locks."""
    options = ("--vulnerability-service=osv", "--disable-pip", "--format=json", "--progress-spinner=off")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        # Without environment markers: pip-audit drops what is locked for another platform, and does not say so.
        file.writelines(f"{pins[0].name}=={pins[0].version} {pins[0].hash}\n" for pins in asked)
        file.flush()
        command = [sys.executable, "-m", "pip_audit", *options, "--requirement", file.name]
        done = subprocess.run(command, capture_output=True, text=True)
    try:
        answers = {answer["name"]: answer for answer in json.loads(done.stdout)["dependencies"]}
    except (ValueError, KeyError):
        yield Finding(f"pip-audit could not ask: {_last_line(done.stderr)}")
        return
    for pins in asked:
        answer: dict[str, Any] = answers.get(pins[0].name, {})
        where = f"{', '.join(sorted({pin.lock for pin in pins}))}: {pins[0].name} {pins[0].version}"
        # A skipped package has no such key, but a `skip_reason`.
        if "vulns" not in answer:
            yield Finding(f"{where}: pip-audit skipped it")
        for found in answer.get("vulns", []):
            names = [found["id"], *sorted(found["aliases"])]
            remedy = f"fixed in {', '.join(found['fix_versions'])}" if found["fix_versions"] else "no fix is known"
            yield Finding(f"{where}: {', '.join(names)}: {remedy}: {found['description']}", frozenset(names))
    # An advisory that pip-audit cannot read is such a line, and counts for nothing in its answer.
    for line in done.stderr.splitlines():
        if line.startswith("WARNING:"):
            yield Finding(f"pip-audit: {line}")


def in_npm(folder: Path) -> Iterator[Finding]:
    """Ask for every package of the ``package-lock.json`` in ``folder``."""
    # Settings of the user or the environment may leave packages out, or have npm answer without asking.
    everything = ("--offline=false", "--include=dev", "--include=optional", "--include=peer")
    command = [str(Path(sys.executable).with_name("npm")), "audit", "--json", *everything]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    try:
        vulnerable = json.loads(done.stdout)["vulnerabilities"]
    except (ValueError, KeyError):
        yield Finding(f"{folder}: npm audit could not ask: {_last_line(done.stderr)}")
        return
    for name, package in vulnerable.items():
        for found in package["via"]:
            # A text names a package that this one depends on, and that is in the answer itself.
            if isinstance(found, dict):
                known_as = found["url"].rpartition("/")[2]
                text = f"{folder}: {name} {found['range']}: {known_as}: {found['title']}"
                yield Finding(text, frozenset([known_as]))


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it does not say why"])[-1]
