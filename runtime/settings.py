"""Reads settings from environment variables and validates them against their descriptions."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Final, Self, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from runtime import catalogue
from runtime.setting import Setting, SettingError

__all__ = ["Environment", "FromEnvironment", "Setting", "SettingError", "chosen_log_format"]

#: Credentials for an external Redis, by service.
_REDIS_USERNAMES: Final = {
    "api": catalogue.API_REDIS_USERNAME,
    "ws": catalogue.WS_REDIS_USERNAME,
    "collector": catalogue.COLLECTOR_REDIS_USERNAME,
}
_REDIS_PASSWORD_FILES: Final = {
    "api": catalogue.API_REDIS_PASSWORD_FILE,
    "ws": catalogue.WS_REDIS_PASSWORD_FILE,
    "collector": catalogue.COLLECTOR_REDIS_PASSWORD_FILE,
}
#: Log level settings by service.
_LOG_LEVELS: Final = {
    "api": catalogue.API_LOG_LEVEL,
    "ws": catalogue.WS_LOG_LEVEL,
    "collector": catalogue.COLLECTOR_LOG_LEVEL,
    "gateway": catalogue.GATEWAY_LOG_LEVEL,
}
T = TypeVar("T")


class FromEnvironment(ABC):
    """The settings of a service, read from environment variables."""

    #: Name of the service in the settings catalogue.
    service: ClassVar[str]

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Read the settings from a mapping such as ``os.environ``.

        Raises:
            SettingError: values are not valid; the text names all their variables.
        """
        try:
            return cls.read(Environment(variables))
        except SettingError as first:
            raise SettingError.of_lines([str(first), *map(str, invalid_values(variables, cls.service))]) from None

    @classmethod
    @abstractmethod
    def read(cls, environment: "Environment") -> Self:
        """Read the settings; ``environment.known`` then holds their names.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """


class Environment:
    """Reads typed values from a mapping such as ``os.environ``. An empty value counts as not set.

    ``known`` collects the names of all settings that were read.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.known: set[str] = set()

    def value(self, setting: Setting[T], default: T | None = None) -> T:
        """Return the value of a setting. If it is not set, return ``default`` or the default in its description.

        Raises:
            SettingError: the value is not valid.
        """
        self.known.add(setting.name)
        text = setting.text_in(self._variables)
        if not text:
            return setting.default_value if default is None else default
        return setting.read(text)

    def is_set(self, setting: Setting[T]) -> bool:
        """Whether the setting has a value."""
        self.known.add(setting.name)
        return bool(setting.text_in(self._variables))

    def path(self, setting: Setting[str]) -> Path | None:
        """Return the value as a path; ``None`` if it is not set.

        Raises:
            SettingError: the value is not a valid path.
        """
        text = self.value(setting)
        return Path(text) if text else None

    def removed(self) -> tuple[str, ...]:
        """Return a warning for each variable that is set but was removed in an earlier version."""
        return tuple(
            f"{name} was removed in {what}"
            for name, what in catalogue.REMOVED.items()
            if self._variables.get(name, "").strip()
        )

    def log_level(self, *services: str) -> str:
        """Return the first ``<SERVICE>_LOG_LEVEL`` of ``services`` that is set, or else ``LOG_LEVEL``.

        Raises:
            SettingError: a value is not a log level.
        """
        level = self.value(catalogue.LOG_LEVEL)
        for service in reversed(services):
            level = self.value(_LOG_LEVELS[service], level)
        return level

    def redis_url(self, service: str) -> str:
        """Return ``REDIS_URL`` with the credentials of ``<SERVICE>_REDIS_USERNAME`` and ``…_REDIS_PASSWORD_FILE``.

        A ``rediss://`` URL also gets the CAs of ``REDIS_CA_FILE``.

        Raises:
            SettingError: the value is not a Redis URL, or a file cannot be read or used.
        """
        url = self.value(catalogue.REDIS_URL)
        username_setting, password_setting = _REDIS_USERNAMES.get(service), _REDIS_PASSWORD_FILES.get(service)
        username = self.value(username_setting) if username_setting else ""
        password_file = self.value(password_setting) if password_setting else ""
        ca_file = self.value(catalogue.REDIS_CA_FILE)
        parts = urlsplit(url)
        if parts.scheme == "rediss" or ca_file:
            # Imported only for TLS, because OpenSSL takes 5 MB of memory.
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


def chosen_log_format(variables: Mapping[str, str]) -> str:
    """Return ``LOG_FORMAT``, or its default if the value is invalid, so that the error itself can be logged."""
    try:
        return Environment(variables).value(catalogue.LOG_FORMAT)
    except SettingError:
        return catalogue.LOG_FORMAT.default_value


def invalid_values(variables: Mapping[str, str], service: str) -> Iterator[SettingError]:
    """Yield an error for each invalid value among a service's settings."""
    for setting in catalogue.of_service(service):
        text = setting.text_in(variables)
        try:
            if text:
                setting.read(text)
        except SettingError as error:
            yield error
