"""What the kernel of this machine tells in files, and psutil does not: pressure, and the alarms of sensors."""

import re
from pathlib import Path
from typing import Final

from collector.alarms import ALARM_FILES, Alarms

_PRESSURE: Final = Path("/proc/pressure")
_HWMON: Final = Path("/sys/class/hwmon")
#: Microseconds for which some task waited. Source: kernel, Documentation/accounting/psi.rst
_SOME: Final = re.compile(r"^some .*\btotal=(\d+)$", re.MULTILINE)
_ALARM: Final = re.compile(r"([a-z]+)(\d+)_([a-z]+_alarm)")


def waiting_seconds(resource: str, folder: Path = _PRESSURE) -> float | None:
    """Return for how long some task has waited for ``io`` or ``memory`` since boot; ``None`` where the kernel says not.

    A kernel may be made without these files, and reading them is refused where they are switched off (``psi=0``).
    """
    try:
        found = _SOME.search((folder / resource).read_text())
    except OSError:
        return None
    return None if found is None else int(found[1]) / 1e6


def read_alarms(folder: Path = _HWMON) -> Alarms:
    """Return the alarms of the sensors."""
    alarms = Alarms()
    for path in folder.glob("hwmon*/*_alarm"):
        found = _ALARM.fullmatch(path.name)
        rule = ALARM_FILES.get((found[1], found[3])) if found else None
        if found is None or rule is None:
            continue
        try:
            chip, raised = (path.parent / "name").read_text().strip(), path.read_text().strip()
        except OSError:
            continue
        sensor = f"{found[1]}{found[2]}"
        is_raised = raised not in ("", "0") and not _is_faulty(path.with_name(f"{sensor}_fault"))
        alarms.note(rule, chip, sensor, raised=is_raised)
    return alarms


def _is_faulty(file: Path) -> bool:
    try:
        return file.read_text().strip() not in ("", "0")
    except OSError:
        return False
