"""All Lua scripts as one library of Redis functions.

The names of the library and of its functions end in a digest of the scripts. Two versions can therefore coexist in one
Redis, and a caller always gets the functions of its own version. ``python -m contract.library`` and
``deploy/images/redis/bin/functions`` print the library.

Source: https://valkey.io/topics/functions-intro/
"""

import hashlib
import sys
from dataclasses import dataclass
from importlib import resources
from typing import Final

#: Hexadecimal digits of the digest.
_DIGITS: Final = 12


def _texts() -> dict[str, str]:
    """Return the source texts of all scripts, sorted by name."""
    files = [file for file in (resources.files("contract") / "lua").iterdir() if file.name.endswith(".lua")]
    return {file.name.removesuffix(".lua"): file.read_text() for file in sorted(files, key=lambda file: file.name)}


def _registration(name: str, text: str) -> str:
    """Return the Lua code that registers a script as a function, with the flags from the script's first line."""
    first, _, body = text.partition("\n")
    flags = "'allow-oom'" if "allow-oom" in first else ""
    head = f"redis.register_function{{function_name='{name}', flags={{{flags}}}, callback=function(KEYS, ARGV)\n"
    return f"{head}{body}end}}\n"


_TEXTS: Final = _texts()
_VERSION: Final = hashlib.sha256("".join(_TEXTS.values()).encode()).hexdigest()[:_DIGITS]
LIBRARY_NAME: Final = f"dispycluster_{_VERSION}"
#: Source of the library, for FUNCTION LOAD.
LIBRARY: Final = f"#!lua name={LIBRARY_NAME}\n" + "".join(
    _registration(f"{name}_{_VERSION}", text) for name, text in _TEXTS.items()
)


@dataclass(frozen=True)
class Script:
    """A Lua script, by the name of its file, as a function of ``LIBRARY``."""

    name: str

    @property
    def library_name(self) -> str:
        """Name of the library, as in ``FUNCTION LIST``."""
        return LIBRARY_NAME

    @property
    def library(self) -> str:
        """Source of the library, for ``FUNCTION LOAD``."""
        return LIBRARY

    @property
    def text(self) -> str:
        """Source of the script."""
        return _TEXTS[self.name]

    @property
    def function_name(self) -> str:
        """Name of the script's function in the library."""
        return f"{self.name}_{_VERSION}"


if __name__ == "__main__":
    sys.stdout.write(LIBRARY)
