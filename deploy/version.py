"""``python -m deploy.version 0.4.0``: gives the product its next version in every file that names the present one."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from contract import VERSION

ROOT: Final = Path(__file__).parent.parent
HISTORY: Final = "CHANGELOG.md"
#: Tell of former versions, or of those of other products.
_OTHERS: Final = ("CHANGELOG.md", "go.mod", "go.sum", "pom.xml")
_LOCKS: Final = "requirements/"
#: Names this product's version before its first dependency, if at all, then those of others.
_NPM_LOCK: Final = "package-lock.json"
_NPM_DEPENDENCY: Final = '"node_modules/'


def rename(root: Path, former: str, version: str) -> list[str]:
    """Replace ``former`` by ``version`` in all files that git knows below ``root``; return their names."""
    whole = re.compile(rf"(?<![\d.]){re.escape(former)}(?![\d]|\.\d)")
    changed = []
    listed = subprocess.run(
        ["git", "grep", "--files-with-matches", "-I", "--fixed-strings", former],
        cwd=root, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        path = root / name
        if path.name in _OTHERS or name.startswith(_LOCKS):
            continue
        text = path.read_text()
        ours, dependency, others = text.partition(_NPM_DEPENDENCY) if path.name == _NPM_LOCK else (text, "", "")
        renamed = whole.sub(version, ours) + dependency + others
        if renamed != text:
            path.write_text(renamed)
            changed.append(name)
    return changed


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    if len(arguments) != 1 or not re.fullmatch(r"\d+\.\d+\.\d+", arguments[0]):
        sys.stderr.write("usage: make version VERSION=0.4.0\n")
        return 2
    version = arguments[0]
    changed = rename(ROOT, VERSION, version)
    print(f"{VERSION} is {version} now in {len(changed)} files")
    if f"\n## {version}\n" not in (ROOT / HISTORY).read_text():
        print(f"{HISTORY} has no section {version} yet")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
