"""``python -m deploy.audit``: a line for everything that is wrong with the locked dependencies."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.audit import advisories, locks
from deploy.audit.locks import BadInputError, Fault, Pin

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
#: Where a ``package-lock.json`` is.
NPM = [ROOT / "dashboard", ROOT / "tests/clients", ROOT / "bench/push/peers/node"]
HOW_TO_KNOW_MORE = "only the form of the locks was checked. Known vulnerabilities too: make audit"


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


def check_known(pins: list[Pin], folders: list[Path]) -> int:
    """Print known vulnerabilities, and what could not be asked for; return how many of these lines count."""
    say("asking for known vulnerabilities …")
    found = [*advisories.in_python(pins), *(finding for folder in folders for finding in advisories.in_npm(folder))]
    counting = [finding for finding in found if not finding.is_ignored]
    for finding in counting:
        print(finding.text)
    say(f"{len(counting) or 'none'} found, {len(found) - len(counting)} ignored")
    return len(counting)


def say(text: str) -> None:
    """Sum up."""
    print(f"audit: {text}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 where something is wrong, 2 where something cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("--known", action="store_true", help="ask for known vulnerabilities too")
    parser.add_argument("--requirements", type=Path, metavar="FOLDER", default=REQUIREMENTS, help="where the locks are")
    parser.add_argument(
        "--npm", type=Path, metavar="FOLDER", nargs="*", default=NPM, help="where a package-lock.json is"
    )
    options = parser.parse_args(arguments)
    try:
        pins, wrong = check_form(options.requirements)
    except BadInputError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    if options.known:
        wrong += check_known(pins, options.npm)
    else:
        say(HOW_TO_KNOW_MORE)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
