"""The WSGI application, made of its parts. Nothing connects before the first question to Redis."""

import time
from typing import Any

from flask import Flask, Response, g, request

from api.access.control import control_access
from api.alert_log import AlertLog
from api.alerts import alert_routes
from api.assets import serve_assets
from api.cluster import cluster_routes
from api.compression import compress
from api.config import Config
from api.counters import Counters
from api.headers import protect
from api.health import health_routes
from api.history import HistoryReader, history_routes
from api.incident_records import IncidentRecords
from api.incidents import incident_routes
from api.language import use_languages
from api.link import RedisLink
from api.openapi import openapi_routes
from api.pages import page_routes
from api.parts import Parts
from api.probes import probe_routes
from api.problems import answer_problems
from api.reference import reference_routes
from api.report import Reporter
from api.republish import Republisher
from api.rules import rules_routes
from api.store import Store
from api.turns import Turns
from api.watch import Watch
from contract.codec import prepare_types
from runtime.readiness import Readiness

_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))


def create_app(config: Config) -> Flask:
    """Make the application; the ``watch`` among its ``Parts`` is for the caller to start, after a fork."""
    prepare_types()
    app = Flask("api")
    # A node's name may hold any characters, slashes included.
    app.url_map.merge_slashes = False
    counters = Counters()
    readiness = Readiness()
    link = RedisLink(config.redis_url, readiness, counters)
    # What is done before a request begins here; what is done after it runs in reverse: counted last, when all is done.
    _count_requests(app, counters)
    gate = control_access(app, config, link, readiness, counters)
    store = Store(link, readiness, counters)
    republisher = Republisher(link, store, counters)
    reporter = Reporter(link, store, readiness)
    app.register_blueprint(health_routes(reporter, republisher))
    app.register_blueprint(cluster_routes(store, republisher))
    app.register_blueprint(alert_routes(store, AlertLog(link, readiness, counters)))
    app.register_blueprint(history_routes(store, HistoryReader(link, readiness, counters)))
    app.register_blueprint(rules_routes(store))
    app.register_blueprint(incident_routes(store, IncidentRecords(link, store, readiness, counters)))
    app.register_blueprint(openapi_routes())
    app.register_blueprint(reference_routes())
    app.register_blueprint(page_routes(config, store, readiness))
    app.register_blueprint(probe_routes(readiness, counters, gate.knows_who_asks))
    answer_problems(app)
    app.after_request(compress)
    app.after_request(protect)
    serve_assets(app)
    use_languages(app)
    turns: Turns[Any] = Turns(config.access.proxies, config.threads)
    Parts(counters, readiness, link, republisher, Watch(link), turns).attach(app)
    return app


def _count_requests(app: Flask, counters: Counters) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in _METHODS else "other"
        counters.requests.labels(method, route, response.status_code).inc()
        counters.answer_seconds.observe(time.perf_counter() - g.began)
        return response
