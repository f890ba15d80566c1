"""Puts access control on an application, made of its components."""

from typing import Final

from flask import Flask, Response, g

from access.gatekeeper import Gatekeeper
from access.grant import AccessDenied, Grant
from access.revocations import Revocations
from api.access.cookies import DeviceCookie, SessionCookie
from api.access.credentials import Credentials, session_routes
from api.access.csrf import Forms
from api.access.gate import Gate
from api.access.publish import Publisher, publish_routes
from api.access.rate_limit import PublishedLimit, RequestLimit
from api.access.request_origin import host_check, know_origins
from api.access.revocation_store import RevocationStore
from api.access.sign_in import Attempts, SignIn
from api.access.sign_in_pages import open_routes, sign_in_routes
from api.access.users import Passwords, Users
from api.config import Config
from api.counters import Counters
from api.redis_link import RedisLink
from runtime.readiness import Readiness

#: Threads that have other things to do than to wait for their turn with a password.
_SPARED_THREADS: Final = 4


def control_access(app: Flask, config: Config, link: RedisLink, readiness: Readiness, counters: Counters) -> Gate:
    """Have every request of ``app`` pass a gate, which is returned; to be called before routes look at requests."""
    settings = config.access
    revocations = Revocations()
    gatekeeper = Gatekeeper(settings, revocations)
    store = RevocationStore(link, revocations, readiness, saves=config.saves_revocations)
    users = Users(config.users)
    credentials = Credentials(gatekeeper, store, users)
    forms = Forms(gatekeeper.keys, config.public, counters)
    limit = RequestLimit(config.requests_per_second, counters)
    gate = Gate(settings.is_closed, credentials, forms, limit, counters)
    app.before_request(host_check(config.hosts, counters))
    know_origins(app, settings.proxies, config.public)
    app.before_request(gate.admit)
    app.register_error_handler(AccessDenied, gate.refuse)
    app.context_processor(lambda: {"signed_in": _signed_in(forms)})
    published = PublishedLimit(config.published_bytes_per_second, counters)
    app.register_blueprint(publish_routes(Publisher(link, counters, published, config.threads)))
    app.register_blueprint(session_routes(settings))
    if not settings.is_closed:
        app.register_blueprint(open_routes())
        return gate
    passwords = Passwords(waiting=max(1, config.threads - _SPARED_THREADS))
    cookie = SessionCookie(gatekeeper.keys, config.session_seconds, config.idle_seconds)
    devices = DeviceCookie(gatekeeper.keys)
    sign_in = SignIn(users, passwords, Attempts(link), store, cookie, devices, counters)
    app.register_blueprint(sign_in_routes(sign_in, credentials, forms))

    @app.after_request
    def seal(response: Response) -> Response:
        cookie.renew(response)
        return gate.seal(response)

    return gate


def _signed_in(forms: Forms) -> dict[str, str] | None:
    """What pages show of whom they are shown to."""
    grant: Grant | None = g.get("grant")
    return None if grant is None else {"name": grant.name, "by": grant.by, "csrf": forms.token_of(grant)}
