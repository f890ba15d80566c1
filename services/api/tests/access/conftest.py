"""A deployment with closed access in this process: its folders, its users and their browsers."""

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partialmethod
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from access.grant import Scope
from access.hosts import AllowedHosts
from access.proxies import TrustedProxies
from access.session import Session, SessionSeal
from access.settings import AccessSettings
from access.tokens import StoredToken, new_token, token_digest
from api.access import commands
from api.access.rate_limit import PublishLimit, RequestLimit
from api.access.users import StoredUser, stamp_of
from api.app import create_app
from api.app_resources import resources_of
from api.config import Config
from contract.names import GENERATION_KEY, REVOKED_CHANNEL
from tests.drivers.valkey import Valkey

KEY = b"a key of thirty-two bytes at least"
PASSWORD = "correct horse"
#: Cheap costs. The stored hash contains them.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Fields(HTMLParser):
    """The forms of a page, each with its method, action and fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "form":
            method = (named.get("method") or "get").upper()
            self.forms.append({"method": method, "action": named.get("action"), "fields": {}})
        elif tag == "input" and self.forms:
            self.forms[-1]["fields"][named.get("name")] = named.get("value") or ""


class Deployment:
    """A deployment with closed access. Client addresses come from its trusted gateway."""

    def __init__(self, valkey: Valkey, folder: Path) -> None:
        self.valkey = valkey
        self.users = folder / "users"
        self.tokens = folder / "tokens"
        self.seal = SessionSeal(KEY)
        self._apps: list[Flask] = []
        for made in (self.users, self.tokens):
            made.mkdir()

    def config(self, mode: Any = "closed", words: str = "peer", user_header: str = "", **changes: Any) -> Config:
        access = AccessSettings(mode, KEY, self.tokens, user_header, TrustedProxies.of(words.split()))
        config = Config(redis_url=self.valkey.url, access=access, users=self.users, hosts=AllowedHosts(None))
        return replace(config, **changes)

    def start(self, mode: Any = "closed", words: str = "peer", user_header: str = "", **changes: Any) -> Flask:
        app = create_app(self.config(mode, words, user_header, **changes))
        self._apps.append(app)
        return app

    def add_user(self, name: str = "ada", password: str = PASSWORD) -> StoredUser:
        stored = StoredUser(hash=HASHER.hash(password), created=time.time())
        self._write(self.users / name, stored)
        return stored

    def add_token(self, *scopes: Scope, name: str = "script", expires: float | None = None) -> dict[str, str]:
        """Add a token and return the header for it."""
        token = new_token()
        stored = StoredToken(sha256=token_digest(token), scopes=scopes, created=time.time(), expires=expires)
        self._write(self.tokens / name, stored)
        return {"Authorization": f"Bearer {token}"}

    def metrics(self, app: Flask) -> str:
        """Return the metrics of an application."""
        headers = self.add_token("read", name="metrics") | {"X-Forwarded-For": "192.0.2.50"}
        return app.test_client().get("/metrics", headers=headers).get_data(as_text=True)

    def session(self, generation: str, user: str = "ada", **changes: Any) -> Session:
        """Return a session of a user as sign-in creates it, with ``changes``."""
        now = time.time()
        stored = msgspec.json.decode((self.users / user).read_bytes(), type=StoredUser)
        session = Session("id", user, generation, stamp_of(stored.hash), now, now + 86400, now + 3600)
        return msgspec.structs.replace(session, **changes)

    def end(self) -> None:
        for app in self._apps:
            resources_of(app).connection.close()

    def _write(self, path: Path, content: object) -> None:
        temporary = path.with_name("." + path.name)
        temporary.write_bytes(msgspec.json.encode(content))
        temporary.rename(path)


class Browser:
    """A person's browser."""

    def __init__(self, app: Flask, address: str = "192.0.2.7") -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = BROWSER | {"X-Forwarded-For": address}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=self.headers | headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, data=fields, headers=self.headers | named)

    def fields(self, path: str, action: str) -> dict[str, str]:
        """Return the initial fields of a form on a page."""
        for form in self.forms(path):
            if form["action"] == action:
                found: dict[str, str] = form["fields"]
                return found
        raise AssertionError(f"no form to {action} at {path}")

    def forms(self, path: str) -> list[dict[str, Any]]:
        """Return the forms of a page that change something, each with its action and fields."""
        return [form for form in Fields(self.get(path).get_data(as_text=True)).forms if form["method"] != "GET"]

    def sign_in(
        self, user: str = "ada", password: str = PASSWORD, path: str = "/login", **headers: str
    ) -> TestResponse:
        fields = self.fields(path, "/login") | {"user": user, "password": password}
        return self.post("/login", fields, **headers)

    def sign_out(self) -> TestResponse:
        return self.post("/logout", self.fields("/live", "/logout"))

    def cookie(self, deployment: Deployment) -> str:
        """Return the value of the session cookie."""
        found = self.client.get_cookie(deployment.seal.cookie)
        assert found is not None
        return found.value


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read folders and revocations for every request."""
    monkeypatch.setattr("access.credential_folder.CHECK_SECONDS", 0.0)
    monkeypatch.setattr("api.access.revocation_store.FRESH_SECONDS", 0.0)


@pytest.fixture
def deployment(valkey: Valkey, tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(valkey, tmp_path)
    yield deployment
    deployment.end()


@pytest.fixture
def closed_app(deployment: Deployment) -> Flask:
    """The application of the deployment, with one user, ``ada``."""
    deployment.add_user()
    return deployment.start()


@pytest.fixture
def ada(closed_app: Flask) -> Browser:
    """A browser in which ``ada`` is signed in."""
    browser = Browser(closed_app)
    assert browser.sign_in().status_code == 303
    return browser


@pytest.fixture
def generation(redis: Any) -> Callable[[], str]:
    return lambda: redis.get(GENERATION_KEY).decode()


Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Folders of users and tokens that do not exist yet."""
    return {"users": tmp_path / "files" / "users", "tokens": tmp_path / "files" / "tokens"}


def variables_of(folders: dict[str, Path]) -> dict[str, str]:
    return {"ACCESS_USERS_DIR": str(folders["users"]), "ACCESS_TOKENS_DIR": str(folders["tokens"])}


@pytest.fixture
def run_cli(valkey: Valkey, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process, with bytes as input and output."""

    def run_cli(*words: str, given: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch:
            for name, stream in (("stdin", io.BytesIO(given)), ("stdout", out), ("stderr", err)):
                patch.setattr(sys, name, io.TextIOWrapper(stream, write_through=True))
            try:
                code = commands.run(words, variables_of(folders) | {"REDIS_URL": valkey.url} | variables)
            except SystemExit as ended:  # argparse
                code = int(ended.code or 0)
            return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    return run_cli


@pytest.fixture
def listen(redis: Any) -> Iterator[Callable[[], Callable[..., str]]]:
    """Subscribe to revocations; return a function that waits for the next message, empty for no message."""
    with redis.pubsub(ignore_subscribe_messages=True) as pubsub:

        def received(timeout: float = 10) -> str:
            message = pubsub.get_message(timeout=timeout)
            return "" if message is None else message["data"].decode()

        def listen() -> Callable[..., str]:
            pubsub.subscribe(REVOKED_CHANNEL)
            pubsub.get_message(timeout=10)
            return received

        yield listen


@pytest.fixture
def browser() -> type[Browser]:
    return Browser


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the rate limits. A test sets it."""
    now = [1000.0]
    for limit in (RequestLimit, PublishLimit):
        monkeypatch.setattr(limit, "__init__", partialmethod(limit.__init__, monotonic=lambda: now[0]))
    return now
