"""What Linux tells of this machine below /sys: network interfaces and temperature sensors, as node_exporter reads them.

Source: kernel, Documentation/ABI/testing/sysfs-class-net, hwmon/sysfs-interface.rst, ABI/testing/sysfs-class-thermal.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from collector.interfaces import Interface
from collector.temperatures import Place, Sensor, sensors

SYS: Final = Path("/sys")
_READING: Final = re.compile(r"(temp\d+)_input")


def interfaces(names: Iterable[str], sys: Path = SYS) -> list[Interface]:
    """Return what is known of the interfaces of those names."""
    return [_interface(name, sys / "class/net" / name) for name in names]


def temperature_sensors(sys: Path = SYS) -> tuple[Sensor, ...]:
    """Return the sensors whose readings count, the hottest first."""
    readings: dict[Place, float] = {}
    labels: dict[Place, str] = {}
    chip_names: dict[str, str] = {}
    faulty: set[Place] = set()
    for chip in sorted(sys.glob("class/hwmon/hwmon*")):
        chip_names[chip.name] = _text(chip / "name")
        # Drivers of old kernels have the sensors one folder below.
        for file in (*chip.glob("temp*_input"), *chip.glob("device/temp*_input")):
            found = _READING.fullmatch(file.name)
            celsius = _number(file)
            if found is None or celsius is None:
                continue
            place = chip.name, found[1]
            readings[place] = celsius / 1000
            label = _text(file.with_name(f"{found[1]}_label"))
            if label:
                labels[place] = label
            if _number(file.with_name(f"{found[1]}_fault")):
                faulty.add(place)
    for zone in sorted(sys.glob("class/thermal/thermal_zone*")):
        celsius = _number(zone / "temp")
        if celsius is not None:
            readings[_text(zone / "type"), zone.name.removeprefix("thermal_")] = celsius / 1000
    return sensors(readings, labels=labels, chip_names=chip_names, faulty=faulty)


def _interface(name: str, folder: Path) -> Interface:
    return Interface(
        name,
        number=_number(folder / "ifindex"),
        link=_number(folder / "iflink"),
        flags=_number(folder / "flags"),
        kind=_number(folder / "type"),
        address=_text(folder / "address"),
        address_kind=_number(folder / "addr_assign_type"),
        is_bond=(folder / "bonding").is_dir(),
        name_kind=_number(folder / "name_assign_type"),
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    """The whole number in a file, decimal or hexadecimal; ``None`` where there is none, or the driver fails."""
    try:
        return int(_text(file), 0)
    except ValueError:
        return None
