"""Make the Secrets that are not there yet: ``python make_secrets.py NAME…``, in a pod.

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

#: Every Secret that can be made, and the keys that it gets; those without any are for people to fill.
KEYS = {
    "redis-passwords": ("api", "ws", "collector", "publisher"),
    "access-key": ("key",),
    "access-users": (),
    "access-tokens": (),
}
#: Where every pod with a token finds it.
#: Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Seconds between two attempts to reach the API server, and how many there are.
RETRY_SECONDS = 1.0
ATTEMPTS = 120


def secret(name: str) -> dict[str, object]:
    """A Secret, with 256 fresh random bits under each key."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "dispycluster"}},
        "stringData": {key: secrets.token_hex(32) for key in KEYS[name]},
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


def make(origin: str, account: Path, name: str) -> str:
    """Have a Secret there; return what was done, for people.

    Raises:
        OSError: the API server does not answer.
        PermissionError: it refuses.
    """
    status = call(origin, account, f"secrets/{name}")
    if status == 404:
        status = call(origin, account, "secrets", secret(name))
        if status == 201:
            return f"Secret {name} made"
    if status in (200, 409):
        return f"Secret {name} is there already"
    raise PermissionError(f"the API server answers {status}")


def main(*names: str) -> int:
    """Make the Secrets of these names; return the exit code."""
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
            # The network lets a new pod out a moment after it has started; rights may come later too.
            if attempt in (5, ATTEMPTS):
                print(f"attempt {attempt}: {error}", file=sys.stderr)
            time.sleep(RETRY_SECONDS)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
