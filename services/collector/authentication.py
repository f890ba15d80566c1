"""Authentication of exporters and of the collector: trusted certificates, passwords and tokens."""

import base64
import codecs
import os
import ssl
import stat
import time
from asyncio import sslproto
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.sentences import failures
from collector.sentences.sentence import english
from collector.targets.entry import HttpOptions
from contract.messages import Coded

#: Maximum size of a credentials file; the bundle of all public CAs has about 230 KB.
FILE_LIMIT_BYTES: Final = 1024 * 1024
#: Seconds after its last change for which a file is read at every scrape. The clock of a file system is coarse: a
#: second change of the same length may have the same time.
SETTLED_SECONDS: Final = 3.0
#: Maximum length of a password or a token, in bytes.
SECRET_LIMIT_BYTES: Final = 8192
# OpenSSL's X509_V_ERR_… codes. Source: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNTRUSTED: Final = (2, 18, 19, 20, 21, 24, 27)
_OTHER_NAME: Final = (62, 64)
#: OpenSSL's reasons for an answer that is not TLS.
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE")

#: Size of asyncio's receive buffer for each TLS connection. The default of 256 KiB takes 256 MB for 1000 nodes, and
#: asyncio has no public setting. A TLS record has at most 16 KiB.
sslproto.SSLProtocol.max_size = 20 * 1024


class CredentialsError(Exception):
    """A credentials file cannot be used.

    The text contains neither the content nor the name of the file: a user may have written a secret instead of a path.
    """

    def __init__(self, why: Coded) -> None:
        super().__init__(english(why))
        self.why = why


class Credentials:
    """Reads files below ``folder``, again when they change. Links that lead out of the folder are not followed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[tuple[int, ...], bytes]] = {}

    def authorization(self, options: HttpOptions) -> str | None:
        """Return the value of the header ``Authorization``; ``None`` without credentials.

        Raises:
            CredentialsError: a file cannot be used.
        """
        if options.bearer_token_file is not None:
            token = self._secret("bearer_token_file", options.bearer_token_file)
            # The characters of a header value. Others would be rejected later, with the token in the error.
            if not all(0x21 <= byte <= 0x7E for byte in token):
                raise CredentialsError(failures.credential_is_no_token("bearer_token_file"))
            return f"Bearer {token.decode()}"
        if options.username is None or options.password_file is None:
            return None
        password = self._secret("password_file", options.password_file)
        # Basic authentication forbids control characters. Source: RFC 7617, section 2
        if any(byte < 0x20 or byte == 0x7F for byte in password):
            raise CredentialsError(failures.credential_is_no_password("password_file"))
        return "Basic " + base64.b64encode(options.username.encode() + b":" + password).decode()

    def read(self, option: str, name: str) -> bytes:
        """Return the content of the file ``name``, the value of ``option``.

        Raises:
            CredentialsError: the file is not below the folder, or cannot be read.
        """
        if self._folder is None:
            raise CredentialsError(failures.credentials_without_folder(option))
        try:
            folder = self._folder.resolve(strict=True)
        except (OSError, RuntimeError):
            raise CredentialsError(failures.credentials_folder_missing()) from None
        if not folder.is_dir():
            raise CredentialsError(failures.credentials_folder_is_no_folder())
        try:
            path = (folder / name).resolve()
        except (OSError, RuntimeError, ValueError):
            raise CredentialsError(failures.credential_unreadable(option, None)) from None
        if not path.is_relative_to(folder):
            # The error does not reveal whether a file outside the folder exists.
            raise CredentialsError(failures.credential_outside(option))
        try:
            return self._content(option, path)
        except FileNotFoundError:
            raise CredentialsError(failures.credential_missing(option)) from None
        except OSError as error:
            raise CredentialsError(failures.credential_unreadable(option, error.strerror)) from None

    def _secret(self, option: str, name: str) -> bytes:
        # Editors on Windows write a byte order mark.
        secret = self.read(option, name).removeprefix(codecs.BOM_UTF8).strip()
        if not secret:
            raise CredentialsError(failures.credential_empty(option))
        if len(secret) > SECRET_LIMIT_BYTES:
            raise CredentialsError(failures.credential_too_long(option, SECRET_LIMIT_BYTES))
        return secret

    def _content(self, option: str, path: Path) -> bytes:
        known = self._known.get(path)
        if known is not None and known[0] == _signature(path.stat()):
            return known[1]
        # The path is resolved, so a link at its end is new: O_NOFOLLOW. Opening a FIFO would block: O_NONBLOCK.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise CredentialsError(failures.credential_is_no_file(option))
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(FILE_LIMIT_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > FILE_LIMIT_BYTES:
            raise CredentialsError(failures.credential_file_too_long(option, FILE_LIMIT_BYTES))
        if abs(time.time() - found.st_mtime) > SETTLED_SECONDS:
            self._known[path] = _signature(found), content
        return content


@dataclass(frozen=True)
class _CaFileContext:
    pem: bytes
    context: ssl.SSLContext


class TlsContexts:
    """One context for all exporters with the same trust: each context takes memory and has its own connections."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._by_ca_file: dict[str, _CaFileContext] = {}
        self._system: ssl.SSLContext | None = None
        self._unverified: ssl.SSLContext | None = None

    def context(self, options: HttpOptions) -> ssl.SSLContext:
        """Return the context for an exporter that uses HTTPS.

        Raises:
            CredentialsError: ``ca_file`` cannot be used.
        """
        if options.insecure:
            return self.unverified()
        if options.ca_file is None:
            if self._system is None:
                self._system = _verifying_context()
                self._system.load_default_certs()
            return self._system
        pem = self._credentials.read("ca_file", options.ca_file)
        cached = self._by_ca_file.get(options.ca_file)
        if cached is None or cached.pem != pem:
            context = _verifying_context()
            try:
                context.load_verify_locations(cadata=pem.decode("ascii", errors="ignore"))
            except (ssl.SSLError, ValueError):
                raise CredentialsError(failures.credential_is_no_certificate("ca_file")) from None
            cached = self._by_ca_file[options.ca_file] = _CaFileContext(pem, context)
        return cached.context

    def unverified(self) -> ssl.SSLContext:
        """Return a context that accepts any certificate. Do not send secrets through it."""
        if self._unverified is None:
            self._unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._unverified.check_hostname = False
            self._unverified.verify_mode = ssl.CERT_NONE
        return self._unverified


def tls_failure(error: ssl.SSLError, options: HttpOptions, host: str) -> Coded:
    """Return why the TLS connection failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _EXPIRED:
            return failures.certificate_expired()
        if code == _NOT_YET_VALID:
            return failures.certificate_not_valid_yet()
        if code in _OTHER_NAME:
            return failures.certificate_of_another_name(options.server_name or host)
        if code in _UNTRUSTED:
            return failures.certificate_not_of_ca_file() if options.ca_file else failures.certificate_not_of_system()
        return failures.certificate_not_valid(error.verify_message)
    if error.reason in _NOT_TLS:
        return failures.speaks_no_https()
    return failures.tls_fails((error.reason or "unknown reason").lower().replace("_", " "))


def _verifying_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and names
    # A self-signed certificate may be in ca_file, and such certificates rarely have all extensions of RFC 5280.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _signature(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
