"""``make release VERSION=0.8.0``: writes a new version to every file that names the version, and prints the next steps.

It runs twice for each release: when the work begins, while the changelog's section is marked "(unreleased)", and before
the release commit, without that mark. The version is defined in ``contract``. Manifests, images and documentation
cannot read it there, so they hold copies.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contract import VERSION

ROOT: Final = Path(__file__).parent.parent
CHANGELOG: Final = "CHANGELOG.md"
#: Files that name previous versions, or versions of other products.
_UNCHANGED_FILES: Final = (CHANGELOG, "go.mod", "go.sum", "pom.xml")
_LOCKS: Final = "requirements/"
#: Files with the product's version only before the first dependency.
_NPM_LOCK: Final = "package-lock.json"
_NPM_DEPENDENCY: Final = '"node_modules/'
_SECTION: Final = re.compile(r"^## (\S+)(.*)$", re.MULTILINE)
_UNRELEASED: Final = " (unreleased)"

_NEXT_STEPS_UNRELEASED: Final = """\
Next: commit this. Each change adds its line to the section {version} of CHANGELOG.md.
Before the release (docs/releasing.md): remove "(unreleased)" from the heading, then make release VERSION={version}"""
_NEXT_STEPS_RELEASED: Final = """\
Next steps (docs/releasing.md):
  make check test test-clients test-integration; make test-k8s CONTEXT=…; make audit
  git commit --all --message 'release: {version}'
  make push REGISTRY=…"""


class NotReady(Exception):
    """A condition of the release is not met; the text names the condition and the remedy."""


def release(root: Path, previous: str, version: str) -> str:
    """Replace ``previous`` by ``version`` in the files below ``root``; return a summary with the next steps.

    Raises:
        NotReady: the changelog lacks the section, or other changes are not committed. No file was changed.
    """
    is_unreleased = _require_section(root, version)
    _require_committed(root)
    changed = rename(root, previous, version) if version != previous else []
    done = (
        f"Replaced {previous} by {version} in {len(changed)} files."
        if changed
        else f"The version is already {version}."
    )
    next_steps = _NEXT_STEPS_UNRELEASED if is_unreleased else _NEXT_STEPS_RELEASED
    return f"{done}\n{next_steps.format(version=version)}"


def _require_section(root: Path, version: str) -> bool:
    """Check that the changelog begins with the section of ``version``; return whether it is marked "(unreleased)"."""
    sections = _SECTION.findall((root / CHANGELOG).read_text())
    first, rest = sections[0] if sections else ("", "")
    if first != version:
        raise NotReady(f"{CHANGELOG} begins with {first or 'no section'}: write ## {version}{_UNRELEASED} above it.")
    if rest not in ("", _UNRELEASED):
        raise NotReady(
            f"The heading is ## {version} or ## {version}{_UNRELEASED} in {CHANGELOG}, not ## {version}{rest}"
        )
    older = [name for name, _ in sections[1:]]
    if version in older or any(_numbers(name) > _numbers(version) for name in older):
        raise NotReady(f"{CHANGELOG} has {older[0]} below {version}: a version must be higher than all before it.")
    return rest == _UNRELEASED


def _require_committed(root: Path) -> None:
    """Check that only the changelog has uncommitted changes, so that the changes of this program can be undone."""
    command = ["git", "status", "--porcelain", "--", ".", f":(exclude){CHANGELOG}"]
    changed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.rstrip()
    if changed:
        raise NotReady(f"Commit or stash these changes first:\n{changed}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def rename(root: Path, previous: str, version: str) -> list[str]:
    """Replace ``previous`` by ``version`` in all files that git tracks below ``root``; return their names."""
    whole = re.compile(rf"(?<![\d.]){re.escape(previous)}(?![\d]|\.\d)")
    changed = []
    listed = subprocess.run(
        ["git", "grep", "--files-with-matches", "-I", "--fixed-strings", previous],
        cwd=root, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        path = root / name
        if path.name in _UNCHANGED_FILES or name.startswith(_LOCKS):
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
        sys.stderr.write("Name the version, for example: make release VERSION=0.8.0\n")
        return 2
    try:
        print(release(ROOT, VERSION, arguments[0]))
    except NotReady as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
