"""All scripts as one library of Redis functions.

The library's name and its functions' names end in a digest of the scripts. So those of two versions stand side by side
in one Redis, and a caller never gets a function of another version. ``python -m contract.library`` prints it, and so
does ``deploy/images/redis/bin/functions``.

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
    """The texts of all scripts by their names, in the order of the names."""
    files = [file for file in (resources.files("contract") / "lua").iterdir() if file.name.endswith(".lua")]
    return {file.name.removesuffix(".lua"): file.read_text() for file in sorted(files, key=lambda file: file.name)}


def _registration(name: str, text: str) -> str:
    """The Lua code that registers a script as a function, under the flags of its first line."""
    first, _, body = text.partition("\n")
    flags = "'allow-oom'" if "allow-oom" in first else ""
    head = f"redis.register_function{{function_name='{name}', flags={{{flags}}}, callback=function(KEYS, ARGV)\n"
    return f"{head}{body}end}}\n"


_TEXTS: Final = _texts()
_VERSION: Final = hashlib.sha256("".join(_TEXTS.values()).encode()).hexdigest()[:_DIGITS]
LIBRARY_NAME: Final = f"dispycluster_{_VERSION}"
#: The library as FUNCTION LOAD takes it.
LIBRARY: Final = f"#!lua name={LIBRARY_NAME}\n" + "".join(
    _registration(f"{name}_{_VERSION}", text) for name, text in _TEXTS.items()
)


@dataclass(frozen=True)
class Script:
    """A Lua script by the name of its file, as a function of ``LIBRARY``."""

    name: str

    @property
    def library_name(self) -> str:
        """The name of the library, as ``FUNCTION LIST`` has it."""
        return LIBRARY_NAME

    @property
    def library(self) -> str:
        """The library, as ``FUNCTION LOAD`` takes it."""
        return LIBRARY

    @property
    def text(self) -> str:
        """The text of its file."""
        return _TEXTS[self.name]

    @property
    def function_name(self) -> str:
        """The name of its function in the library."""
        return f"{self.name}_{_VERSION}"


if __name__ == "__main__":
    sys.stdout.write(LIBRARY)
