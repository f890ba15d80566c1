"""Admission of connections: to the replica by their address, to each namespace by their credential."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from access.gatekeeper import Gatekeeper
from access.grant import READ, AccessDenied, Grant, require_scope, sign_in_required
from access.proxies import ClientAddress, client_network
from ws.access.limits import Account, Accounts, LimitReached, Limits
from ws.budget import Budget
from ws.counters import Counters
from ws.origin import Origins

#: Seconds that a connection may take to show a credential.
PATIENCE_SECONDS: Final = 10.0
#: Seconds that a connection may take to ask for its first namespace.
CONNECT_SECONDS: Final = 45.0

#: Bytes that all clients together may make the replica keep of what they sent, and of that the clients that are in no
#: namespace.
RECEIVED_LIMIT_BYTES: Final = 64 * 1024 * 1024
STRANGERS_LIMIT_BYTES: Final = 16 * 1024 * 1024

#: Where the environment of a request holds its ``ClientAddress``.
ORIGIN: Final = "dispycluster.origin"

#: A connection's id and a namespace.
Place = tuple[str, str]


class Client:
    """One Engine.IO connection, as far as access goes."""

    __slots__ = ("address", "grants", "identity", "offered", "told")

    def __init__(self, address: Account, offered: Grant | str) -> None:
        self.address: Final = address
        #: What its handshake stands for, or why for nothing.
        self.offered: Final = offered
        #: Of its first grant.
        self.identity: Account | None = None
        #: By namespace; ``None`` before the first.
        self.grants: dict[str, Grant] | None = None
        #: Monotonic time at which it was last told that it sends too much.
        self.told = float("-inf")

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Whom its doings are counted for."""
        return (self.address,) if self.identity is None else (self.address, self.identity)


