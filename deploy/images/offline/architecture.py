"""Processor architectures, and their names in Debian, Docker and the kernel."""

from __future__ import annotations

import os

#: Debian's and Docker's name for each kernel name.
_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class ImagesError(Exception):
    """The images cannot be built on this machine. The text has the reason and the remedy."""


def own_architecture() -> str:
    """Return the name of this machine's architecture.

    Raises:
        ImagesError: there are no images for this architecture.
    """
    kernel_name = os.uname().machine
    try:
        return _NAMES[kernel_name]
    except KeyError:
        known = " and ".join(_NAMES.values())
        raise ImagesError(f"images exist for {known}, but this machine is {kernel_name}") from None


def chosen_architecture(asked: str) -> str:
    """Return ``asked``, or this machine's architecture if ``asked`` is empty.

    Raises:
        ImagesError: there are no images for this architecture.
    """
    if not asked:
        return own_architecture()
    if asked not in _NAMES.values():
        raise ImagesError(f"ARCH={asked} is not valid: it takes {' or '.join(_NAMES.values())}")
    return asked


def tag_suffix(architecture: str) -> str:
    """Return the suffix of an image's tag for its architecture; empty for this machine's own."""
    return "" if architecture == own_architecture() else f"-{architecture}"


def require_emulation(architecture: str) -> None:
    """Check that this kernel runs programs of ``architecture``.

    Raises:
        ImagesError: the emulation is not set up.
    """
    if architecture == own_architecture():
        return
    kernel_name = next(name for name, debian_name in _NAMES.items() if debian_name == architecture)
    try:
        with open(f"/proc/sys/fs/binfmt_misc/qemu-{kernel_name}") as entry:
            rule = entry.read()
    except OSError:
        rule = ""
    # Flag F: the kernel opens the interpreter at registration, so containers can use it too.
    if "enabled" not in rule or "flags:" not in rule or "F" not in rule.partition("flags:")[2].splitlines()[0]:
        raise ImagesError(
            f"this kernel cannot run programs of {architecture}: sudo apt-get install -y qemu-user-static "
            "binfmt-support (and mount -t binfmt_misc none /proc/sys/fs/binfmt_misc if it is not mounted)"
        )
