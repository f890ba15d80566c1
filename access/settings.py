"""The access settings that the api and the ws replicas share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

from access.hosts import AllowedHosts
from access.mode_required import access_mode_instructions, is_access_mode_missing, is_loopback
from access.proxies import TrustedProxies
from access.web_origin import WebOrigin, normal_origin, origin_of_url
from runtime import catalogue
from runtime.settings import Environment, SettingError

Mode = Literal["open", "closed"]

#: Host names under which containers reach each other.
_CONTAINERS: Final = ("api", "collector", "gateway", "ws")
#: Smallest size of the key.
KEY_BYTES: Final = 32
#: Largest size of the key.
KEY_LIMIT_BYTES: Final = 4096


@dataclass(frozen=True)
class AccessSettings:
    """The validated access settings."""

    mode: Mode = "open"
    #: Key that signs sessions; the api and the ws replicas share it.
    key: bytes = b""
    tokens: Path | None = None
    #: Name of the header in which a trusted proxy names its user; empty for none.
    user_header: str = ""
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    #: File of the key, which a rotation replaces.
    key_file: Path | None = None

    @property
    def is_closed(self) -> bool:
        """Whether every request needs a credential."""
        return self.mode == "closed"


def read_access(environment: Environment) -> AccessSettings:
    """Read the access settings.

    Raises:
        SettingError: a value is not valid; the text names its variable.
    """
    mode = read_mode(environment)
    header = environment.value(catalogue.ACCESS_USER_HEADER)
    proxies = read_proxies(environment)
    if header and not proxies.networks:
        raise SettingError("ACCESS_USER_HEADER", header, "effect only with TRUSTED_PROXIES, the proxy's addresses")
    tokens = environment.path(catalogue.ACCESS_TOKENS_DIR)
    key = _key(environment, mode)
    key_file = environment.path(catalogue.ACCESS_KEY_FILE) if len(key) >= KEY_BYTES else None
    return AccessSettings(mode, key, tokens, header, proxies, key_file)


def read_proxies(environment: Environment) -> TrustedProxies:
    """Read ``TRUSTED_PROXIES``.

    Raises:
        SettingError: a word is neither an address nor a network.
    """
    words: tuple[str, ...] = environment.value(catalogue.TRUSTED_PROXIES)
    return TrustedProxies.of(words)


def read_public_url(environment: Environment) -> WebOrigin | None:
    """Return the origin of ``PUBLIC_URL``; ``None`` without the setting.

    Raises:
        SettingError: the value is not an HTTP or HTTPS URL.
    """
    url = environment.value(catalogue.PUBLIC_URL)
    return origin_of_url(url) if url else None


def read_allowed_origins(environment: Environment) -> tuple[str, ...]:
    """Read ``WS_ALLOWED_ORIGINS``; ``ANY_ORIGIN`` may be among them.

    Raises:
        SettingError: a word is neither an origin nor ``ANY_ORIGIN``.
    """
    return environment.value(catalogue.WS_ALLOWED_ORIGINS)


def read_hosts(environment: Environment, listens_on: str) -> AllowedHosts:
    """Return the host names that a service answers to.

    Host names are checked only if ``ACCESS`` is not set and only this machine reaches the pages. Otherwise the operator
    chooses the names, or a page under a foreign name lacks the session cookie.

    Args:
        environment: the settings.
        listens_on: address of the service's own port. Other containers reach an address that is not loopback.

    Raises:
        SettingError: a value is not valid.
    """
    public, allowed = read_public_url(environment), read_allowed_origins(environment)
    proxies = read_proxies(environment)
    if _chosen_mode(environment) is not None or not is_loopback(environment.value(catalogue.PUBLIC_HOST)):
        return AllowedHosts(None)
    origins = [public, *map(normal_origin, allowed)]
    names = [origin.host for origin in origins if origin is not None]
    return AllowedHosts.of(names if is_loopback(listens_on) else [*names, *_CONTAINERS], proxies)


def read_mode(environment: Environment, user: str = "make user NAME=ada", line: str = "{}") -> Mode:
    """Read ``ACCESS``. The default is ``open`` if only this machine reaches the pages.

    Args:
        environment: the settings.
        user: the command that creates a user in this installation.
        line: how the setting is written; ``{}`` stands for the variable with its value.

    Raises:
        AccessModeMissing: ``ACCESS`` is not set, and other machines reach ``PUBLIC_HOST``.
        SettingError: ``ACCESS`` is neither ``open`` nor ``closed``, or ``PUBLIC_HOST`` is not a host.
    """
    host = environment.value(catalogue.PUBLIC_HOST)
    mode = _chosen_mode(environment)
    if is_access_mode_missing(host, mode or ""):
        raise AccessModeMissing(host, user, line)
    return mode or "open"


def _chosen_mode(environment: Environment) -> Mode | None:
    """Return ``ACCESS``; ``None`` without the setting."""
    mode = environment.value(catalogue.ACCESS, "none")
    return None if mode == "none" else cast("Mode", mode)


class AccessModeMissing(SettingError):
    """Other machines reach the pages while ``ACCESS`` is not set."""

    def __init__(self, host: str, user: str, line: str) -> None:
        super().__init__("ACCESS", "", "open or closed")
        self.args = (access_mode_instructions(host, user, line),)


def _key(environment: Environment, mode: Mode) -> bytes:
    name = environment.value(catalogue.ACCESS_KEY_FILE)
    if not name:
        if mode == "closed":
            raise SettingError("ACCESS_KEY_FILE", "", "a file with random text, the same for api and ws")
        return b""
    try:
        with Path(name).open("rb") as file:
            key = file.read(KEY_LIMIT_BYTES).strip()
    except OSError as error:
        if mode == "open":
            return b""
        raise SettingError("ACCESS_KEY_FILE", name, f"a file that can be read ({error.strerror})") from None
    if len(key) < KEY_BYTES and mode == "closed":
        raise SettingError("ACCESS_KEY_FILE", name, f"a file with at least {KEY_BYTES} bytes of random text")
    return key
