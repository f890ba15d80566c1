"""``make release VERSION=0.6.0``: gives the product its version in every file that names it, and says what comes next.

Called twice for each release: first when work on it begins, with a changelog's section that is called unreleased, and
again before its commit, without that word. The version is that of ``contract``; manifests, images and documentation
cannot read it there, so they have copies.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contract import VERSION

ROOT: Final = Path(__file__).parent.parent
HISTORY: Final = "CHANGELOG.md"
#: Tell of former versions, or of those of other products.
_OTHERS: Final = (HISTORY, "go.mod", "go.sum", "pom.xml")
_LOCKS: Final = "requirements/"
#: Names this product's version before its first dependency, if at all, then those of others.
_NPM_LOCK: Final = "package-lock.json"
_NPM_DEPENDENCY: Final = '"node_modules/'
_SECTION: Final = re.compile(r"^## (\S+)(.*)$", re.MULTILINE)
_UNRELEASED: Final = " (unreleased)"

_BEGUN: Final = """\
Next: commit this. Each change adds its line to the section {version} of CHANGELOG.md.
Before the release: docs/releasing.md; take "(unreleased)" out of the heading, and make release VERSION={version}"""
_READY: Final = """\
Next, unless they were done (docs/releasing.md):
  make check test test-clients test-integration; make test-k8s CONTEXT=…; make audit
  git commit --all --message 'release: {version}'
  make push REGISTRY=…"""


class NotReady(Exception):
    """Something is in the way of a release; the text is for people."""


def release(root: Path, former: str, version: str) -> str:
    """Replace ``former`` by ``version`` in the files below ``root``; return what was done, and what comes next.

    Raises:
        NotReady: the changelog does not have the section, or something else is not committed. Nothing was changed.
    """
    is_unreleased = _require_section(root, version)
    _require_committed(root)
    changed = rename(root, former, version) if version != former else []
    done = f"{former} is {version} now in {len(changed)} files." if changed else f"The version is {version} already."
    following = _BEGUN if is_unreleased else _READY
    return f"{done}\n{following.format(version=version)}"


def _require_section(root: Path, version: str) -> bool:
    """Check that the changelog begins with the section of ``version``; return whether it is called unreleased."""
    sections = _SECTION.findall((root / HISTORY).read_text())
    first, rest = sections[0] if sections else ("", "")
    if first != version:
        raise NotReady(f"{HISTORY} begins with {first or 'no section'}: write ## {version}{_UNRELEASED} above it.")
    if rest not in ("", _UNRELEASED):
        raise NotReady(f"The heading is ## {version} or ## {version}{_UNRELEASED} in {HISTORY}, not ## {version}{rest}")
    former = [name for name, _ in sections[1:]]
    if version in former or any(_numbers(name) > _numbers(version) for name in former):
        raise NotReady(f"{HISTORY} has {former[0]} before it: versions grow.")
    return rest == _UNRELEASED


def _require_committed(root: Path) -> None:
    """Check that nothing but the changelog waits to be committed: what is changed here can then be seen and undone."""
    command = ["git", "status", "--porcelain", "--", ".", f":(exclude){HISTORY}"]
    changed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.rstrip()
    if changed:
        raise NotReady(f"Commit these first, or put them away:\n{changed}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


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


def main(arguments: Sequence[str]) -> int:
    """Return the exit code."""
    if len(arguments) != 1 or not re.fullmatch(r"\d+\.\d+\.\d+", arguments[0]):
        sys.stderr.write("Which version? For instance: make release VERSION=0.6.0\n")
        return 2
    try:
        print(release(ROOT, VERSION, arguments[0]))
    except NotReady as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
