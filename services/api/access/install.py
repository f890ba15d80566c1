"""Creates the access control of an application."""

from typing import Final

from flask import Flask, Response, g

from access.gatekeeper import Gatekeeper
from access.grant import AccessDenied, Grant
from access.revocations import Revocations
from api.access.access_control import AccessControl
from api.access.client_address import host_check, resolve_client_addresses
from api.access.cookies import DeviceCookie, SessionCookie
from api.access.credentials import Credentials, session_routes
from api.access.csrf import FormTokens
from api.access.publish import Publisher, publish_routes
from api.access.rate_limit import PublishLimit, RequestLimit
from api.access.revocation_store import RevocationStore
from api.access.sign_in import SignIn, SignInAttempts
from api.access.sign_in_pages import redirect_home_routes, sign_in_routes
from api.access.users import PasswordVerifier, UserFolder
from api.config import Config
from api.counters import Counters
from api.redis_connection import RedisConnection
from runtime.readiness import Readiness

#: Threads that never wait for a password check.
_SPARED_THREADS: Final = 4


def install_access_control(
    app: Flask, config: Config, connection: RedisConnection, readiness: Readiness, counters: Counters
) -> AccessControl:
    """Add access control to ``app`` and return it. Call this before the routes are registered."""
    settings = config.access
    revocations = Revocations()
    gatekeeper = Gatekeeper(settings, revocations)
    store = RevocationStore(connection, revocations, readiness, saves=config.saves_revocations)
    users = UserFolder(config.users)
    credentials = Credentials(gatekeeper, store, users)
    forms = FormTokens(gatekeeper.keys, config.public_url, counters)
    limit = RequestLimit(config.requests_per_second, counters)
    access_control = AccessControl(settings.is_closed, credentials, forms, limit, counters)
    app.before_request(host_check(config.hosts, counters))
    resolve_client_addresses(app, settings.proxies, config.public_url)
    app.before_request(access_control.admit)
    app.register_error_handler(AccessDenied, access_control.answer_denied)
    app.context_processor(lambda: {"signed_in": _signed_in(forms)})
    published = PublishLimit(config.published_bytes_per_second, counters)
    app.register_blueprint(publish_routes(Publisher(connection, counters, published, config.threads)))
    app.register_blueprint(session_routes(settings))
    if not settings.is_closed:
        app.register_blueprint(redirect_home_routes())
        return access_control
    password_verifier = PasswordVerifier(waiting=max(1, config.threads - _SPARED_THREADS))
    cookie = SessionCookie(gatekeeper.keys, config.session_seconds, config.idle_seconds)
    devices = DeviceCookie(gatekeeper.keys)
    sign_in = SignIn(users, password_verifier, SignInAttempts(connection), store, cookie, devices, counters)
    app.register_blueprint(sign_in_routes(sign_in, credentials, forms))

    @app.after_request
    def finish(response: Response) -> Response:
        cookie.renew(response)
        return access_control.make_private(response)

    return access_control


def _signed_in(forms: FormTokens) -> dict[str, str] | None:
    """Return the template variables for the signed-in user."""
    grant: Grant | None = g.get("grant")
    return None if grant is None else {"name": grant.name, "by": grant.by, "csrf": forms.token_for(grant)}
