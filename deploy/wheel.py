"""A build hook for hatchling: the dependencies of a wheel are the exact versions in the locks."""

import re
from pathlib import Path
from typing import Any, Final

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: Locks with all packages of the local mode.
LOCKS: Final = ("local.txt", "valkey.txt")
_REQUIREMENT: Final = re.compile(r"^([A-Za-z0-9._-]+==[^\s;]+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)


class ExactVersions(MetadataHookInterface):  # type: ignore[misc]
    """Sets the project's dependencies to exact versions."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the dependencies to ``metadata``."""
        folder = Path(self.root, "requirements")
        metadata["dependencies"] = [
            f"{name}; {marker}" if marker else name
            for lock in LOCKS
            for name, marker in _REQUIREMENT.findall((folder / lock).read_text())
        ]
