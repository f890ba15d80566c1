"""``python -m deploy.audit``: a line for everything that is wrong with the locked dependencies."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.audit import advisories, locks
from deploy.audit.bad_input import BadInputError
from deploy.audit.findings import findings, sift
from deploy.audit.ignored import FILE, ignored
from deploy.audit.locks import Fault, Pin

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
HOW_TO_KNOW_MORE = (
    "only the form of the locks was checked. Known vulnerabilities too: make audit ADVISORIES=all.zip, with the file "
    "of that name for PyPI from the public export of OSV, the Open Source Vulnerabilities database"
)


def check_form(folder: Path) -> tuple[list[Pin], int]:
    """Print what is wrong with the locks in ``folder``; return what they pin, and how much is wrong."""
    paths = locks.locks(folder)
    read = [entry for path in paths for entry in locks.read(path)]
    pins = [entry for entry in read if isinstance(entry, Pin)]
    faults = [entry for entry in read if isinstance(entry, Fault)]
    for fault in faults:
        print(fault)
    packages = len({pin.name for pin in pins})
    say(
        f"{len(paths)} locks, {packages} packages: "
        + (f"{len(faults)} lines are wrong" if faults else "all pinned, with hashes")
    )
    return pins, len(faults)


def check_known(pins: list[Pin], export: Path, folder: Path) -> int:
    """Print the locked versions that an export's advisories speak of; return how many count."""
    reasons = ignored(folder)
    known = advisories.read(export, {pin.name for pin in pins})
    counting, passed, unused = sift(findings(pins, known.advisories), reasons)
    for finding in counting:
        print(finding)
    say(
        f"{known.count} advisories, the newest of {known.newest or 'an unknown day'}: "
        f"{len(counting) or 'none'} found" + (f", {len(passed)} ignored" if passed else "")
    )
    for name in unused:
        say(f"{FILE}: {name} matches nothing any more")
    return len(counting)


def say(text: str) -> None:
    """Sum up."""
    print(f"audit: {text}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 where something is wrong, 2 where something cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("--advisories", type=Path, metavar="PATH", help="OSV's export for PyPI: a zip or a folder")
    parser.add_argument("--requirements", type=Path, metavar="FOLDER", default=REQUIREMENTS, help="where the locks are")
    options = parser.parse_args(arguments)
    try:
        pins, wrong = check_form(options.requirements)
        if options.advisories is None:
            say(HOW_TO_KNOW_MORE)
        else:
            wrong += check_known(pins, options.advisories, options.requirements)
    except BadInputError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
