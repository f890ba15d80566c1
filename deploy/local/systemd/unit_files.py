"""The units: here, and where systemd looks for them."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.local.systemd.layout import Layout

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
