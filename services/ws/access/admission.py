"""Admission of clients: to the replica by address, to each namespace by credential."""

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

#: Seconds that a connection has to present a credential.
CREDENTIAL_SECONDS: Final = 10.0
#: Seconds that a connection has to request its first namespace.
FIRST_NAMESPACE_SECONDS: Final = 45.0

#: Bytes of received data that the replica keeps for all clients together, and for the clients that are in no namespace.
RECEIVED_LIMIT_BYTES: Final = 64 * 1024 * 1024
UNADMITTED_LIMIT_BYTES: Final = 16 * 1024 * 1024

#: Key of a request's ``ClientAddress`` in its WSGI environment.
CLIENT_ADDRESS: Final = "dispycluster.client_address"

#: Id of an Engine.IO connection, and a namespace that the connection has joined.
Membership = tuple[str, str]


class Client:
    """Access state of one Engine.IO connection."""

    __slots__ = ("address", "grants", "handshake_grant", "identity", "warned_at")

    def __init__(self, address: Quota, handshake_grant: Grant | str) -> None:
        self.address: Final = address
        #: Grant of the credential in the handshake, or the reason why there is no grant.
        self.handshake_grant: Final = handshake_grant
        #: Quota of the identity of the first grant.
        self.identity: Quota | None = None
        #: Grants by namespace; ``None`` before the first grant.
        self.grants: dict[str, Grant] | None = None
        #: Monotonic time of the last warning that the client sends too many packets.
        self.warned_at = float("-inf")

    @property
    def quotas(self) -> tuple[Quota, ...]:
        """Quotas that apply to the client."""
        return (self.address,) if self.identity is None else (self.address, self.identity)


class Admission:
    """Admits connections and remembers the grant of each membership in a namespace."""

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        limits: Limits,
        allowed_origins: AllowedOrigins,
        counters: Counters,
        refresh: Callable[[], object],
    ) -> None:
        """``refresh`` reads the revocations from Redis."""
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
        #: Memberships by the grant that allows them.
        self._memberships: dict[Grant, set[Membership]] = {}
        #: Unix time of the next check of the grants, and the version of the revocations at the last check.
        self._next_check = 0.0
        self._checked_version: object = None
        #: Monotonic deadline of each connection that is in no namespace.
        self._waiting: dict[str, float] = {}

    def client_address(self, environ: Mapping[str, Any]) -> ClientAddress:
        """Return the client's address."""
        known = environ.get(CLIENT_ADDRESS)
        if isinstance(known, ClientAddress):
            return known
        peer, forwarded_for = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        return self.gatekeeper.settings.proxies.client_address(peer, forwarded_for)

    def require_connection(self, client_address: ClientAddress) -> None:
        """Check that this address may open one more connection.

        Raises:
            LimitReached: the address has too many connections, or connects too often.
        """
        self._require_connection(self._addresses.of(client_network(client_address.address)), "address")

    def connection_opened(self, eio_sid: str, environ: Mapping[str, Any]) -> Client:
        """Count a connection that began with this request; return its client."""
        client_address = self.client_address(environ)
        quota = self._addresses.of(client_network(client_address.address))
        self._addresses.connection_opened(quota)
        limit_seconds = CREDENTIAL_SECONDS if self.is_closed else FIRST_NAMESPACE_SECONDS
        self._waiting[eio_sid] = time.monotonic() + limit_seconds
        if not self.is_closed:
            return Client(quota, "")
        try:
            return Client(quota, self._read_handshake_grant(environ, client_address) or "Please sign in.")
        except AccessDenied as refused:
            return Client(quota, refused.text)

    def admit(self, eio_sid: str, client: Client, namespace: str, auth: object) -> None:
        """Admit a connection to a namespace.

        Raises:
            LimitReached: the identity has too many connections, or connects too often.
            AccessDenied: the client has no valid credential, or the credential does not allow reading.
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
            self._identities.connection_opened(quota)
            client.identity = quota
        client.grants = {**(client.grants or {}), namespace: grant}
        self._memberships.setdefault(grant, set()).add((eio_sid, namespace))
        self._next_check = min(self._next_check, grant.expires)
        self._waiting.pop(eio_sid, None)

    def leave(self, eio_sid: str, client: Client, namespace: str) -> None:
        """End the membership of a connection in a namespace, if there is one."""
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
        """Stop counting a connection that has left its namespaces and ended."""
        self._waiting.pop(eio_sid, None)
        self._addresses.connection_closed(client.address)
        if client.identity is not None:
            self._identities.connection_closed(client.identity)

    def ended_memberships(self) -> Iterator[tuple[AccessDenied, Membership]]:
        """Yield the memberships with an invalid grant; check only if a grant may have changed."""
        now, version = time.time(), self.gatekeeper.version
        if now < self._next_check and version == self._checked_version:
            return
        for grant, memberships in tuple(self._memberships.items()):
            refused = self.gatekeeper.why_not(grant)
            if refused is not None:
                yield from ((refused, membership) for membership in tuple(memberships))
        # Set only now: if the caller fails at a membership, the next call checks all grants again.
        self._checked_version = version
        self._next_check = min((grant.expires for grant in self._memberships), default=float("inf"))

    def overdue(self) -> list[str]:
        """Return the ids of the connections that have been in no namespace for too long."""
        now = time.monotonic()
        return [eio_sid for eio_sid, until in self._waiting.items() if now > until]

    def count_packets(self, client: Client, packets: int) -> float:
        """Count packets of a client; return the seconds for which the client must wait."""
        now = time.monotonic()
        wait = max(quota.packets.spend(now, packets) for quota in client.quotas)
        if wait:
            self.counters.limited["packets"] += 1
        return wait

    def budgets(self, client: Client, *, is_admitted: bool) -> tuple[Budget, ...]:
        """Return the budgets for the bytes that the replica keeps of the client's messages.

        ``is_admitted``: whether the client is in any namespace.
        """
        budgets = (self._received, client.address.received)
        if is_admitted:
            return budgets
        return (*budgets, self._received_unadmitted, client.address.received_unadmitted)

    def _grant(self, client: Client, auth: object) -> Grant:
        token = auth.get("token") if isinstance(auth, dict) else None
        if token is not None:
            if not isinstance(token, str):
                raise sign_in_required("The token must be a string.")
            return self.gatekeeper.by_token(token)
        if isinstance(client.handshake_grant, str):
            raise sign_in_required(client.handshake_grant)
        refused = self.gatekeeper.why_not(client.handshake_grant)
        if refused is not None and client.handshake_grant.generation != self.gatekeeper.revocations.generation:
            # The store was emptied since the grant, or the grant is newer than the revocations known here.
            self._refresh()
            refused = self.gatekeeper.why_not(client.handshake_grant)
        if refused is not None:
            raise refused
        return client.handshake_grant

    def _read_handshake_grant(self, environ: Mapping[str, Any], client_address: ClientAddress) -> Grant | None:
        # Browsers send cookies with requests from any page of the same site, and a proxy may rely on its own cookies.
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
            text = f"This {owner} already has {quota.connections} connections to this replica, which is the limit."
            raise LimitReached("connections", text)
        wait = quota.connects.take(time.monotonic())
        if wait:
            self.counters.limited["connects"] += 1
            raise LimitReached("connects", f"This {owner} opens connections too often.", wait)
