"""How a node's exporter is asked: with or without TLS, and with which credentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from collector.targets.error import TargetsError
from collector.texts import targets as texts
from collector.texts.sentence import literal
from contract.messages import Coded

Scheme = Literal["http", "https"]
#: Characters that a name may have, and the path of a file.
_TEXT_LIMIT: Final = 253
_PATH_LIMIT: Final = 1024


@dataclass(frozen=True)
class HttpOptions:
    """As an entry of ``nodes.yaml`` gives them; paths are those of files below ``COLLECTOR_CREDENTIALS_DIR``."""

    scheme: Scheme = "http"
    #: PEM file with the certificates that are trusted instead of the system's.
    ca_file: str | None = None
    #: The name that the certificate must have, where it is not the host.
    server_name: str | None = None
    #: Whether any certificate will do.
    insecure: bool = False
    username: str | None = None
    password_file: str | None = None
    bearer_token_file: str | None = None
    #: Whether credentials may go over plain HTTP, where everybody on the way can read them.
    credentials_over_http: bool = False

    @property
    def has_credentials(self) -> bool:
        """Whether the exporter is shown a password or a token."""
        return self.username is not None or self.bearer_token_file is not None


#: Of an entry that says nothing else.
PLAIN_HTTP: Final = HttpOptions()
FIELDS: Final = tuple(HttpOptions.__dataclass_fields__)
_OF_TLS: Final = ("ca_file", "server_name", "insecure")


def read_http_options(raw: Mapping[str, Any], where: str) -> HttpOptions:
    """Return the options among the fields of an entry.

    Raises:
        TargetsError: one is not valid, or they do not go together; the text repeats no value that may be a secret.
    """
    given: dict[str, Any] = {name: _READ[name](name, raw[name], where) for name in FIELDS if raw.get(name) is not None}
    options = HttpOptions(**given)
    why = _why_not(options, given, where)
    if why is not None:
        raise TargetsError(why)
    return options


def _why_not(options: HttpOptions, given: Mapping[str, Any], where: str) -> Coded | None:
    """What does not go together; ``None`` where all does."""
    if options.scheme == "http":
        for name in _OF_TLS:
            if name in given:
                return texts.option_needs_https(where, name)
    if (options.username is None) != (options.password_file is None):
        return texts.username_and_password_file(where)
    if options.username is not None and options.bearer_token_file is not None:
        return texts.password_or_token(where)
    if options.has_credentials and options.insecure:
        return texts.credentials_to_anybody(where)
    if options.has_credentials and options.scheme == "http" and not options.credentials_over_http:
        return texts.credentials_in_the_clear(where)
    if options.credentials_over_http and (options.scheme == "https" or not options.has_credentials):
        return texts.credentials_over_http_idle(where)
    return None


def _scheme(name: str, value: object, where: str) -> Scheme:
    if value == "http":
        return "http"
    if value == "https":
        return "https"
    raise TargetsError(texts.option_not_a_scheme(where, name, literal(value)))


def _flag(name: str, value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise TargetsError(texts.option_not_a_flag(where, name))
    return value


def _text(name: str, value: object, where: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > _TEXT_LIMIT:
        raise TargetsError(texts.option_not_a_text(where, name, _TEXT_LIMIT))
    return value


def _username(name: str, value: object, where: str) -> str:
    text = _text(name, value, where)
    # Basic authentication ends the name with the first colon.
    if ":" in text:
        raise TargetsError(texts.option_with_colon(where, name))
    return text


def _server_name(name: str, value: object, where: str) -> str:
    text = _text(name, value, where)
    try:
        return text.encode("idna").decode()
    except UnicodeError:
        raise TargetsError(texts.option_not_a_host(where, name)) from None


def _path(name: str, value: object, where: str) -> str:
    # A secret written here by mistake is not repeated.
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _PATH_LIMIT:
        raise TargetsError(texts.option_not_a_path(where, name))
    if ".." in PurePosixPath(value).parts:
        raise TargetsError(texts.option_leaves_folder(where, name))
    return value


_READ: Final = {
    "scheme": _scheme,
    "ca_file": _path,
    "server_name": _server_name,
    "insecure": _flag,
    "username": _username,
    "password_file": _path,
    "bearer_token_file": _path,
    "credentials_over_http": _flag,
}
