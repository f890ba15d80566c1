"""The WSGI application. Connects to Redis with the first request to Redis."""

import logging
import time
from typing import Any

from flask import Flask, Response, g, request

from api.access.install import install_access_control
from api.alerts import AlertLogReader, alert_routes
from api.app_resources import AppResources
from api.assets import serve_assets
from api.cluster import cluster_routes
from api.compression import compress
from api.config import Config
from api.counters import Counters
from api.health import HealthReporter, health_routes, probe_routes
from api.history import HistoryReader, history_routes
from api.history_marks import NodeEventReader, marks_routes
from api.history_moment import MomentReader, moment_routes
from api.history_top import Rankings, top_routes
from api.incidents import IncidentReader, incident_routes
from api.language import install_languages
from api.message_store import MessageStore
from api.openapi import openapi_routes
from api.pages import page_routes
from api.problems import install_error_handlers
from api.redis_connection import RedisConnection, RedisHealthCheck
from api.reference import reference_routes
from api.republish import Republisher
from api.request_queue import RequestQueue
from api.responses import add_security_headers
from api.stream_reader import StreamReader
from contract.codec import prepare_types
from contract.names import ALERT_LOG_KEY, CHANNELS, HISTORY_KEYS, INCIDENTS_KEY, NODE_EVENTS_KEY
from runtime.quoting import cut, quoted
from runtime.readiness import Readiness

_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
_requests_logger = logging.getLogger("api.requests")


def create_app(config: Config) -> Flask:
    """Create the application. The caller starts the ``redis_check`` of its ``AppResources``, after a fork."""
    prepare_types()
    app = Flask("api")
    # A node's name may contain any character, slashes included.
    app.url_map.merge_slashes = False
    counters = Counters()
    readiness = Readiness()
    connection = RedisConnection(config.redis_url, readiness, counters)
    # Flask runs ``after_request`` functions in reverse order. Counting is registered first and therefore runs last.
    _count_requests(app, counters)
    _log_requests(app, logging.INFO if config.logs_requests else logging.DEBUG)
    access_control = install_access_control(app, config, connection, readiness, counters)
    store = MessageStore(connection, readiness, counters)
    republisher = Republisher(connection, store, counters)

    def stream(key: str) -> StreamReader:
        return StreamReader(key, connection, readiness, counters)

    reporter = HealthReporter(connection, store, readiness)
    app.register_blueprint(health_routes(reporter, republisher))
    app.register_blueprint(cluster_routes(store, republisher))
    app.register_blueprint(alert_routes(store, AlertLogReader(stream(ALERT_LOG_KEY))))
    history_streams = stream(HISTORY_KEYS)
    history, incidents = HistoryReader(history_streams), IncidentReader(stream(INCIDENTS_KEY), store)
    app.register_blueprint(history_routes(store, history))
    app.register_blueprint(top_routes(store, Rankings(history_streams)))
    app.register_blueprint(moment_routes(store, MomentReader(history_streams)))
    app.register_blueprint(marks_routes(store, history, incidents, NodeEventReader(stream(NODE_EVENTS_KEY))))
    app.register_blueprint(incident_routes(store, incidents))
    app.register_blueprint(openapi_routes())
    app.register_blueprint(reference_routes())
    app.register_blueprint(page_routes(config, store, readiness))
    app.register_blueprint(probe_routes(readiness, counters, access_control.is_identified))
    install_error_handlers(app)
    app.after_request(compress)
    app.after_request(add_security_headers)
    serve_assets(app)
    install_languages(app)
    request_queue: RequestQueue[Any] = RequestQueue(config.access.proxies, config.threads)
    redis_check = RedisHealthCheck(connection, lambda: store.refresh(*CHANNELS))
    AppResources(counters, readiness, connection, republisher, redis_check, request_queue, config.drain_seconds).attach(
        app
    )
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
    """Log each request at ``level``, without its query string. Does nothing if the logger ignores that level."""
    if not _requests_logger.isEnabledFor(level):
        return

    @app.after_request
    def log(response: Response) -> Response:
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
        message = "%s %s %d in %.0f ms from %s"
        path, ms = quoted(request.path), 1000 * seconds
        _requests_logger.log(level, message, method, path, response.status_code, ms, address, extra=fields)
        return response
