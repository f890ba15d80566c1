"""A browser for signing in: cookies, and forms with their tokens."""

import html
import re
from typing import Any

import requests

_CSRF = re.compile(r'name="csrf" value="([^"]*)"')
_TIMEOUT_SECONDS = 30


class Person:
    """Keeps the cookies of one host for all ports, as browsers do."""

    def __init__(self, cookie: str, **headers: str) -> None:
        """``cookie`` is the name of the session's cookie; every request has ``headers``."""
        self._cookie = cookie
        self._session = requests.Session()
        self._session.headers.update({name.replace("_", "-"): value for name, value in headers.items()})

    @property
    def session(self) -> str:
        """Return the value of the session's cookie; empty without one."""
        return self._session.cookies.get(self._cookie) or ""

    @session.setter
    def session(self, value: str) -> None:
        self._session.cookies.set(self._cookie, value, domain="127.0.0.1", path="/")

    @property
    def cookies(self) -> dict[str, str]:
        """Return the values of all cookies."""
        return {cookie.name: cookie.value or "" for cookie in self._session.cookies}

    @property
    def cookie(self) -> str:
        """Return the ``Cookie`` header with the session."""
        return f"{self._cookie}={self.session}"

    def get(self, url: str, **headers: str) -> requests.Response:
        """Send a GET request without following redirections."""
        return self._session.get(url, headers=_named(headers), timeout=_TIMEOUT_SECONDS, allow_redirects=False)

    def post(self, url: str, data: Any, **headers: str) -> requests.Response:
        """Send a form or bytes without following redirections."""
        return self._session.post(url, data, headers=_named(headers), timeout=_TIMEOUT_SECONDS, allow_redirects=False)

    def form_token(self, url: str) -> str:
        """Return the token of the form on a page."""
        page = self.get(url, Accept="text/html")
        found = _CSRF.search(page.text)
        assert found, f"{page.status_code}: no form on {url}"
        return html.unescape(found[1])

    def try_to_sign_in(self, origin: str, user: str, password: str, **fields: str) -> requests.Response:
        """Send the sign-in form; return the response."""
        form = {"csrf": self.form_token(f"{origin}/login"), "user": user, "password": password, **fields}
        return self.post(f"{origin}/login", form)

    def sign_in(self, origin: str, user: str, password: str) -> None:
        """Sign in; a failure is an error."""
        answer = self.try_to_sign_in(origin, user, password)
        assert answer.status_code == 303, f"{answer.status_code}: {answer.text[:2000]}"
        assert self.session

    def sign_out(self, origin: str) -> None:
        """Sign out; a failure is an error."""
        answer = self.post(f"{origin}/logout", {"csrf": self.form_token(f"{origin}/")})
        assert answer.status_code == 303, f"{answer.status_code}: {answer.text[:300]}"

    def is_known(self, origin: str) -> bool:
        """Whether the service accepts the session's cookie."""
        answer = self.get(f"{origin}/api/session")
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
