"""TLS to exporters: whose certificates are trusted, and what is wrong with one."""

import ssl
from asyncio import sslproto
from dataclasses import dataclass
from typing import Final

from collector.credentials import Credentials, CredentialsError
from collector.http_options import HttpOptions
from collector.said import looks
from contract.messages import Coded

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


@dataclass(frozen=True)
class _Made:
    pem: bytes
    context: ssl.SSLContext


class TlsContexts:
    """One context for all exporters that trust the same: connections are shared by context, and each takes memory."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._of_files: dict[str, _Made] = {}
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
                raise CredentialsError(looks.credential_is_no_certificate("ca_file")) from None
            made = self._of_files[options.ca_file] = _Made(pem, context)
        return made.context

    def unverified(self) -> ssl.SSLContext:
        """Return a context to which any certificate will do. Nothing secret may go through it."""
        if self._unverified is None:
            self._unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._unverified.check_hostname = False
            self._unverified.verify_mode = ssl.CERT_NONE
        return self._unverified


def why_no_tls(error: ssl.SSLError, options: HttpOptions, host: str) -> Coded:
    """Say why there is no TLS connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _EXPIRED:
            return looks.certificate_expired()
        if code == _NOT_YET_VALID:
            return looks.certificate_not_valid_yet()
        if code in _OTHER_NAME:
            return looks.certificate_of_another_name(options.server_name or host)
        if code in _UNTRUSTED:
            return looks.certificate_not_of_ca_file() if options.ca_file else looks.certificate_not_of_system()
        return looks.certificate_not_valid(error.verify_message)
    if error.reason in _NO_TLS:
        return looks.speaks_no_https()
    return looks.tls_fails((error.reason or "unknown reason").lower().replace("_", " "))


def _verifying() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and names
    # An exporter's own certificate may be its CA too, and those that people make seldom have all that RFC 5280 wants.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
