"""How people call the product's programs here: by make in a checkout, else by the command that the wheel installs."""

import shlex
from pathlib import Path
from typing import Final

#: Whether this is a checkout, with its Makefile.
IN_CHECKOUT: Final = (Path(__file__).parents[2] / "Makefile").is_file()

RUN: Final = "make run" if IN_CHECKOUT else "dispycluster run"
ADD_USER: Final = "make user NAME={}" if IN_CHECKOUT else "dispycluster user add {}"
CHECK_NODES: Final = "make check-nodes" if IN_CHECKOUT else "dispycluster check-nodes"
SAVE_ACCESS: Final = "make access DO=save DATA_DIR={}" if IN_CHECKOUT else "DATA_DIR={} dispycluster access save"
RESTORE_ACCESS: Final = (
    "make access DO=restore DATA_DIR={}" if IN_CHECKOUT else "DATA_DIR={} dispycluster access restore"
)


def on(data_dir: Path, command: str) -> str:
    """``command``, called for the data in ``data_dir``."""
    setting = f"DATA_DIR={shlex.quote(str(data_dir))}"
    return f"{command} {setting}" if IN_CHECKOUT else f"{setting} {command}"
