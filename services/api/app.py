"""The WSGI application, made of its components. Nothing connects before the first question to Redis."""

import logging
import time
from typing import Any

from flask import Flask, Response, g, request

from api.access.control import control_access
from api.alerts import AlertLog, alert_routes
from api.assets import serve_assets
from api.cluster import cluster_routes
from api.components import Components
from api.compression import compress
from api.config import Config
from api.counters import Counters
from api.health import HealthReporter, health_routes, probe_routes
from api.history import HistoryReader, history_routes
from api.incidents import IncidentRecords, incident_routes
from api.language import use_languages
from api.openapi import openapi_routes
from api.pages import page_routes
from api.problems import answer_problems
from api.redis_link import RedisLink, RedisWatch
from api.reference import reference_routes
from api.republish import Republisher
from api.responses import protect
from api.store import Store
from api.streams import StreamReader
from api.turns import Turns
from contract.codec import prepare_types
from contract.names import ALERT_LOG_KEY, HISTORY_KEYS, INCIDENTS_KEY
from runtime.quoting import cut, quoted
from runtime.readiness import Readiness

_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
_requests_logger = logging.getLogger("api.requests")


def create_app(config: Config) -> Flask:
    """Make the application; the ``watch`` among its ``Components`` is for the caller to start, after a fork."""
    prepare_types()
    app = Flask("api")
    # A node's name may hold any characters, slashes included.
    app.url_map.merge_slashes = False
    counters = Counters()
    readiness = Readiness()
    link = RedisLink(config.redis_url, readiness, counters)
    # What is done before a request begins here; what is done after it runs in reverse: counted last, when all is done.
    _count_requests(app, counters)
    _log_requests(app, logging.INFO if config.logs_requests else logging.DEBUG)
    gate = control_access(app, config, link, readiness, counters)
    store = Store(link, readiness, counters)
    republisher = Republisher(link, store, counters)

    def stream(key: str) -> StreamReader:
        return StreamReader(key, link, readiness, counters)

    reporter = HealthReporter(link, store, readiness)
    app.register_blueprint(health_routes(reporter, republisher))
    app.register_blueprint(cluster_routes(store, republisher))
    app.register_blueprint(alert_routes(store, AlertLog(stream(ALERT_LOG_KEY))))
    app.register_blueprint(history_routes(store, HistoryReader(stream(HISTORY_KEYS))))
    app.register_blueprint(incident_routes(store, IncidentRecords(stream(INCIDENTS_KEY), store)))
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
    Components(counters, readiness, link, republisher, RedisWatch(link), turns, config.drain_seconds).attach(app)
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


def _log_requests(app: Flask, level: int) -> None:
    """Have each request logged at ``level``, without its query, where the log takes that level."""
    if not _requests_logger.isEnabledFor(level):
        return

    @app.after_request
    def tell(response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        address = g.get("address") or request.remote_addr or ""
        method = request.method if request.method in _METHODS else "other"
        fields = {
            "method": method,
            "path": cut(request.path),
            "status": response.status_code,
            "address": address,
            "seconds": round(seconds, 4),
        }
        said = "%s %s %d in %.0f ms from %s"
        path, ms = quoted(request.path), 1000 * seconds
        _requests_logger.log(level, said, method, path, response.status_code, ms, address, extra=fields)
        return response
