"""The product as a start sees it: the api's status, and the first page."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from api.status import LiveDataStatus, RoundStatus
from contract import VERSION
from contract.codec import encode
from contract.rest import CollectorReport, ReplicaReport, health_report

_NOW = "2026-08-01T12:00:00Z"


def status_line(missing: str | None = None, *, issues: tuple[str, ...] = ()) -> str:
    """Return a line of ``python -m api.status --json``."""
    report = health_report(
        timestamp=_NOW,
        version=VERSION,
        cluster_name="lab",
        redis_down_since=None,
        collector=CollectorReport(status="up", leader="one", epoch=5, age_seconds=0.5),
        replicas=[ReplicaReport(replica="two", connected_clients=3, started=_NOW, version=VERSION)],
    )
    last = RoundStatus(epoch=5, seq=1, interval_seconds=2.0, nodes_online=7, nodes_total=8, nodes_unknown=0)
    status = LiveDataStatus(
        live=missing is None, missing=missing, health=report, round=last, issues=issues, issues_coded=()
    )
    return encode(status).decode() + "\n"


class FrontPage(HTTPServer):
    """Answers ``GET /`` with ``status``, which a test may change."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200

    @property
    def ports(self) -> list[dict[str, Any]]:
        """Return the gateway's port, as compose describes it."""
        return [{"host_ip": "127.0.0.1", "target": 8085, "published": str(self.server_port)}]


class _Handler(BaseHTTPRequestHandler):
    server: FrontPage

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...
