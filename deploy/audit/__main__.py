"""``python -m deploy.audit``: prints a line for each problem of the locked dependencies."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.audit import advisories, locks
from deploy.audit.locks import InvalidLine, Pin, UnreadableLocks

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
#: Folders with a ``package-lock.json``.
NPM = [ROOT / "dashboard", ROOT / "tests/clients", ROOT / "bench/push/peers/node"]
VULNERABILITIES_HINT = "only the form of the locks was checked. To check known vulnerabilities too: make audit"


def check_form(folder: Path) -> tuple[list[Pin], int]:
    """Print the invalid lines of the locks in ``folder``; return the pins and the number of invalid lines."""
    paths = locks.locks(folder)
    entries = [entry for path in paths for entry in locks.read(path)]
    pins = [entry for entry in entries if isinstance(entry, Pin)]
    invalid_lines = [entry for entry in entries if isinstance(entry, InvalidLine)]
    for line in invalid_lines:
        print(line)
    packages = len({pin.name for pin in pins})
    say(
        f"{len(paths)} locks, {packages} packages: "
        + (f"{len(invalid_lines)} lines are invalid" if invalid_lines else "all pinned, with hashes")
    )
    return pins, len(invalid_lines)


def check_known(pins: list[Pin], folders: list[Path]) -> int:
    """Print known vulnerabilities and packages that could not be checked; return the number that is not ignored."""
    say("checking for known vulnerabilities …")
    found = [*advisories.in_python(pins), *(entry for folder in folders for entry in advisories.in_npm(folder))]
    counted = [vulnerability for vulnerability in found if not vulnerability.is_ignored]
    for vulnerability in counted:
        print(vulnerability.text)
    say(f"{len(counted)} found, {len(found) - len(counted)} ignored")
    return len(counted)


def say(text: str) -> None:
    """Print a summary line."""
    print(f"audit: {text}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 if there is a problem, 2 if a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("--known", action="store_true", help="also check for known vulnerabilities")
    parser.add_argument("--requirements", type=Path, metavar="FOLDER", default=REQUIREMENTS, help="folder of the locks")
    parser.add_argument(
        "--npm", type=Path, metavar="FOLDER", nargs="*", default=NPM, help="folder with a package-lock.json"
    )
    options = parser.parse_args(arguments)
    try:
        pins, problems = check_form(options.requirements)
    except UnreadableLocks as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    if options.known:
        problems += check_known(pins, options.npm)
    else:
        say(VULNERABILITIES_HINT)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
