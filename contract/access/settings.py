"""The settings of access that api and push replicas share."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

from contract.access.proxies import Proxies
from contract.runtime.settings import Environment, SettingError

Mode = Literal["open", "closed"]

#: Bytes that the key must have at least.
KEY_BYTES: Final = 32
#: What may be read as the key: more is a mistake.
_KEY_LIMIT_BYTES: Final = 4096
_NO_CHOICE: Final = (
    "PUBLIC_HOST={host} lets others reach the pages, and nothing says whether they must sign in. "
    "One of two lines says it:\n"
    "  {closed}   # everybody signs in; make a first user with: {user}\n"
    "  {open}   # whoever reaches the port sees everything"
)


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
    proxies = environment.words("TRUSTED_PROXIES")
    try:
        parsed = Proxies.of(proxies)
    except ValueError:
        raise SettingError("TRUSTED_PROXIES", " ".join(proxies), "addresses or networks, such as 10.0.0.0/8") from None
    if header and not set(proxies) - {"peer"}:
        raise SettingError("ACCESS_USER_HEADER", header, "effect only with TRUSTED_PROXIES, the proxy's addresses")
    return AccessSettings(mode, _key(environment, mode), Path(tokens) if tokens else None, header, parsed)


def read_mode(environment: Environment, user: str = "make user NAME", line: str = "{}") -> Mode:
    """``ACCESS``; without it, open for who is reached from this machine only.

    Args:
        environment: the settings.
        user: how people make a user where this runs.
        line: how they make the choice there; ``{}`` stands for the variable with its value.

    Raises:
        NoChoice: it is not set, and ``PUBLIC_HOST`` is for others.
        SettingError: it is neither ``open`` nor ``closed``.
    """
    host = environment.text("PUBLIC_HOST", "127.0.0.1")
    mode = environment.choice("ACCESS", "none", choices=("open", "closed", "none"))
    if mode == "none":
        if not is_loopback(host):
            raise NoChoice(host, user, line)
        mode = "open"
    return cast("Mode", mode)


class NoChoice(SettingError):
    """Others reach the deployment, and nobody said whether they must sign in."""

    def __init__(self, host: str, user: str, line: str) -> None:
        super().__init__("ACCESS", "", "open or closed")
        closed, open_ = line.format("ACCESS=closed"), line.format("ACCESS=open")
        self.args = (_NO_CHOICE.format(host=host, user=user, closed=closed, open=open_.ljust(len(closed))),)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        # In brackets where a port follows, as compose wants it.
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


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