class Admission:
    """The clients that came in, and by what right each is where it is."""

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        limits: Limits,
        origins: Origins,
        counters: Counters,
        refresh: Callable[[], object],
    ) -> None:
        """``refresh`` reads anew what was revoked."""
        self.gatekeeper: Final = gatekeeper
        self.is_closed: Final = gatekeeper.settings.is_closed
        self.limits: Final = limits
        self._origins = origins
        self._refresh = refresh
        self.counters: Final = counters
        self._addresses = Accounts(limits)
        self._identities = Accounts(limits)
        self._received: Final = Budget(RECEIVED_LIMIT_BYTES)
        self._received_of_strangers: Final = Budget(STRANGERS_LIMIT_BYTES)
        #: By what each place is held.
        self._places: dict[Grant, set[Place]] = {}
        #: When and as of which version the places have to be looked at again.
        self._look_from = 0.0
        self._looked_at: object = None
        #: Connections without a place, and until when they are waited for.
        self._waiting: dict[str, float] = {}

    def origin(self, environ: Mapping[str, Any]) -> ClientAddress:
        """From where a request comes."""
        known = environ.get(ORIGIN)
        if isinstance(known, ClientAddress):
            return known
        peer, forwarded_for = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        return self.gatekeeper.settings.proxies.client_address(peer, forwarded_for)

    def require_room(self, origin: ClientAddress) -> None:
        """Check that one more connection may come from there.

        Raises:
            LimitReached: it may not.
        """
        self._require_room(self._addresses.of(client_network(origin.address)), "address")

    def arrive(self, eio_sid: str, environ: Mapping[str, Any]) -> Client:
        """A connection has begun with this request."""
        origin = self.origin(environ)
        account = self._addresses.of(client_network(origin.address))
        self._addresses.opened(account)
        patience_seconds = PATIENCE_SECONDS if self.is_closed else CONNECT_SECONDS
        self._waiting[eio_sid] = time.monotonic() + patience_seconds
        if not self.is_closed:
            return Client(account, "")
        try:
            return Client(account, self._offered(environ, origin) or "Please sign in.")
        except AccessDenied as refused:
            return Client(account, refused.text)

    def admit(self, eio_sid: str, client: Client, namespace: str, auth: object) -> None:
        """Let a connection into a namespace.

        Raises:
            LimitReached: its identity has connections enough.
            AccessDenied: it has no credential, or one that does not reach so far.
        """
        if not self.is_closed:
            self._waiting.pop(eio_sid, None)
            return
        if client.grants is not None and namespace in client.grants:
            return
        grant = self._grant(client, auth)
        require_scope(grant, READ)
        if client.identity is None:
            account = self._identities.of(grant.identity)
            self._require_room(account, "identity")
            self._identities.opened(account)
            client.identity = account
        client.grants = {**(client.grants or {}), namespace: grant}
        self._places.setdefault(grant, set()).add((eio_sid, namespace))
        self._look_from = min(self._look_from, grant.expires)
        self._waiting.pop(eio_sid, None)

    def leave(self, eio_sid: str, client: Client, namespace: str) -> None:
        """A connection has left a namespace, or was not let in after all."""
        grant = client.grants.pop(namespace, None) if client.grants else None
        if grant is None:
            return
        places = self._places[grant]
        places.discard((eio_sid, namespace))
        if not places:
            del self._places[grant]
        if not client.grants:
            self._waiting[eio_sid] = time.monotonic() + PATIENCE_SECONDS

    def gone(self, eio_sid: str, client: Client) -> None:
        """A connection has ended; it has left its namespaces."""
        self._waiting.pop(eio_sid, None)
        self._addresses.closed(client.address)
        if client.identity is not None:
            self._identities.closed(client.identity)

    def ended(self) -> Iterator[tuple[AccessDenied, Place]]:
        """The places that are not held by right any more; nobody is looked at where nothing can have changed."""
        now, version = time.time(), self.gatekeeper.version
        if now < self._look_from and version == self._looked_at:
            return
        for grant, places in tuple(self._places.items()):
            refused = self.gatekeeper.why_not(grant)
            if refused is not None:
                yield from ((refused, place) for place in tuple(places))
        # Not before: who takes these may fail over one, and looks again then.
        self._looked_at = version
        self._look_from = min((grant.expires for grant in self._places), default=float("inf"))

    def overdue(self) -> list[str]:
        """Connections that have shown no credential, or asked for no namespace, for too long."""
        now = time.monotonic()
        return [eio_sid for eio_sid, until in self._waiting.items() if now > until]

    def wait_seconds(self, client: Client, packets: int) -> float:
        """Count packets of a client; return for how many seconds nothing shall be done for it."""
        now = time.monotonic()
        wait = max(account.packets.spend(now, packets) for account in client.accounts)
        if wait:
            self.counters.limited["packets"] += 1
        return wait

    def budgets(self, client: Client, *, is_let_in: bool) -> tuple[Budget, ...]:
        """Those in which bytes count that a client sent, as long as they are kept.

        ``is_let_in``: whether the client is in any namespace.
        """
        budgets = (self._received, client.address.received)
        if is_let_in:
            return budgets
        return (*budgets, self._received_of_strangers, client.address.received_of_strangers)

    def _grant(self, client: Client, auth: object) -> Grant:
        token = auth.get("token") if isinstance(auth, dict) else None
        if token is not None:
            if not isinstance(token, str):
                raise sign_in_required("A token is text.")
            return self.gatekeeper.by_token(token)
        if isinstance(client.offered, str):
            raise sign_in_required(client.offered)
        refused = self.gatekeeper.why_not(client.offered)
        if refused is not None and client.offered.generation != self.gatekeeper.revocations.generation:
            # Of a store that was emptied since, or newer than what is known here.
            self._refresh()
            refused = self.gatekeeper.why_not(client.offered)
        if refused is not None:
            raise refused
        return client.offered

    def _offered(self, environ: Mapping[str, Any], origin: ClientAddress) -> Grant | None:
        # Browsers send cookies along whichever page of the site asks, and a proxy goes by cookies of its own.
        is_ours = self._origins.is_ours(environ)
        header = self.gatekeeper.settings.user_header
        if header and is_ours is not False:
            user = environ.get(f"HTTP_{header.upper().replace('-', '_')}", "")
            grant = self.gatekeeper.by_proxy(origin, user)
            if grant is not None:
                return grant
        if not is_ours:
            return None
        session = self.gatekeeper.session(environ.get("HTTP_COOKIE", ""))
        return None if session is None else session.grant()

    def _require_room(self, account: Account, whose: str) -> None:
        if account.connections >= self.limits.connections:
            self.counters.limited["connections"] += 1
            text = f"This {whose} has {account.connections} connections to this replica, as many as it may."
            raise LimitReached("connections", text)
        wait = account.connects.take(time.monotonic())
        if wait:
            self.counters.limited["connects"] += 1
            raise LimitReached("connects", f"This {whose} connects too often.", wait)
