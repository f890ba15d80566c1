"""One replica with open or closed access, and limits that are too high to take effect."""

import json
from collections.abc import Sequence

from bench.push.servers import Ours
from contract.events import ROOT_NAMESPACE
from tests.drivers.credentials import Credentials

#: All clients have one address, and some of them share a user.
_LIMITS = {
    f"WS_LIMIT_{name}": "1000000"
    for name in ("CONNECTIONS", "CONNECTS_PER_SECOND", "PACKETS_PER_SECOND", "SUBSCRIPTIONS")
}


class Open(Ours):
    """A replica with open access. Several replicas may share a store and credentials."""

    name = "open"
    mode = "open"

    def __init__(self, redis_url: str, credentials: Credentials) -> None:
        super().__init__(redis_url)
        self._credentials = credentials
        self.cookies = self._cookies()

    def environment(self) -> dict[str, str]:
        """See ``Server``."""
        return super().environment() | self._credentials.env | {"ACCESS": self.mode} | _LIMITS

    def connect_packet(self, namespace: str) -> bytes:
        """Return the Socket.IO packet with which a client connects to a namespace."""
        auth = self._auth()
        prefix = "" if namespace == ROOT_NAMESPACE else f"{namespace},"
        return f"40{prefix}{'' if auth is None else json.dumps(auth, separators=(',', ':'))}".encode()

    def _cookies(self) -> Sequence[str]:
        return ()

    def _auth(self) -> object:
        return None


class Closed(Open):
    """All clients send the cookie of one session."""

    name = "closed, one session"
    mode = "closed"

    def __init__(self, redis_url: str, credentials: Credentials) -> None:
        super().__init__(redis_url, credentials)
        self.token = credentials.token(type(self).__name__)
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def _cookies(self) -> Sequence[str]:
        return [self._credentials.cookie()]


class ClosedToMany(Closed):
    """Each client sends the cookie of its own user."""

    name = "closed, a thousand users"
    users = 1000

    def _cookies(self) -> Sequence[str]:
        return [self._credentials.cookie(self._credentials.session(f"user{n:04}")) for n in range(self.users)]


class ClosedToPrograms(Closed):
    """All clients send the same token in ``auth``."""

    name = "closed, a token"

    def _cookies(self) -> Sequence[str]:
        return ()

    def _auth(self) -> object:
        return {"token": self.token}
