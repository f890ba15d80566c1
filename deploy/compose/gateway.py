"""Reload of the gateway without refused connections: a new HAProxy serves while the previous one drains."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from deploy.compose.docker import Docker
from deploy.compose.project import GATEWAY
from deploy.compose.terminal import CommandFailed
from deploy.compose.tls import TlsFiles


def reload(docker: Docker, files: TlsFiles) -> None:
    """Have the gateway read its configuration, and the current certificate and key in ``files``.

    The command sends the certificate, because a container keeps the mounted file from its start when a new file
    replaces it on the host.

    Raises:
        PermissionError: this user cannot read the key; nothing was changed.
        CommandFailed: a file is unusable, or the gateway refuses; the gateway keeps the previous certificate.
    """
    if files:
        with _joined_pem(files) as source:
            docker.run_checked(
                *("compose", "exec", "--no-TTY", GATEWAY, "take-certificate"),
                source=source,
                failure="The gateway refuses the certificate",
            )
    else:
        # Not `docker kill`: after it, the engine does not restart the container when it exits later.
        words = ("compose", "exec", "--no-TTY", GATEWAY, "reload-gateway")
        docker.run_checked(*words, failure="The gateway does not reload")


@contextmanager
def _joined_pem(files: TlsFiles) -> Iterator[IO[bytes]]:
    error = files.error()
    if error:
        raise CommandFailed(error)
    with tempfile.TemporaryFile() as joined:
        for path in (files.certificate, files.key):
            if path:
                joined.write(path.read_bytes().rstrip() + b"\n")
        joined.seek(0)
        yield joined
