"""Runs gunicorn: one master, one worker process with threads, and a log that clients cannot flood."""

import logging
import math
import os
import socket
import sys
from typing import Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from api.app_resources import resources_of
from api.config import Config
from api.worker import BufferingWorker
from runtime.logs import RateLimitedLog

#: Longest first line of a request, in bytes. A query with fifty node names is long.
REQUEST_LINE_BYTES: Final = 8190
#: Seconds that an idle connection stays open.
KEEP_ALIVE_SECONDS: Final = 20
#: Seconds that requests under way may take when the service stops.
GRACE_SECONDS: Final = 8
#: Seconds without a sign of life after which the master replaces the worker.
WORKER_TIMEOUT_SECONDS: Final = 60
#: Longest time, in seconds, that a postponed publication delays the exit of a worker.
LAST_PUBLICATION_SECONDS: Final = 0.5
#: Seconds that a thread may keep the interpreter from other threads. Python's default is 5 ms. A short request releases
#: the interpreter with each of its system calls, and waits for it each time if a long request runs beside it.
SWITCH_SECONDS: Final = 0.0005

#: A file system in memory. It is writable even if the root file system is read-only. The worker updates its heartbeat
#: file every second.
_MEMORY_FOLDER: Final = "/dev/shm"  # noqa: S108 (gunicorn creates its file there with mkstemp and unlinks it)
#: Longest message of gunicorn in the log, in characters. Some messages quote client input.
MESSAGE_CHARACTERS: Final = 200

_logger = logging.getLogger(__name__)


class ListenError(Exception):
    """The service cannot listen on the address. The text is for people."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the first address of ``host``.

    Raises:
        ListenError: the address is not available.
    """
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind(address)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ListenError(f"cannot listen on {where}: {reason}; change API_HOST or API_PORT") from None
    return listener


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the application on ``listener`` until a signal stops the service. The process then exits with code 0.

    The worker creates the application. With one worker there is no memory to share, and the master stays small.
    """

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._config = config
        self._address = "http://" + _address_of(listener)
        self._descriptor = listener.detach()
        super().__init__(prog="api")

    def load_config(self) -> None:
        """Set gunicorn's settings."""
        settings: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "workers": 1,
            "worker_class": BufferingWorker,
            "threads": self._config.threads,
            "keepalive": KEEP_ALIVE_SECONDS,
            "limit_request_line": REQUEST_LINE_BYTES,
            "timeout": WORKER_TIMEOUT_SECONDS,
            "graceful_timeout": GRACE_SECONDS + math.ceil(self._config.drain_seconds),
            "worker_tmp_dir": _MEMORY_FOLDER if os.access(_MEMORY_FOLDER, os.W_OK) else None,
            "control_socket_disable": True,
            # By default gunicorn trusts forwarded headers from every program of this machine.
            "forwarded_allow_ips": "",
            "proc_name": "api",
            "logger_class": GunicornLog,
            "when_ready": lambda arbiter: _logger.info("listening on %s", self._address),
            "post_worker_init": _start_worker,
            "worker_exit": _stop_worker,
            "on_exit": lambda arbiter: _logger.info("stopped"),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Create the application in the worker."""
        from api.app import create_app

        return create_app(self._config)


class GunicornLog(Logger):  # type: ignore[misc]
    """Logs warnings and errors on one line each. Clients can cause warnings, so one warning a minute is logged."""

    def setup(self, cfg: Any) -> None:
        """Use the handlers and the format of the process, without an access log."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self._limited_log = RateLimitedLog(self.error_log)

    def warning(self, msg: object, *args: object, **kwargs: object) -> None:
        """Log a warning."""
        self._limited_log.warning("any", "%s", _one_line(msg, args))

    def exception(self, msg: object, *args: object, **kwargs: object) -> None:
        """Log the current exception with its traceback."""
        self.error_log.error("%s", _one_line(msg, args), exc_info=True)


def _start_worker(worker: BufferingWorker) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    resources_of(worker.wsgi).redis_check.start()


def _stop_worker(arbiter: object, worker: BufferingWorker) -> None:
    application = getattr(worker, "wsgi", None)
    if application is not None:
        resources_of(application).republisher.finish(LAST_PUBLICATION_SECONDS)


def _address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _one_line(msg: object, args: tuple[object, ...]) -> str:
    text = str(msg) % args if args else str(msg)
    shown = text.encode("unicode_escape").decode()
    return shown if len(shown) <= MESSAGE_CHARACTERS else shown[:MESSAGE_CHARACTERS] + " …"
