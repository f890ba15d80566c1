"""The head of a request, read strictly: what two servers could read in two ways is none (RFC 9112)."""

import re
from typing import IO, Final

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE: Final = re.compile(_TOKEN + rb" [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]\r?\n")
#: A header, on one line, without control characters: a bare CR is an end of line to some.
_FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*)\r?\n")
#: The absolute form of a target, without user information (RFC 9110, 4.2.4).
_ABSOLUTE: Final = re.compile(r"(?i:https?)://([^/?#@]+)(/[^?#]*)?(\?[^#]*)?")
_ENDS: Final = (b"\r\n", b"\n", b"")
_LENGTH: Final = b"content-length"
#: What a request says once.
_SINGLE: Final = (b"host", _LENGTH)


class Head:
    """Hands lines on as they come; ``is_valid`` once all are there."""

    def __init__(self, request_line: bytes, file: IO[bytes]) -> None:
        self.is_valid = _REQUEST_LINE.fullmatch(request_line) is not None
        self._file = file
        self._said: set[bytes] = set()

    def readline(self, size: int = -1) -> bytes:
        """Read a line."""
        line = self._file.readline(size)
        if line not in _ENDS:
            self.is_valid = self._is_field(line) and self.is_valid
        return line

    def _is_field(self, line: bytes) -> bool:
        field = _FIELD.fullmatch(line)
        if field is None:
            return False
        name = field[1].lower()
        if name not in _SINGLE:
            return True
        if name in self._said or (name == _LENGTH and not field[2].strip(b" \t").isdigit()):
            return False
        self._said.add(name)
        return True


def origin_form(target: str) -> tuple[str, str]:
    """Split the target of a request (RFC 9112, 3.2) into authority and origin form.

    The authority is empty where the target is a path; ``*`` and other forms stay as they are.

    Raises:
        ValueError: it looks absolute and is not valid.
    """
    if "://" not in target or target.startswith("/"):
        return "", target
    parts = _ABSOLUTE.fullmatch(target)
    if parts is None:
        raise ValueError("not the URI of a resource")
    return parts[1], (parts[2] or "/") + (parts[3] or "")
