"""The services as systemd knows them: files of their units, here and where it looks; what it is told and asked."""

import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.local.refusal import CannotStart
from deploy.local.systemd.layout import SERVICES, TARGET, Layout

UNITS: Final = Path(__file__).parent / "units"


def unit_files() -> list[Path]:
    """Files of the units, relative to their folder."""
    return sorted(path.relative_to(UNITS) for path in UNITS.rglob("*") if path.is_file())


def write_units(layout: Layout) -> None:
    """Put the units where systemd looks."""
    for unit in unit_files():
        target = layout.units / unit
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(UNITS / unit, target)


def remove_units(layout: Layout) -> None:
    """Take the units away; what an administrator added to them (``systemctl edit``) stays."""
    for unit in unit_files():
        target = layout.units / unit
        target.unlink(missing_ok=True)
        if target.parent != layout.units:
            with suppress(OSError):  # it holds something else, or is gone
                target.parent.rmdir()


def systemctl(*arguments: str) -> None:
    """Call ``systemctl``.

    Raises:
        CannotStart: it failed; the text is what it said.
    """
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotStart(f"systemctl {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip()}")


def is_active(unit: str) -> bool:
    """Whether a unit runs."""
    return subprocess.run(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def restarts(unit: str) -> int:
    """How often systemd has started a service again since it was last started by hand."""
    command = ["systemctl", "show", "--property=NRestarts", "--value", unit]
    text = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return int(text) if text.isdigit() else 0


def last_lines(unit: str, count: int = 5) -> list[str]:
    """What a service itself said last."""
    name = unit.removesuffix(".service")
    command = ["journalctl", "--identifier", name, "--lines", str(count), "--output", "cat", "--no-pager", "--quiet"]
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()


def restart_all(former: Path | None) -> None:
    """Run what is installed now, in order, from this boot on; ``former`` is the release before.

    Raises:
        CannotStart: systemd refused, or a service did not start.
    """
    systemctl("daemon-reload")
    systemctl("enable", "--quiet", TARGET)
    for service in SERVICES:
        try:
            systemctl("restart", service)
        except CannotStart as refusal:
            raise CannotStart(described(str(refusal), [service], former)) from None
    systemctl("start", TARGET)


def stop_all(layout: Layout) -> None:
    """Stop what runs, in the opposite order of its start, now and for the next boot.

    Raises:
        CannotStart: systemd refused.
    """
    if (layout.units / TARGET).exists():
        systemctl("disable", "--quiet", "--now", TARGET)
    services = [service for service in reversed(SERVICES) if (layout.units / service).exists()]
    if services:
        systemctl("stop", *services)


def described(text: str, services: Iterable[str], former: Path | None) -> str:
    """Return ``text``, what ``services`` said last, and the way back to the release ``former`` if there was one."""
    lines = [text, "Said last:", *(f"  {service}: {line}" for service in services for line in last_lines(service))]
    if former is not None:
        lines.append(
            "The way back to the release before:\n"
            f"  sudo ln -sfn {former} /opt/dispycluster/current && sudo systemctl restart {TARGET}"
        )
    return "\n".join(lines)
