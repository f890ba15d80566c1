"""The certificate and the key that the gateway is to have, as far as they can be seen from here."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

#: As whom the gateway runs, and of which group.
USER = 10001


@dataclass(frozen=True)
class TlsFiles:
    """Paths of this machine; ``None`` where none is set."""

    certificate: Path | None = None
    key: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.certificate or self.key)

    def error(self) -> str:
        """Why the gateway cannot use them, as a sentence; empty where nothing is known against them."""
        if not self:
            return ""
        for name, path in (("TLS_CERTIFICATE", self.certificate), ("TLS_KEY", self.key)):
            if path is None:
                return f"TLS_CERTIFICATE and TLS_KEY belong together, and {name} is not set."
            error = _file_error(path)
            if error:
                return f"{name}={path} {error}. It takes the whole path of a file in PEM form."
        can_see = all(os.access(str(path), os.R_OK) for path in (self.certificate, self.key))
        return self._mismatch() if can_see else ""

    def unreadable(self) -> list[Path]:
        """Those that the gateway's user cannot read, going by owner and mode."""
        return [path for path in (self.certificate, self.key) if path and not _may_read(path)]

    def _mismatch(self) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # A key with a password would be asked for it on the terminal.
            context.load_cert_chain(str(self.certificate), str(self.key), password=lambda: "")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                return "The key of TLS_KEY does not belong to the certificate of TLS_CERTIFICATE."
            return (
                "TLS_CERTIFICATE and TLS_KEY are not a certificate and a key in PEM form, the key without a password "
                f"({error.reason or 'they cannot be read'})."
            )
        except OSError as error:
            return f"TLS_CERTIFICATE or TLS_KEY cannot be read: {error.strerror}."
        return ""


def _file_error(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except PermissionError:  # the engine may see what we may not
        return ""
    except OSError:
        return "is not there"
    return "" if stat.S_ISREG(mode) else "is no file"


def _may_read(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:  # nobody knows
        return True
    if status.st_uid == USER:
        return bool(status.st_mode & stat.S_IRUSR)
    if status.st_gid == USER:
        return bool(status.st_mode & stat.S_IRGRP)
    return bool(status.st_mode & stat.S_IROTH)
