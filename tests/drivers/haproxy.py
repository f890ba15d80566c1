"""The containers' gateway without a container: HAProxy 2.6 or later with the product's configuration and script."""

import re
import tempfile
from pathlib import Path
from typing import Final

from tests.drivers.process import ROOT, Process

_FILES: Final = ROOT / "deploy" / "images" / "gateway"


def haproxy(port: int, probes_port: int, api_port: int, ws_port: int) -> Process:
    """Return HAProxy on ``port`` before one api and one ws replica; its own probes are on ``probes_port``."""
    folder = Path(tempfile.mkdtemp(prefix="haproxy-"))
    changes = {
        "/etc/gateway/": f"{folder}/",
        "bind :8085": f"bind 127.0.0.1:{port}",
        "bind :8404": f"bind 127.0.0.1:{probes_port}",
        # A name may resolve to several replicas, an address is one server.
        "server-template api 1-8": "server-template api 1-1",
        "server-template ws 1-32": "server-template ws 1-1",
    }
    pattern = re.compile("|".join(map(re.escape, changes)))
    for file in _FILES.iterdir():
        (folder / file.name).write_text(pattern.sub(lambda found: changes[found[0]], file.read_text()))
    settings = {
        "API_ADDRESS": f"127.0.0.1:{api_port}",
        "WS_ADDRESS": f"127.0.0.1:{ws_port}",
        "GATEWAY_MAXCONN": "7500",
        "GATEWAY_OPEN_FILES": "16384",
    }
    return Process("haproxy", ["sh", str(folder / "start")], settings)
