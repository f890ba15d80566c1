"""The lines of ``.env`` that select the images, written without touching anybody else's."""

from __future__ import annotations

from pathlib import Path

_HEADING = (
    "# Base images made on this machine by `make images-offline`. Without these lines the official ones are taken."
)


def select_images(path: Path, variables: dict[str, str]) -> None:
    """Set ``variables`` in the file, which need not be there yet; all other lines stay as they are."""
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in variables and line != _HEADING]
    while kept and not kept[-1].strip():
        kept.pop()
    block = [_HEADING, *(f"{name}={value}" for name, value in variables.items())]
    new = path.with_name(path.name + ".new")
    new.write_text("\n".join([*kept, *([""] if kept else []), *block]) + "\n")
    if path.exists():
        new.chmod(path.stat().st_mode & 0o777)
    new.replace(path)
