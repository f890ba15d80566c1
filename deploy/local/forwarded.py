"""What is believed of what a request says about where it comes from, and who its user is.

Headers that only a proxy could say are taken from the proxies of ``TRUSTED_PROXIES``, and from nobody else.
"""

from collections.abc import Mapping
from typing import Any, Final

from access.proxies import Proxies

#: Beginnings of the headers that only a proxy could say.
_OF_PROXIES: Final = ("forwarded", "x-forwarded-", "x-real-ip")
#: The header that most authenticating proxies name their user in.
_REMOTE_USER: Final = "remote-user"
_CHAIN: Final = "x-forwarded-for"
_SCHEME: Final = "x-forwarded-proto"


class Forwarding:
    """Replaces what clients say of themselves; names of headers are in small letters."""

    def __init__(self, proxies: Proxies | None = None, user_header: str = "") -> None:
        self._proxies = proxies or Proxies()
        self._user_header = user_header.lower()

    def replaces(self, name: str) -> bool:
        """Whether a header of this name is not handed on as it came."""
        return name.startswith(_OF_PROXIES) or name in (_REMOTE_USER, self._user_header)

    def address(self, environ: Mapping[str, Any]) -> str:
        """The address that a WSGI request comes from, as far as anybody who is believed knows it."""
        return self._proxies.origin(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")).address

    def headers(self, given: Mapping[str, str], peer: str) -> list[tuple[str, str]]:
        """What is handed on in their place.

        Args:
            given: the request's headers by name.
            peer: the address that it came from.
        """
        if not self._proxies.origin(peer).is_forwarded:
            return [(_CHAIN, peer)]
        chain = f"{given[_CHAIN]}, {peer}" if given.get(_CHAIN) else peer
        said = {name: given[name] for name in (_SCHEME, self._user_header) if given.get(name)}
        return [(_CHAIN, chain), *said.items()]
