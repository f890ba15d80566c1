"""Checks of the gateway's certificate and key on this machine."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

#: User id and group id of the gateway's process.
GATEWAY_UID = 10001


@dataclass(frozen=True)
class TlsFiles:
    """Paths on this machine; ``None`` if not set."""

    certificate: Path | None = None
    key: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.certificate or self.key)

    def error(self) -> str:
        """Return why the gateway cannot use the files, as a sentence; empty without a known problem."""
        if not self:
            return ""
        for name, path in (("TLS_CERTIFICATE", self.certificate), ("TLS_KEY", self.key)):
            if path is None:
                return f"TLS_CERTIFICATE and TLS_KEY belong together, and {name} is not set."
            error = _file_error(path)
            if error:
                return f"{name}={path} {error}. {name} takes the absolute path of a file in PEM format."
        can_see = all(os.access(str(path), os.R_OK) for path in (self.certificate, self.key))
        return self._mismatch() if can_see else ""

    def unreadable(self) -> list[Path]:
        """Return the files that the gateway's user cannot read, according to owner and mode."""
        return [path for path in (self.certificate, self.key) if path and not _gateway_can_read(path)]

    def _mismatch(self) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # Without a password function, OpenSSL asks on the terminal for the password of an encrypted key.
            context.load_cert_chain(str(self.certificate), str(self.key), password=lambda: "")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                return "The key of TLS_KEY does not belong to the certificate of TLS_CERTIFICATE."
            return (
                "TLS_CERTIFICATE and TLS_KEY must be a certificate and a key in PEM format, the key without a password "
                f"({error.reason or 'they cannot be read'})."
            )
        except OSError as error:
            return f"TLS_CERTIFICATE or TLS_KEY cannot be read: {error.strerror}."
        return ""


def _file_error(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except PermissionError:  # the engine may have access
        return ""
    except OSError:
        return "does not exist"
    return "" if stat.S_ISREG(mode) else "is no file"


def _gateway_can_read(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:  # unknown
        return True
    if status.st_uid == GATEWAY_UID:
        return bool(status.st_mode & stat.S_IRUSR)
    if status.st_gid == GATEWAY_UID:
        return bool(status.st_mode & stat.S_IRGRP)
    return bool(status.st_mode & stat.S_IROTH)
