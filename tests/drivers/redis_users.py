"""The users of the product's own Redis, on a test's server."""

from collections.abc import Iterator
from contextlib import contextmanager

from runtime.redis_client import blocking_client
from tests.drivers.process import ROOT
from tests.drivers.valkey import Valkey

#: The rules of the product.
USERS = ROOT / "deploy/images/redis/users.acl"
PASSWORD = "secret"
NAMES = ("collector", "api", "ws", "publisher", "operator")


@contextmanager
def users(valkey: Valkey) -> Iterator[None]:
    """Create the users without functions on ``valkey`` until the end of the context."""
    with valkey.client() as client:
        client.execute_command("ACL LOG RESET")
        client.function_flush()
        for line in USERS.read_text().splitlines():
            _, name, *rules = line.split()
            if name in NAMES:
                rules = [rule.replace(f"#@{name}@", f">{PASSWORD}") for rule in rules]
                client.execute_command("ACL SETUSER", name, *rules)
    try:
        yield
    finally:
        with valkey.client() as client:
            client.execute_command("ACL DELUSER", *NAMES)
            client.execute_command("ACL LOG RESET")
            client.function_flush()


def url_of(valkey: Valkey, name: str) -> str:
    """Return the URL for the user ``name``."""
    return valkey.url.replace("//", f"//{name}:{PASSWORD}@")


def load_functions(valkey: Valkey, library: str) -> None:
    """Load a library as the operator, as the Redis container does."""
    with blocking_client(url_of(valkey, "operator"), connect_seconds=10, answer_seconds=10) as operator:
        operator.function_load(library)
