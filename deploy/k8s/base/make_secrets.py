"""Create the missing Secrets, in a pod: ``python make_secrets.py NAME…``.

It needs only the standard library. Existing Secrets stay unchanged.
"""

import json
import os
import secrets
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

#: The known Secrets and their generated keys. People fill the Secrets without keys.
KEYS = {
    "redis-passwords": ("api", "ws", "collector", "publisher"),
    "access-key": ("key",),
    "access-users": (),
    "access-tokens": (),
}
#: Folder of a pod's token for the API server.
#: Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Seconds between two attempts to reach the API server, and the number of attempts.
RETRY_SECONDS = 1.0
ATTEMPTS = 120


def secret(name: str) -> dict[str, object]:
    """Return a Secret with 256 new random bits under each key."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "dispycluster"}},
        "stringData": {key: secrets.token_hex(32) for key in KEYS[name]},
    }


def call(origin: str, account: Path, path: str, body: object = None) -> int:
    """Send a GET, or a POST of ``body``, to the API server; return the HTTP status.

    Raises:
        OSError: the API server does not answer.
    """
    namespace = (account / "namespace").read_text().strip()
    request = urllib.request.Request(  # noqa: S310 (the origin is https)
        f"{origin}/api/v1/namespaces/{namespace}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {(account / 'token').read_text().strip()}",
            "Content-Type": "application/json",
        },
    )
    context = ssl.create_default_context(cafile=str(account / "ca.crt"))
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def make(origin: str, account: Path, name: str) -> str:
    """Create a Secret unless it exists; return a sentence about the result.

    Raises:
        OSError: the API server does not answer.
        PermissionError: the API server refuses the request.
    """
    status = call(origin, account, f"secrets/{name}")
    if status == 404:
        status = call(origin, account, "secrets", secret(name))
        if status == 201:
            return f"Secret {name} created"
    if status in (200, 409):
        return f"Secret {name} exists"
    raise PermissionError(f"the API server answers {status}")


def main(*names: str) -> int:
    """Create the Secrets with these names; return the exit code."""
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    origin = f"https://{f'[{host}]' if ':' in host else host}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    left = list(names)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            while left:
                print(make(origin, ACCOUNT, left[0]))
                left.pop(0)
            return 0
        except OSError as error:
            # A new pod may have to wait for its network access and for its rights.
            if attempt in (5, ATTEMPTS):
                print(f"attempt {attempt}: {error}", file=sys.stderr)
            time.sleep(RETRY_SECONDS)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
