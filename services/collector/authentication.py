"""How exporters and the collector prove who they are: trusted certificates, passwords and tokens."""

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

#: Bytes that such a file may have; the bundle of all public CAs has about 230 KB.
FILE_LIMIT_BYTES: Final = 1024 * 1024
#: Seconds after its change for which a file is read at every scrape. A file system's clock is so coarse that another
#: change of the same length might not show.
SETTLED_SECONDS: Final = 3.0
#: Bytes that a password or a token may have.
SECRET_LIMIT_BYTES: Final = 8192
# Numbers of OpenSSL's X509_V_ERR_… Source: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNTRUSTED: Final = (2, 18, 19, 20, 21, 24, 27)
_OTHER_NAME: Final = (62, 64)
#: What OpenSSL calls bytes that are no TLS.
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE")

#: Bytes that asyncio keeps for each connection with TLS to receive into. Its own 256 KiB are 256 MB for 1000 nodes, and
#: there is no other way to say it. A record of TLS has 16 KiB at most.
sslproto.SSLProtocol.max_size = 20 * 1024


class CredentialsError(Exception):
    """A file that cannot be used; the text is a sentence for people.

    It repeats neither what a file holds nor its name, since who errs may write a secret where its file belongs.
    """

    def __init__(self, why: Coded) -> None:
        super().__init__(english(why))
        self.why = why


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
                raise CredentialsError(failures.credential_is_no_token("bearer_token_file"))
            return f"Bearer {token.decode()}"
        if options.username is None or options.password_file is None:
            return None
        password = self._secret("password_file", options.password_file)
        # Basic authentication has none of them. Source: RFC 7617, section 2
        if any(byte < 0x20 or byte == 0x7F for byte in password):
            raise CredentialsError(failures.credential_is_no_password("password_file"))
        return "Basic " + base64.b64encode(options.username.encode() + b":" + password).decode()

    def read(self, what: str, name: str) -> bytes:
        """Return the content of the file ``name``, which the option ``what`` gives.

        Raises:
            CredentialsError: there is none below the folder, or it cannot be read.
        """
        if self._folder is None:
            raise CredentialsError(failures.credentials_without_folder(what))
        try:
            folder = self._folder.resolve(strict=True)
        except (OSError, RuntimeError):
            raise CredentialsError(failures.credentials_folder_missing()) from None
        if not folder.is_dir():
            raise CredentialsError(failures.credentials_folder_is_no_folder())
        try:
            path = (folder / name).resolve()
        except (OSError, RuntimeError, ValueError):
            raise CredentialsError(failures.credential_unreadable(what, None)) from None
        if not path.is_relative_to(folder):
            # Nothing is told about files elsewhere, not even whether they are there.
            raise CredentialsError(failures.credential_outside(what))
        try:
            return self._content(what, path)
        except FileNotFoundError:
            raise CredentialsError(failures.credential_missing(what)) from None
        except OSError as error:
            raise CredentialsError(failures.credential_unreadable(what, error.strerror)) from None

    def _secret(self, what: str, name: str) -> bytes:
        # Editors of Windows mark a text by its first three bytes.
        secret = self.read(what, name).removeprefix(codecs.BOM_UTF8).strip()
        if not secret:
            raise CredentialsError(failures.credential_empty(what))
        if len(secret) > SECRET_LIMIT_BYTES:
            raise CredentialsError(failures.credential_too_long(what, SECRET_LIMIT_BYTES))
        return secret

    def _content(self, what: str, path: Path) -> bytes:
        known = self._known.get(path)
        if known is not None and known[0] == _signature(path.stat()):
            return known[1]
        # Resolved already, so a last part that is a link has just become one. A FIFO would hold up whoever opens it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise CredentialsError(failures.credential_is_no_file(what))
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(FILE_LIMIT_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > FILE_LIMIT_BYTES:
            raise CredentialsError(failures.credential_file_too_long(what, FILE_LIMIT_BYTES))
        if abs(time.time() - found.st_mtime) > SETTLED_SECONDS:
            self._known[path] = _signature(found), content
        return content


@dataclass(frozen=True)
class _CaFileContext:
    pem: bytes
    context: ssl.SSLContext


class TlsContexts:
    """One context for all exporters that trust the same: connections are shared by context, and each takes memory."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._of_files: dict[str, _CaFileContext] = {}
        self._of_system: ssl.SSLContext | None = None
        self._unverified: ssl.SSLContext | None = None

    def context(self, options: HttpOptions) -> ssl.SSLContext:
        """Return the context for an exporter that is asked by HTTPS.

        Raises:
            CredentialsError: its ``ca_file`` cannot be used.
        """
        if options.insecure:
            return self.unverified()
        if options.ca_file is None:
            if self._of_system is None:
                self._of_system = _verifying()
                self._of_system.load_default_certs()
            return self._of_system
        pem = self._credentials.read("ca_file", options.ca_file)
        made = self._of_files.get(options.ca_file)
        if made is None or made.pem != pem:
            context = _verifying()
            try:
                context.load_verify_locations(cadata=pem.decode("ascii", errors="ignore"))
            except (ssl.SSLError, ValueError):
                raise CredentialsError(failures.credential_is_no_certificate("ca_file")) from None
            made = self._of_files[options.ca_file] = _CaFileContext(pem, context)
        return made.context

    def unverified(self) -> ssl.SSLContext:
        """Return a context to which any certificate will do. Nothing secret may go through it."""
        if self._unverified is None:
            self._unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._unverified.check_hostname = False
            self._unverified.verify_mode = ssl.CERT_NONE
        return self._unverified


def tls_failure(error: ssl.SSLError, options: HttpOptions, host: str) -> Coded:
    """Say why there is no TLS connection."""
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
    if error.reason in _NO_TLS:
        return failures.speaks_no_https()
    return failures.tls_fails((error.reason or "unknown reason").lower().replace("_", " "))


def _verifying() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and names
    # An exporter's own certificate may be its CA too, and those that people make seldom have all that RFC 5280 wants.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _signature(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
