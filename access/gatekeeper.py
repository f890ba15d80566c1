"""Checks credentials: the same way for a request and for a socket's handshake."""

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

#: Seconds for which a user whom a proxy vouches for keeps a socket; a page asks the proxy again then.
PROXY_GRANT_SECONDS: Final = 12 * 3600
_BEARER: Final = "bearer "
#: A user's name as a proxy may write it, mail addresses included.
_PROXY_USER: Final = re.compile(r"[\w.@+-]{1,128}", re.ASCII)


class Gatekeeper:
    """Tells which grant a credential stands for. Nothing here asks Redis."""

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
        """The grant of a program's token.

        Raises:
            AccessDenied: it is none, expired or revoked.
        """
        return self._valid(self.tokens.grant(token))

    def by_bearer(self, authorization: str) -> Grant:
        """The grant of an ``Authorization`` header.

        Raises:
            AccessDenied: it holds no valid token.
        """
        if not authorization.lower().startswith(_BEARER):
            raise sign_in_required("Authorization takes: Bearer, then a token.")
        return self.by_token(authorization[len(_BEARER) :].strip())

    def session(self, cookies: str) -> Session | None:
        """The session that a ``Cookie`` header holds, whether it is still valid or not; ``None`` without one.

        Raises:
            AccessDenied: it is not one of this installation's.
        """
        if self.settings.key:
            pairs = [cookie.partition("=") for cookie in cookies.split(";")]
            for seal in self.keys.seals():
                for name, _, value in pairs:
                    if name.strip() == seal.cookie:
                        return seal.open(value.strip())
        return None

    def by_session(self, session: Session) -> Grant:
        """The grant of a session.

        Raises:
            AccessDenied: it is expired or revoked.
        """
        return self._valid(session.grant())

    def by_proxy(self, origin: ClientAddress, user: str) -> Grant | None:
        """The grant of a user whom an authenticating proxy names; ``None`` where there is no such proxy.

        Raises:
            AccessDenied: the name is none.
        """
        if not self.settings.user_header or not origin.is_vouched_for or not user:
            return None
        if not _PROXY_USER.fullmatch(user):
            raise sign_in_required(f"The proxy's {self.settings.user_header} is not a user's name.")
        now = self._clock()
        return self._valid(Grant("proxy", user, frozenset((READ,)), "", now, now + PROXY_GRANT_SECONDS))

    @property
    def version(self) -> tuple[int, int]:
        """Another value whenever a grant that was valid may not be any more, but for its time."""
        return self.revocations.version, self.tokens.version

    def why_not(self, grant: Grant) -> AccessDenied | None:
        """Why a grant that was valid is not any more; ``None`` where it is."""
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
        refused = self.why_not(grant)
        if refused is not None:
            raise refused
        return grant
