"""What systemd is told and asked."""

import subprocess

from deploy.local.refusal import CannotStart


def systemctl(*arguments: str) -> None:
    """Call ``systemctl``.

    Raises:
        CannotStart: it failed; the text is what it said.
    """
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotStart(f"systemctl {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip()}")


def is_active(unit: str) -> bool:
    """Whether a unit runs."""
    return subprocess.run(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def restarts(unit: str) -> int:
    """How often systemd has started a service again since it was last started by hand."""
    command = ["systemctl", "show", "--property=NRestarts", "--value", unit]
    text = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return int(text) if text.isdigit() else 0


def last_lines(unit: str, count: int = 5) -> list[str]:
    """What a service itself said last."""
    name = unit.removesuffix(".service")
    command = ["journalctl", "--identifier", name, "--lines", str(count), "--output", "cat", "--no-pager", "--quiet"]
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
