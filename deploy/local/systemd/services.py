"""The services' units: their files, and the calls of ``systemctl`` and ``journalctl``."""

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
    """Return the files of the units, relative to their folder."""
    return sorted(path.relative_to(UNITS) for path in UNITS.rglob("*") if path.is_file())


def write_units(layout: Layout) -> None:
    """Copy the units to systemd's folder."""
    for unit in unit_files():
        target = layout.units / unit
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(UNITS / unit, target)


def remove_units(layout: Layout) -> None:
    """Remove the units. An administrator's additions (``systemctl edit``) stay."""
    for unit in unit_files():
        target = layout.units / unit
        target.unlink(missing_ok=True)
        if target.parent != layout.units:
            with suppress(OSError):  # the folder holds other files, or does not exist
                target.parent.rmdir()


def systemctl(*arguments: str) -> None:
    """Call ``systemctl``.

    Raises:
        CannotStart: the call failed; the text has its output.
    """
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotStart(f"systemctl {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip()}")


def is_active(unit: str) -> bool:
    """Whether a unit runs."""
    return subprocess.run(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def restarts(unit: str) -> int:
    """Return how often systemd has restarted a service since its last start by command."""
    command = ["systemctl", "show", "--property=NRestarts", "--value", unit]
    text = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return int(text) if text.isdigit() else 0


def last_lines(unit: str, count: int = 5) -> list[str]:
    """Return the last lines of a service's own log."""
    name = unit.removesuffix(".service")
    command = ["journalctl", "--identifier", name, "--lines", str(count), "--output", "cat", "--no-pager", "--quiet"]
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()


def restart_all(previous: Path | None) -> None:
    """Restart all services in order, and enable them for each boot.

    Args:
        previous: the release that ran before, for the error's text.

    Raises:
        CannotStart: ``systemctl`` failed, or a service did not start.
    """
    systemctl("daemon-reload")
    systemctl("enable", "--quiet", TARGET)
    for service in SERVICES:
        try:
            systemctl("restart", service)
        except CannotStart as refusal:
            raise CannotStart(with_last_lines(str(refusal), [service], previous)) from None
    systemctl("start", TARGET)


def stop_all(layout: Layout) -> None:
    """Stop all services, in the reverse order of their start, and disable them for the next boot.

    Raises:
        CannotStart: ``systemctl`` failed.
    """
    if (layout.units / TARGET).exists():
        systemctl("disable", "--quiet", "--now", TARGET)
    services = [service for service in reversed(SERVICES) if (layout.units / service).exists()]
    if services:
        systemctl("stop", *services)


def with_last_lines(text: str, services: Iterable[str], previous: Path | None) -> str:
    """Return ``text``, the last log lines of ``services``, and the command that returns to ``previous``, if any."""
    lines = [text, "Last log lines:", *(f"  {service}: {line}" for service in services for line in last_lines(service))]
    if previous is not None:
        lines.append(
            "To return to the previous release:\n"
            f"  sudo ln -sfn {previous} /opt/dispycluster/current && sudo systemctl restart {TARGET}"
        )
    return "\n".join(lines)
