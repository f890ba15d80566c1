"""What a wheel depends on: the exact versions that the locks have, for hatchling, which calls this while it builds."""

import re
from pathlib import Path
from typing import Any, Final

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: All that the local mode needs.
LOCKS: Final = ("local.txt", "valkey.txt")
_REQUIREMENT: Final = re.compile(r"^([A-Za-z0-9._-]+==[^\s;]+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)


class ExactVersions(MetadataHookInterface):  # type: ignore[misc]
    """Sets the project's dependencies."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add them to ``metadata``."""
        folder = Path(self.root, "requirements")
        metadata["dependencies"] = [
            f"{name}; {marker}" if marker else name
            for lock in LOCKS
            for name, marker in _REQUIREMENT.findall((folder / lock).read_text())
        ]
