"""The product with closed access, as processes: two apis, two ws replicas, and the local mode's gateway."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from access.session import SessionSeal
from contract.names import delay_key
from tests.drivers.haproxy import haproxy
from tests.drivers.person import Person
from tests.drivers.ports import free_port
from tests.drivers.process import ROOT
from tests.drivers.raw_client import RawClient
from tests.drivers.rest import Rest
from tests.drivers.stack import Stack, clean
from tests.drivers.valkey import Valkey

PASSWORD: Final = "a few words: 1842"
#: Longest permitted log line, whatever clients send.
LINE_LETTERS: Final = 2000
#: Beginning of each line in a service's log.
_LINE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) (?:api|ws|gateway): ")


class ClosedStack(Stack):
    """One installation; ``secrets`` has the secrets that its tests used."""

    def __init__(self, valkey: Valkey, **env: str) -> None:
        super().__init__(valkey)
        self.key_file = self.folder / "key"
        self.users = self.folder / "users"
        self.tokens = self.folder / "tokens"
        self.key_file.write_text(os.urandom(32).hex())
        self.env |= {
            "ACCESS": "closed",
            "ACCESS_KEY_FILE": str(self.key_file),
            "ACCESS_USERS_DIR": str(self.users),
            "ACCESS_TOKENS_DIR": str(self.tokens),
            **env,
        }
        self.seal = SessionSeal(self.key_file.read_bytes())
        self.secrets: set[str] = {PASSWORD, self.key_file.read_text()}
        self._people: list[Person] = []
        self._sockets: list[RawClient] = []

    # -- services

    def start_gateway(self, api: Rest, **env: str) -> Rest:
        """Start the local mode's gateway before ``api``, with its ws replica. Return a client of it."""
        port, own = free_port(), free_port()
        settings = {"PORT": str(port), "WS_PORT": str(own), "API_PORT": str(port_of(api)), **env}
        self.gateway = self.start("gateway", "deploy.local.gateway", **settings)
        self._ready(self.gateway, own)
        return self.rest(port)

    def start_haproxy(self, api: Rest, replica: Rest) -> Rest:
        """Start the containers' gateway before ``api`` and ``replica``. Return a client of it."""
        port, probes = free_port(), free_port()
        process = haproxy(port, probes, port_of(api), port_of(replica))
        self.processes.append(process)
        process.start()
        self._ready(process, probes)
        return self.rest(port)

    def command(self, *arguments: str, input_text: str = "", code: int = 0) -> str:
        """Run ``python -m api …`` with ``input_text`` on standard input; return its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "api", *arguments],
            cwd=ROOT, env={**os.environ, **self.env}, input=input_text, text=True, capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout

    def add_user(self, name: str = "ada", password: str = PASSWORD) -> None:
        """Add a user."""
        self.secrets.add(password)
        self.command("user", "add", name, input_text=password + "\n")

    def add_token(self, name: str, *scopes: str) -> str:
        """Add a token; return it."""
        options = [word for scope in scopes for word in ("--scope", scope)]
        token = self.command("token", "add", name, *options).strip()
        self.secrets.add(token)
        return token

    def forget_failures(self) -> None:
        """Delete the delays after wrong passwords."""
        redis = self.redis()
        for key in redis.scan_iter(delay_key("*", "*")):
            redis.delete(key)
        redis.close()

    # -- clients

    def person(self, **headers: str) -> Person:
        """Return a new browser without a session."""
        person = Person(self.seal.cookie, **headers)
        self._people.append(person)
        return person

    def signed_in(self, origin: str | Rest, user: str = "ada", password: str = PASSWORD) -> Person:
        """Return a new browser in which ``user`` is signed in."""
        person = self.person()
        person.sign_in(origin if isinstance(origin, str) else origin.origin, user, password)
        self.secrets.add(person.session)
        return person

    def socket(
        self,
        replica: Rest,
        *namespaces: str,
        cookie: str = "",
        token: str = "",
        lines: Sequence[str] = (),
        **headers: str,
    ) -> RawClient:
        """Open a WebSocket that is connected to ``namespaces``; ``lines`` are sent unchanged among its headers.

        A ``cookie`` makes it a browser's, with the ``Origin`` of our page.
        """
        header_lines = [*lines, *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        if cookie:
            header_lines += [f"Cookie: {cookie}", f"Origin: {replica.origin}"]
        client = RawClient(
            port_of(replica), *namespaces, auth={"token": token} if token else None, headers=tuple(header_lines)
        )
        self._sockets.append(client)
        return client

    def is_let_in(self, replica: Rest, *, token: str = "", **how: Any) -> bool:
        """Whether ``/`` accepts a new WebSocket with these arguments. A refused one must receive no other packet."""
        client = self.socket(replica, **how)
        try:
            client.send(f'40{{"token":"{token}"}}' if token else "40")
            answer = client.wait(lambda packet: packet.startswith(("0{", "4{")), within_seconds=30)[0]
            if answer.startswith("4"):
                assert '"sign_in_required"' in answer or '"forbidden"' in answer, answer
                # A ping, which is empty without its type, may come at any time.
                assert len(list(filter(None, client.packets))) == 2, client.packets
            return answer.startswith("0")
        finally:
            client.close()

    # -- logs

    def invalid_log_lines(self) -> list[str]:
        """Return lines of the services' logs that are too long, unprintable, or without the usual beginning."""
        return [
            f"{process.name}: {line[:300]!r}"
            for process in self.processes
            if process.name in ("api", "gateway") or process.name.startswith("ws")
            for line in process.log().split("\n")[:-1]
            if not _LINE.match(line) or not line.isprintable() or len(line) > LINE_LETTERS
        ]

    def leaked_secrets(self) -> list[str]:
        """Return the secrets in logs, with the names of the processes."""
        return [
            f"{process.name}: {secret[:12]}…"
            for process in self.processes
            for secret in self.secrets
            if secret in process.log()
        ]

    def close(self) -> None:
        for person in self._people:
            person.close()
        for client in self._sockets:
            client.close()
        super().close()


def port_of(rest: Rest) -> int:
    """Return the port of the client's server."""
    return int(rest.origin.rpartition(":")[2])


@contextmanager
def closed_stack(**env: str) -> Iterator[ClosedStack]:
    """Run an installation with one user and its own Valkey.

    Raises:
        AssertionError: a log has a traceback, an invalid line or a secret.
    """
    with Valkey() as valkey, clean(ClosedStack(valkey, **env)) as stack:
        stack.add_user()
        yield stack
    assert stack.invalid_log_lines() == []
    assert stack.leaked_secrets() == []
