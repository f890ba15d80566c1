"""Checks the credentials of HTTP requests and of socket handshakes in the same way."""

import re
import time
from collections.abc import Callable
from typing import Final

from access.grant import READ, AccessDenied, Grant, sign_in_required
from access.proxies import ClientAddress
from access.revocations import Revocations
from access.session import Session
from access.session_keys import SessionKeys
from access.settings import AccessSettings
from access.tokens import Tokens

#: Lifetime of the grant of a user whom an authenticating proxy names. Then the page connects through the proxy again.
PROXY_GRANT_SECONDS: Final = 12 * 3600
_BEARER: Final = "bearer "
#: User names that a proxy may send, mail addresses included.
_PROXY_USER: Final = re.compile(r"[\w.@+-]{1,128}", re.ASCII)


class Gatekeeper:
    """Returns the grant of a credential. It never queries Redis."""

    def __init__(
        self,
        settings: AccessSettings,
        revocations: Revocations,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings: Final = settings
        self.revocations: Final = revocations
        self.keys: Final = SessionKeys(settings.key, settings.key_file, clock)
        self.tokens: Final = Tokens(settings.tokens, clock=clock)
        self._clock = clock

    def by_token(self, token: str) -> Grant:
        """Return the grant of a program's token.

        Raises:
            AccessDenied: the token is unknown, expired or revoked.
        """
        return self._valid(self.tokens.grant(token))

    def by_bearer(self, authorization: str) -> Grant:
        """Return the grant of an ``Authorization`` header.

        Raises:
            AccessDenied: the header holds no valid token.
        """
        if not authorization.lower().startswith(_BEARER):
            raise sign_in_required("The header Authorization must be: Bearer, a space, a token.")
        return self.by_token(authorization[len(_BEARER) :].strip())

    def session(self, cookies: str) -> Session | None:
        """Return the session in a ``Cookie`` header, valid or not; ``None`` without a session cookie.

        Raises:
            AccessDenied: this installation did not sign the cookie.
        """
        if self.settings.key:
            pairs = [cookie.partition("=") for cookie in cookies.split(";")]
            for seal in self.keys.seals():
                for name, _, value in pairs:
                    if name.strip() == seal.cookie:
                        return seal.open(value.strip())
        return None

    def by_session(self, session: Session) -> Grant:
        """Return the grant of a session.

        Raises:
            AccessDenied: the session is expired or revoked.
        """
        return self._valid(session.grant())

    def by_proxy(self, client: ClientAddress, user: str) -> Grant | None:
        """Return the grant of the user whom an authenticating proxy names; ``None`` without such a proxy.

        Raises:
            AccessDenied: the user name is not valid.
        """
        if not self.settings.user_header or not client.is_vouched_for or not user:
            return None
        if not _PROXY_USER.fullmatch(user):
            raise sign_in_required(f"The proxy's header {self.settings.user_header} holds no valid user name.")
        now = self._clock()
        return self._valid(Grant("proxy", user, frozenset((READ,)), "", now, now + PROXY_GRANT_SECONDS))

    @property
    def version(self) -> tuple[int, int]:
        """A value that changes whenever a valid grant may have been revoked; expiry does not change it."""
        return self.revocations.version, self.tokens.version

    def why_not(self, grant: Grant) -> AccessDenied | None:
        """Return why a grant is no longer valid; ``None`` for a valid grant."""
        if self._clock() >= grant.expires:
            text = "The token has expired." if grant.by == "token" else "The session has expired."
            return sign_in_required(text)
        if self.revocations.includes(grant):
            text = "The token was revoked." if grant.by == "token" else "The session has ended."
            return sign_in_required(text)
        if grant.by == "token" and not self.tokens.is_current(grant):
            return sign_in_required("The token was removed.")
        return None

    def _valid(self, grant: Grant) -> Grant:
        denial = self.why_not(grant)
        if denial is not None:
            raise denial
        return grant
