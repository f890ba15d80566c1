"""Admission of connections: to the replica by their address, to each namespace by their credential."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from access.gatekeeper import Gatekeeper
from access.grant import READ, AccessDenied, Grant, require_scope, sign_in_required
from access.proxies import ClientAddress, client_network
from ws.access.limits import LimitReached, Limits, Quota, Quotas
from ws.allowed_origins import AllowedOrigins
from ws.budget import Budget
from ws.counters import Counters

#: Seconds that a connection may take to show a credential.
CREDENTIAL_SECONDS: Final = 10.0
#: Seconds that a connection may take to ask for its first namespace.
FIRST_NAMESPACE_SECONDS: Final = 45.0

#: Bytes that all clients together may make the replica keep of what they sent, and of that the clients that are in no
#: namespace.
RECEIVED_LIMIT_BYTES: Final = 64 * 1024 * 1024
UNADMITTED_LIMIT_BYTES: Final = 16 * 1024 * 1024

#: Where the environment of a request holds its ``ClientAddress``.
CLIENT_ADDRESS: Final = "dispycluster.origin"

#: A connection's id and a namespace.
Membership = tuple[str, str]


class Client:
    """One Engine.IO connection, as far as access goes."""

    __slots__ = ("address", "grants", "handshake_grant", "identity", "warned_at")

    def __init__(self, address: Quota, handshake_grant: Grant | str) -> None:
        self.address: Final = address
        #: What its handshake stands for, or why for nothing.
        self.handshake_grant: Final = handshake_grant
        #: Of its first grant.
        self.identity: Quota | None = None
        #: By namespace; ``None`` before the first.
        self.grants: dict[str, Grant] | None = None
        #: Monotonic time at which it was last told that it sends too much.
        self.warned_at = float("-inf")

    @property
    def quotas(self) -> tuple[Quota, ...]:
        """Whom its doings are counted for."""
        return (self.address,) if self.identity is None else (self.address, self.identity)


class Admission:
    """The clients that came in, and by what right each is where it is."""

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        limits: Limits,
        allowed_origins: AllowedOrigins,
        counters: Counters,
        refresh: Callable[[], object],
    ) -> None:
        """``refresh`` reads anew what was revoked."""
        self.gatekeeper: Final = gatekeeper
        self.is_closed: Final = gatekeeper.settings.is_closed
        self.limits: Final = limits
        self._allowed_origins = allowed_origins
        self._refresh = refresh
        self.counters: Final = counters
        self._addresses = Quotas(limits)
        self._identities = Quotas(limits)
        self._received: Final = Budget(RECEIVED_LIMIT_BYTES)
        self._received_unadmitted: Final = Budget(UNADMITTED_LIMIT_BYTES)
        #: By what each place is held.
        self._memberships: dict[Grant, set[Membership]] = {}
        #: When and as of which version the places have to be looked at again.
        self._next_check = 0.0
        self._checked_version: object = None
        #: Connections without a place, and until when they are waited for.
        self._waiting: dict[str, float] = {}

    def client_address(self, environ: Mapping[str, Any]) -> ClientAddress:
        """From where a request comes."""
        known = environ.get(CLIENT_ADDRESS)
        if isinstance(known, ClientAddress):
            return known
        peer, forwarded_for = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        return self.gatekeeper.settings.proxies.client_address(peer, forwarded_for)

    def require_connection(self, client_address: ClientAddress) -> None:
        """Check that one more connection may come from there.

        Raises:
            LimitReached: it may not.
        """
        self._require_connection(self._addresses.of(client_network(client_address.address)), "address")

    def connection_opened(self, eio_sid: str, environ: Mapping[str, Any]) -> Client:
        """A connection has begun with this request."""
        client_address = self.client_address(environ)
        quota = self._addresses.of(client_network(client_address.address))
        self._addresses.opened(quota)
        limit_seconds = CREDENTIAL_SECONDS if self.is_closed else FIRST_NAMESPACE_SECONDS
        self._waiting[eio_sid] = time.monotonic() + limit_seconds
        if not self.is_closed:
            return Client(quota, "")
        try:
            return Client(quota, self._read_handshake_grant(environ, client_address) or "Please sign in.")
        except AccessDenied as refused:
            return Client(quota, refused.text)

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
            quota = self._identities.of(grant.identity)
            self._require_connection(quota, "identity")
            self._identities.opened(quota)
            client.identity = quota
        client.grants = {**(client.grants or {}), namespace: grant}
        self._memberships.setdefault(grant, set()).add((eio_sid, namespace))
        self._next_check = min(self._next_check, grant.expires)
        self._waiting.pop(eio_sid, None)

    def leave(self, eio_sid: str, client: Client, namespace: str) -> None:
        """A connection has left a namespace, or was not let in after all."""
        grant = client.grants.pop(namespace, None) if client.grants else None
        if grant is None:
            return
        memberships = self._memberships[grant]
        memberships.discard((eio_sid, namespace))
        if not memberships:
            del self._memberships[grant]
        if not client.grants:
            self._waiting[eio_sid] = time.monotonic() + CREDENTIAL_SECONDS

    def connection_closed(self, eio_sid: str, client: Client) -> None:
        """A connection has ended; it has left its namespaces."""
        self._waiting.pop(eio_sid, None)
        self._addresses.closed(client.address)
        if client.identity is not None:
            self._identities.closed(client.identity)

    def ended_memberships(self) -> Iterator[tuple[AccessDenied, Membership]]:
        """The places that are not held by right any more; nobody is looked at where nothing can have changed."""
        now, version = time.time(), self.gatekeeper.version
        if now < self._next_check and version == self._checked_version:
            return
        for grant, memberships in tuple(self._memberships.items()):
            refused = self.gatekeeper.why_not(grant)
            if refused is not None:
                yield from ((refused, membership) for membership in tuple(memberships))
        # Not before: who takes these may fail over one, and looks again then.
        self._checked_version = version
        self._next_check = min((grant.expires for grant in self._memberships), default=float("inf"))

    def overdue(self) -> list[str]:
        """Connections that have shown no credential, or asked for no namespace, for too long."""
        now = time.monotonic()
        return [eio_sid for eio_sid, until in self._waiting.items() if now > until]

    def wait_seconds(self, client: Client, packets: int) -> float:
        """Count packets of a client; return for how many seconds nothing shall be done for it."""
        now = time.monotonic()
        wait = max(quota.packets.spend(now, packets) for quota in client.quotas)
        if wait:
            self.counters.limited["packets"] += 1
        return wait

    def budgets(self, client: Client, *, is_admitted: bool) -> tuple[Budget, ...]:
        """Those in which bytes count that a client sent, as long as they are kept.

        ``is_let_in``: whether the client is in any namespace.
        """
        budgets = (self._received, client.address.received)
        if is_admitted:
            return budgets
        return (*budgets, self._received_unadmitted, client.address.received_unadmitted)

    def _grant(self, client: Client, auth: object) -> Grant:
        token = auth.get("token") if isinstance(auth, dict) else None
        if token is not None:
            if not isinstance(token, str):
                raise sign_in_required("A token is text.")
            return self.gatekeeper.by_token(token)
        if isinstance(client.handshake_grant, str):
            raise sign_in_required(client.handshake_grant)
        refused = self.gatekeeper.why_not(client.handshake_grant)
        if refused is not None and client.handshake_grant.generation != self.gatekeeper.revocations.generation:
            # Of a store that was emptied since, or newer than what is known here.
            self._refresh()
            refused = self.gatekeeper.why_not(client.handshake_grant)
        if refused is not None:
            raise refused
        return client.handshake_grant

    def _read_handshake_grant(self, environ: Mapping[str, Any], client_address: ClientAddress) -> Grant | None:
        # Browsers send cookies along whichever page of the site asks, and a proxy goes by cookies of its own.
        is_own_origin = self._allowed_origins.is_own_origin(environ)
        header = self.gatekeeper.settings.user_header
        if header and is_own_origin is not False:
            user = environ.get(f"HTTP_{header.upper().replace('-', '_')}", "")
            grant = self.gatekeeper.by_proxy(client_address, user)
            if grant is not None:
                return grant
        if not is_own_origin:
            return None
        session = self.gatekeeper.session(environ.get("HTTP_COOKIE", ""))
        return None if session is None else session.grant()

    def _require_connection(self, quota: Quota, owner: str) -> None:
        if quota.connections >= self.limits.connections:
            self.counters.limited["connections"] += 1
            text = f"This {owner} has {quota.connections} connections to this replica, as many as it may."
            raise LimitReached("connections", text)
        wait = quota.connects.take(time.monotonic())
        if wait:
            self.counters.limited["connects"] += 1
            raise LimitReached("connects", f"This {owner} connects too often.", wait)
