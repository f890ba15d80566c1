"""Processor architectures, as Debian, Docker and the kernel call them."""

from __future__ import annotations

import os

#: Debian's and Docker's name by the kernel's.
_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class Refusal(Exception):
    """The images cannot be made here; the text says why and what helps."""


def own_architecture() -> str:
    """The name of this machine's architecture.

    Raises:
        Refusal: it is none that images are made for.
    """
    kernel_name = os.uname().machine
    try:
        return _NAMES[kernel_name]
    except KeyError:
        raise Refusal(f"images are made for {' and '.join(_NAMES.values())}, and this is {kernel_name}") from None


def chosen_architecture(asked: str) -> str:
    """``asked``, or this machine's own where it is empty.

    Raises:
        Refusal: it is none that images are made for.
    """
    if not asked:
        return own_architecture()
    if asked not in _NAMES.values():
        raise Refusal(f"ARCH={asked} is not known: it takes {' or '.join(_NAMES.values())}")
    return asked


def tag_suffix(architecture: str) -> str:
    """What an image's tag says of its architecture: nothing where it is this machine's own."""
    return "" if architecture == own_architecture() else f"-{architecture}"


def require_emulation(architecture: str) -> None:
    """Check that this kernel runs programs of ``architecture``.

    Raises:
        Refusal: it does not.
    """
    if architecture == own_architecture():
        return
    kernel_name = next(name for name, debian_name in _NAMES.items() if debian_name == architecture)
    try:
        with open(f"/proc/sys/fs/binfmt_misc/qemu-{kernel_name}") as entry:
            rule = entry.read()
    except OSError:
        rule = ""
    # F: the interpreter is opened when it is registered, so that it is there in a container too.
    if "enabled" not in rule or "flags:" not in rule or "F" not in rule.partition("flags:")[2].splitlines()[0]:
        raise Refusal(
            f"this kernel does not run programs of {architecture} yet: sudo apt-get install -y qemu-user-static "
            "binfmt-support (and mount -t binfmt_misc none /proc/sys/fs/binfmt_misc where it is not mounted)"
        )
