"""A Redis server with TLS only, because the embedded Valkey has no TLS."""

import shutil
from pathlib import Path

import redis

from tests.drivers.certificate import make_certificate
from tests.drivers.valkey import Valkey


class TlsRedis(Valkey):
    """Debian's Redis, with a certificate for ``names`` such as ``IP:127.0.0.1`` from its own CA."""

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__()
        make_certificate(folder, *names)
        self._folder = folder
        self._log = folder / "log"
        self.ca_file = folder / "ca.crt"
        self.url = f"rediss://127.0.0.1:{self.port}/0"

    def _command(self, data_dir: Path) -> list[str]:
        server = shutil.which("redis-server")
        assert server, "no redis-server: sudo apt-get install -y redis-server"
        options = {
            "bind": "127.0.0.1",
            "port": "0",
            "tls-port": str(self.port),
            "tls-auth-clients": "no",
            "tls-ca-cert-file": str(self.ca_file),
            "tls-cert-file": str(self._folder / "server.crt"),
            "tls-key-file": str(self._folder / "server.key"),
            "dir": str(data_dir),
            "loglevel": "warning",
            "logfile": str(self._log),
        }
        return [server, *(word for name, value in options.items() for word in (f"--{name}", value))]

    def refused_handshakes(self) -> int:
        """Return the number of failed TLS handshakes."""
        return self._log.read_text().count("Error accepting a client connection")

    def client(self) -> redis.Redis:
        """Return a new blocking client that returns bytes and accepts the certificate for any name."""
        return redis.Redis.from_url(
            self.url, socket_timeout=10, ssl_ca_certs=str(self.ca_file), ssl_check_hostname=False
        )
