"""What a program written in Go is made of, as its linker wrote it into the file.

Images that hold one program and no package manager say only so what is in them: the official node_exporter is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from deploy.compose.packages import Package

#: What the record begins with. Source: Go's package debug/buildinfo.
_MAGIC = b"\xff Go buildinf:"
_HEADER_BYTES = 32
_ALIGNMENT_BYTES = 16
#: A flag in the header's last used byte: both strings follow it. Linkers before Go 1.18 wrote pointers, which are not
#: followed.
_INLINE = 2
#: What stands before and after the list of modules.
_SENTINEL_BYTES = 16


def go_modules(program: bytes) -> Iterator[Package]:
    """Go's standard library and the modules of ``program``, which is a whole file; nothing where it is not Go's."""
    version, listed = _record(program)
    if version.startswith("go"):
        # Behind a space there may be experiments that were switched on.
        yield Package("golang", "stdlib", version[2:].split(" ")[0])
    modules: list[tuple[str, str]] = []
    for line in listed.splitlines():
        word, *values = line.split("\t")
        if word in ("mod", "dep") and len(values) >= 2:
            modules.append((values[0], values[1]))
        elif word == "=>" and len(values) >= 2 and modules and not values[0].startswith((".", "/")):
            # Another module in place of the one before it; a folder of a checkout says nothing that anybody knows.
            modules[-1] = (values[0], values[1])
    for path, release in modules:
        *namespace, name = path.lower().split("/")
        # The main module of what was built from a checkout states no version.
        yield Package("golang", name, "" if release == "(devel)" else release, tuple(namespace))


def _record(program: bytes) -> tuple[str, str]:
    """Go's version and the list of modules; both are empty where there is no record."""
    at = program.find(_MAGIC)
    while at >= 0:
        # Programs that look for the record have its beginning among their constants, too.
        header = program[at : at + _HEADER_BYTES]
        if at % _ALIGNMENT_BYTES == 0 and len(header) == _HEADER_BYTES and header[len(_MAGIC) + 1] & _INLINE:
            version, end = _string(program, at + _HEADER_BYTES)
            modules, _ = _string(program, end)
            # A program that was built without modules has no list.
            framed = modules[_SENTINEL_BYTES:-_SENTINEL_BYTES]
            return version.decode(errors="replace"), framed.decode(errors="replace")
        at = program.find(_MAGIC, at + 1)
    return "", ""


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    """A string behind its length in groups of 7 bits, the lowest first; and where it ends."""
    length = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return data[at : at + length], at + length
