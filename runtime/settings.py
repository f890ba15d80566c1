"""Settings from environment variables, each checked as it is read; an error names its variable."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

from runtime.quoted import quoted

DEFAULT_REDIS_URL: Final = "redis://127.0.0.1:6379/0"
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS: Final = ("text", "json")


def chosen_log_format(variables: Mapping[str, str]) -> str:
    """``LOG_FORMAT``; ``text`` where it is not valid, so that it can be said in some format."""
    return "json" if variables.get("LOG_FORMAT", "").strip() == "json" else "text"


class SettingError(ValueError):
    """A variable has a value that it must not have; the text names it and says what it takes."""

    def __init__(self, name: str, value: str, takes: str) -> None:
        super().__init__(f"{name}={quoted(value)} is not valid: it takes {takes}")


class FromEnvironment(ABC):
    """Settings of a service, read from environment variables."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Read the settings from a mapping such as ``os.environ``.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        return cls.read(Environment(variables))

    @classmethod
    @abstractmethod
    def read(cls, environment: "Environment") -> Self:
        """Read the settings; ``environment.known`` then holds their names.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """


class Environment:
    """Reads typed values from a mapping such as ``os.environ``. An empty value counts as absent.

    ``known`` collects the names that were asked for: the settings that a service has.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.known: set[str] = set()

    def text(self, name: str, default: str) -> str:
        """Any text."""
        self.known.add(name)
        return self._variables.get(name, "").strip() or default

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        """A whole number from ``minimum`` to ``maximum``.

        Raises:
            SettingError: it is not.
        """
        text = self.text(name, str(default))
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if not minimum <= value <= maximum:
            raise SettingError(name, text, f"a whole number from {minimum} to {maximum}")
        return value

    def port(self, name: str, default: int) -> int:
        """A TCP port."""
        return self.integer(name, default, minimum=1, maximum=65535)

    def seconds(self, name: str, default: float, *, minimum: float, maximum: float) -> float:
        """A number of seconds from ``minimum`` to ``maximum``.

        Raises:
            SettingError: it is not.
        """
        text = self.text(name, f"{default:g}")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not minimum <= value <= maximum:
            raise SettingError(name, text, f"seconds from {minimum:g} to {maximum:g}")
        return value

    def choice(self, name: str, default: str, *, choices: tuple[str, ...]) -> str:
        """One of ``choices``.

        Raises:
            SettingError: it is none of them.
        """
        text = self.text(name, default)
        if text not in choices:
            raise SettingError(name, text, "one of " + ", ".join(choices))
        return text

    def removed(self, settings: Mapping[str, str]) -> tuple[str, ...]:
        """What to say of settings of former versions that are set, and change nothing any more.

        ``settings`` is by name: in which version each was removed, and what there is instead.
        """
        return tuple(
            f"{name} was removed in {what}" for name, what in settings.items() if self._variables.get(name, "").strip()
        )

    def log_level(self, *services: str) -> str:
        """The level of the first of ``services`` whose ``<SERVICE>_LOG_LEVEL`` is set; else ``LOG_LEVEL``.

        Raises:
            SettingError: one of them is none of the levels.
        """
        level = self.choice("LOG_LEVEL", "INFO", choices=LOG_LEVELS)
        for service in reversed(services):
            level = self.choice(f"{service.upper()}_LOG_LEVEL", level, choices=LOG_LEVELS)
        return level

    def log_format(self) -> str:
        """``LOG_FORMAT``, as every service takes it.

        Raises:
            SettingError: it is none of the formats.
        """
        return self.choice("LOG_FORMAT", "text", choices=LOG_FORMATS)

    def yes(self, name: str) -> bool:
        """``yes`` or ``no``, by default ``no``.

        Raises:
            SettingError: it is neither.
        """
        return self.choice(name, "no", choices=("no", "yes")) == "yes"

    def words(self, name: str) -> tuple[str, ...]:
        """Words separated by commas or spaces."""
        return tuple(self.text(name, "").replace(",", " ").split())

    def redis_url(self, service: str) -> str:
        """``REDIS_URL`` with the credentials of ``<SERVICE>_REDIS_USERNAME`` and ``<SERVICE>_REDIS_PASSWORD_FILE``.

        A ``rediss://`` one also has the CAs of ``REDIS_CA_FILE``.

        Raises:
            SettingError: it is no Redis URL, or a file cannot be read or used.
        """
        url = self.text("REDIS_URL", DEFAULT_REDIS_URL)
        username = self.text(f"{service.upper()}_REDIS_USERNAME", "")
        password_file = self.text(f"{service.upper()}_REDIS_PASSWORD_FILE", "")
        ca_file = self.text("REDIS_CA_FILE", "")
        parts = urlsplit("")
        try:
            parts = urlsplit(url)
            addressed = parts.scheme == "unix" or (bool(parts.hostname) and parts.port != 0)
        except ValueError:
            addressed = False
        if not addressed or parts.scheme not in ("redis", "rediss", "unix"):
            # The value may hold a password: it is not repeated.
            raise SettingError("REDIS_URL", "…", "redis://[user:password@]host[:port][/db], rediss://… or unix://…")
        if parts.scheme == "rediss" or ca_file:
            # Imported only here: OpenSSL takes 5 MB, and a process with a plain URL may need nothing of it.
            from runtime.redis_tls import with_tls

            try:
                url = with_tls(url, ca_file)
            except ValueError as error:
                raise SettingError("REDIS_CA_FILE", ca_file, str(error)) from None
        if not username and not password_file:
            return url
        parts = urlsplit(url)
        user = username or parts.username or ""
        password = parts.password or ""
        if password_file:
            try:
                password = quote(Path(password_file).read_text().strip(), safe="")
            except OSError as error:
                takes = f"a file that can be read ({error.strerror})"
                raise SettingError(f"{service.upper()}_REDIS_PASSWORD_FILE", password_file, takes) from None
        location = parts.netloc.rpartition("@")[2]
        netloc = f"{quote(user, safe='')}:{password}@{location}"
        return urlunsplit((parts.scheme, netloc, parts.path, parts.query, parts.fragment))
