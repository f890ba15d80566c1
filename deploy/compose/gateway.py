"""The gateway begins anew without refusing a connection: a new HAProxy serves while the former one ends what it has."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from deploy.compose.dialogue import CommandFailed
from deploy.compose.docker import Docker
from deploy.compose.project import GATEWAY
from deploy.compose.tls import TlsFiles


def reload(docker: Docker, files: TlsFiles) -> None:
    """Have the gateway read its configuration, and the certificate that ``files`` hold now.

    A mounted file stays the one that was there when the container started, so the certificate is handed over.

    Raises:
        PermissionError: the key is not for this user to read; nothing was changed.
        CommandFailed: a file cannot be used, or the gateway does not do it; the former certificate is served on.
    """
    if files:
        with _together(files) as source:
            docker.tell(
                *("compose", "exec", "--no-TTY", GATEWAY, "take-certificate"),
                source=source,
                failure="The gateway does not take the certificate",
            )
    else:
        # Not by `docker kill`: the engine would not start it again when it ends by itself later.
        words = ("compose", "exec", "--no-TTY", GATEWAY, "reload-gateway")
        docker.tell(*words, failure="The gateway does not reload")


@contextmanager
def _together(files: TlsFiles) -> Iterator[IO[bytes]]:
    error = files.error()
    if error:
        raise CommandFailed(error)
    with tempfile.TemporaryFile() as together:
        for path in (files.certificate, files.key):
            if path:
                together.write(path.read_bytes().rstrip() + b"\n")
        together.seek(0)
        yield together
