"""Secrets and certificates that exporters need, from files below one folder."""

import base64
import codecs
import os
import stat
import time
from pathlib import Path
from typing import Final

from collector.http_options import HttpOptions

#: Bytes that such a file may have; the bundle of all public CAs has about 230 KB.
SIZE_LIMIT_BYTES: Final = 1024 * 1024
#: Seconds for which a file is read at every look after it has changed. A file system's clock is so coarse that another
#: change of the same length might not show.
SETTLED_SECONDS: Final = 3.0
#: Bytes that a password or a token may have.
SECRET_LIMIT_BYTES: Final = 8192


class CredentialsError(Exception):
    """A file that cannot be used; the text is a sentence for people.

    It repeats neither what a file holds nor its name, since who errs may write a secret where its file belongs.
    """


class Credentials:
    """Reads files below ``folder``, and again when they change. Links in the folder are followed, none out of it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[tuple[int, ...], bytes]] = {}

    def authorization(self, options: HttpOptions) -> str | None:
        """Return the value of the header ``Authorization``; ``None`` where the exporter is shown nothing.

        Raises:
            CredentialsError: a file cannot be used.
        """
        if options.bearer_token_file is not None:
            token = self._secret("bearer_token_file", options.bearer_token_file)
            # What a header can hold; all else would be refused later, with the token in the error.
            if not all(0x21 <= byte <= 0x7E for byte in token):
                raise CredentialsError("bearer_token_file does not hold one token")
            return f"Bearer {token.decode()}"
        if options.username is None or options.password_file is None:
            return None
        password = self._secret("password_file", options.password_file)
        # Basic authentication has none of them. Source: RFC 7617, section 2
        if any(byte < 0x20 or byte == 0x7F for byte in password):
            raise CredentialsError("password_file does not hold one password")
        return "Basic " + base64.b64encode(options.username.encode() + b":" + password).decode()

    def read(self, what: str, name: str) -> bytes:
        """Return the content of the file ``name``, which the option ``what`` gives.

        Raises:
            CredentialsError: there is none below the folder, or it cannot be read.
        """
        if self._folder is None:
            raise CredentialsError(f"{what} needs COLLECTOR_CREDENTIALS_DIR, which is not set")
        try:
            folder = self._folder.resolve(strict=True)
        except (OSError, RuntimeError):
            raise CredentialsError("COLLECTOR_CREDENTIALS_DIR is not there") from None
        if not folder.is_dir():
            raise CredentialsError("COLLECTOR_CREDENTIALS_DIR is no folder")
        try:
            path = (folder / name).resolve()
        except (OSError, RuntimeError, ValueError):
            raise CredentialsError(f"{what} cannot be read") from None
        if not path.is_relative_to(folder):
            # Nothing is told about files elsewhere, not even whether they are there.
            raise CredentialsError(f"{what} leads out of COLLECTOR_CREDENTIALS_DIR")
        try:
            return self._content(path)
        except FileNotFoundError:
            raise CredentialsError(f"{what} is not in COLLECTOR_CREDENTIALS_DIR") from None
        except OSError as error:
            raise CredentialsError(f"{what} cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise CredentialsError(f"{what} {error}") from None

    def _secret(self, what: str, name: str) -> bytes:
        # Editors of Windows mark a text by its first three bytes.
        secret = self.read(what, name).removeprefix(codecs.BOM_UTF8).strip()
        if not secret:
            raise CredentialsError(f"{what} is empty")
        if len(secret) > SECRET_LIMIT_BYTES:
            raise CredentialsError(f"{what} is longer than {SECRET_LIMIT_BYTES} bytes")
        return secret

    def _content(self, path: Path) -> bytes:
        known = self._known.get(path)
        if known is not None and known[0] == _signature(path.stat()):
            return known[1]
        # Resolved already, so a last part that is a link has just become one. A FIFO would hold up whoever opens it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ValueError("is not a file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(SIZE_LIMIT_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > SIZE_LIMIT_BYTES:
            raise ValueError(f"is longer than {SIZE_LIMIT_BYTES // 1024} KiB")
        if abs(time.time() - found.st_mtime) > SETTLED_SECONDS:
            self._known[path] = _signature(found), content
        return content


def _signature(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
