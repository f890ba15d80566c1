"""Make the Secret with a password for every Redis user, if there is none: ``python make_secrets.py``, in a pod.

Needs Python and nothing else. A Secret that is there is left as it is.
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

NAME = "redis-passwords"
USERS = ("api", "ws", "collector", "publisher")
#: Where every pod with a token finds it.
#: Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Seconds between two attempts to reach the API server, and how many there are.
RETRY_SECONDS = 1.0
ATTEMPTS = 120


def secret() -> dict[str, object]:
    """The Secret, with fresh passwords of 256 bits."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/part-of": "dispycluster"}},
        "stringData": {user: secrets.token_hex(32) for user in USERS},
    }


def call(origin: str, account: Path, path: str, body: object = None) -> int:
    """Return the status of the API server's answer to a GET, or to a POST of ``body``.

    Raises:
        OSError: it does not answer.
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


def make(origin: str, account: Path) -> str:
    """Have the Secret there; return what was done, for people.

    Raises:
        OSError: the API server does not answer.
        PermissionError: it refuses.
    """
    status = call(origin, account, f"secrets/{NAME}")
    if status == 404:
        status = call(origin, account, "secrets", secret())
        if status == 201:
            return f"Secret {NAME} made"
    if status in (200, 409):
        return f"Secret {NAME} is there already"
    raise PermissionError(f"the API server answers {status}")


def main() -> int:
    """Make the Secret; return the exit code."""
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    origin = f"https://{f'[{host}]' if ':' in host else host}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            print(make(origin, ACCOUNT))
            return 0
        except OSError as error:
            # The network lets a new pod out a moment after it has started; rights may come later too.
            if attempt in (5, ATTEMPTS):
                print(f"attempt {attempt}: {error}", file=sys.stderr)
            time.sleep(RETRY_SECONDS)
    return 1


if __name__ == "__main__":
    sys.exit(main())
