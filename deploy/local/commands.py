"""How people call the product's programs: with make in a checkout, otherwise with the command ``dispycluster``."""

import shlex
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
#: This folder if it is a checkout, which has a Makefile; otherwise ``None``.
CHECKOUT: Final = _ROOT if (_ROOT / "Makefile").is_file() else None
IN_CHECKOUT: Final = CHECKOUT is not None

RUN: Final = "make run" if IN_CHECKOUT else "dispycluster run"
ADD_USER: Final = "make user NAME={}" if IN_CHECKOUT else "dispycluster user add {}"
CHECK_NODES: Final = "make check-nodes" if IN_CHECKOUT else "dispycluster check-nodes"
SAVE_ACCESS: Final = "make access DO=save DATA_DIR={}" if IN_CHECKOUT else "DATA_DIR={} dispycluster access save"
RESTORE_ACCESS: Final = (
    "make access DO=restore DATA_DIR={}" if IN_CHECKOUT else "DATA_DIR={} dispycluster access restore"
)
RESTORE: Final = "make restore-local FILE=dump.rdb" if IN_CHECKOUT else "dispycluster restore dump.rdb"
END_SESSIONS: Final = "make access DO=end-sessions" if IN_CHECKOUT else "dispycluster access end-sessions"


def with_data_dir(data_dir: Path, command: str) -> str:
    """Return ``command`` with ``DATA_DIR`` set to ``data_dir``."""
    setting = f"DATA_DIR={shlex.quote(str(data_dir))}"
    return f"{command} {setting}" if IN_CHECKOUT else f"{setting} {command}"
