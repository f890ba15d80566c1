"""The settings of access that api and push replicas share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

from access.choice import how_to_choose, is_loopback, lacks_choice
from access.hosts import Hosts
from access.proxies import Proxies
from access.web_origin import WebOrigin, normal_origin, origin_of_url
from runtime.settings import Environment, SettingError

Mode = Literal["open", "closed"]

#: Among allowed origins: all.
ANY_ORIGIN: Final = "*"
#: What containers call each other.
_CONTAINERS: Final = ("api", "collector", "gateway", "ws")
#: Where the pages are if nothing is said.
_PUBLIC_HOST: Final = "127.0.0.1"
#: Bytes that the key must have at least.
KEY_BYTES: Final = 32
#: What may be read as the key: more is a mistake.
_KEY_LIMIT_BYTES: Final = 4096


@dataclass(frozen=True)
class AccessSettings:
    """What the environment says, checked."""

    mode: Mode = "open"
    #: Signs sessions; shared by api and push replicas.
    key: bytes = b""
    tokens: Path | None = None
    #: Name of the header in which a trusted proxy names its user; empty for none.
    user_header: str = ""
    proxies: Proxies = field(default_factory=Proxies)

    @property
    def is_closed(self) -> bool:
        """Whether a credential is needed for everything."""
        return self.mode == "closed"


def read_access(environment: Environment) -> AccessSettings:
    """Read them.

    Raises:
        SettingError: a value is not valid; the text names its variable.
    """
    mode = read_mode(environment)
    tokens = environment.text("ACCESS_TOKENS_DIR", "")
    header = environment.text("ACCESS_USER_HEADER", "")
    if header and not header.replace("-", "").isalnum():
        raise SettingError("ACCESS_USER_HEADER", header, "the name of a header, such as Remote-User")
    proxies = read_proxies(environment)
    if header and not proxies.networks:
        raise SettingError("ACCESS_USER_HEADER", header, "effect only with TRUSTED_PROXIES, the proxy's addresses")
    return AccessSettings(mode, _key(environment, mode), Path(tokens) if tokens else None, header, proxies)


def read_proxies(environment: Environment) -> Proxies:
    """``TRUSTED_PROXIES``.

    Raises:
        SettingError: a word is neither an address nor a network.
    """
    words = environment.words("TRUSTED_PROXIES")
    try:
        return Proxies.of(words)
    except ValueError:
        raise SettingError("TRUSTED_PROXIES", " ".join(words), "addresses or networks, such as 10.0.0.0/8") from None


def read_public_url(environment: Environment) -> WebOrigin | None:
    """The origin of ``PUBLIC_URL``; ``None`` where it is not set.

    Raises:
        SettingError: it is no URL of a page.
    """
    url = environment.text("PUBLIC_URL", "")
    origin = origin_of_url(url) if url else None
    if url and origin is None:
        raise SettingError("PUBLIC_URL", url, "a URL such as https://cluster.example")
    return origin


def read_allowed_origins(environment: Environment) -> tuple[str, ...]:
    """``WS_ALLOWED_ORIGINS``; ``ANY_ORIGIN`` may be among them.

    Raises:
        SettingError: a word is neither an origin nor ``ANY_ORIGIN``.
    """
    words = environment.words("WS_ALLOWED_ORIGINS")
    for word in words:
        if word != ANY_ORIGIN and normal_origin(word) is None:
            raise SettingError("WS_ALLOWED_ORIGINS", word, "origins such as https://wall.lan:8443, or *")
    return words


def read_hosts(environment: Environment, listens_on: str) -> Hosts:
    """The host names that a service answers to.

    They are checked where only this machine reaches the pages and nobody has chosen who gets in: where others do, names
    are the owner's, and where people sign in, a page under another name has no cookie.

    Args:
        environment: the settings.
        listens_on: the address of its own port. One that is not on loopback is reached by other containers.

    Raises:
        SettingError: a value is not valid.
    """
    public, allowed = read_public_url(environment), read_allowed_origins(environment)
    proxies = read_proxies(environment)
    if _chosen_mode(environment) is not None or not is_loopback(environment.host("PUBLIC_HOST", _PUBLIC_HOST)):
        return Hosts(None)
    origins = [public, *map(normal_origin, allowed)]
    names = [origin.host for origin in origins if origin is not None]
    return Hosts.of(names if is_loopback(listens_on) else [*names, *_CONTAINERS], proxies)


def read_mode(environment: Environment, user: str = "make user NAME=ada", line: str = "{}") -> Mode:
    """``ACCESS``; without it, open for who is reached from this machine only.

    Args:
        environment: the settings.
        user: how people make a user where this runs.
        line: how they make the choice there; ``{}`` stands for the variable with its value.

    Raises:
        NoChoice: it is not set, and ``PUBLIC_HOST`` is for others.
        SettingError: it is neither ``open`` nor ``closed``, or ``PUBLIC_HOST`` is no host.
    """
    host = environment.host("PUBLIC_HOST", _PUBLIC_HOST)
    mode = _chosen_mode(environment)
    if lacks_choice(host, mode or ""):
        raise NoChoice(host, user, line)
    return mode or "open"


def _chosen_mode(environment: Environment) -> Mode | None:
    """``ACCESS``; ``None`` where nobody has chosen."""
    mode = environment.choice("ACCESS", "none", choices=("open", "closed", "none"))
    return None if mode == "none" else cast("Mode", mode)


class NoChoice(SettingError):
    """Others reach the deployment, and nobody said whether they must sign in."""

    def __init__(self, host: str, user: str, line: str) -> None:
        super().__init__("ACCESS", "", "open or closed")
        self.args = (how_to_choose(host, user, line),)


def _key(environment: Environment, mode: Mode) -> bytes:
    name = environment.text("ACCESS_KEY_FILE", "")
    if not name:
        if mode == "closed":
            raise SettingError("ACCESS_KEY_FILE", "", "a file with random text, the same for api and ws")
        return b""
    try:
        with Path(name).open("rb") as file:
            key = file.read(_KEY_LIMIT_BYTES).strip()
    except OSError as error:
        if mode == "open":
            return b""
        raise SettingError("ACCESS_KEY_FILE", name, f"a file that can be read ({error.strerror})") from None
    if len(key) < KEY_BYTES and mode == "closed":
        raise SettingError("ACCESS_KEY_FILE", name, f"a file with at least {KEY_BYTES} bytes of random text")
    return key
