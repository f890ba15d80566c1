"""The settings of target lists: their URLs, and how to request them."""

from dataclasses import dataclass
from typing import Final

from yarl import URL

from collector.sentences.sentence import english
from collector.targets.entry import TargetsError, host_and_port, read_http_options
from collector.targets.http_sd_request import HttpSdUrl
from runtime import catalogue
from runtime.settings import Environment, SettingError

_FLAGS: Final = {"true": True, "false": False}


@dataclass(frozen=True)
class HttpSdSettings:
    """The target lists to follow."""

    urls: tuple[HttpSdUrl, ...]
    #: Seconds between two requests for a list.
    refresh_seconds: float


def read_http_sd(environment: Environment) -> HttpSdSettings:
    """Read the settings; no error contains a URL or the value of an option, which may be secrets.

    Raises:
        SettingError: a value is not valid, options conflict, or several servers would get the same credentials.
    """
    texts: tuple[str, ...] = environment.value(catalogue.COLLECTOR_HTTP_SD_URLS)
    urls = dict.fromkeys(map(_url, texts))
    options = environment.value(catalogue.COLLECTOR_HTTP_SD_OPTIONS)
    found = tuple(_with_options(url, options) for url in urls)
    if len({url.origin() for url in urls}) > 1 and any(source.http.has_credentials for source in found):
        setting = catalogue.COLLECTOR_HTTP_SD_OPTIONS
        raise SettingError(setting.name, "…", "credentials only if all URLs have the same scheme, host and port")
    return HttpSdSettings(found, environment.value(catalogue.COLLECTOR_HTTP_SD_REFRESH_SECONDS))


def _url(text: str) -> URL:
    setting = catalogue.COLLECTOR_HTTP_SD_URLS
    try:
        url = URL(text)
        host_and_port(f"[{url.host}]" if ":" in (url.host or "") else url.host, setting.name)
    except ValueError:  # TargetsError is a subclass
        raise SettingError(setting.name, "…", setting.kind.takes) from None
    return url


def _with_options(url: URL, options: dict[str, str]) -> HttpSdUrl:
    raw = {name: _FLAGS.get(text, text) for name, text in options.items()}
    try:
        return HttpSdUrl(
            url, read_http_options({**raw, "scheme": url.scheme}, catalogue.COLLECTOR_HTTP_SD_OPTIONS.name)
        )
    except TargetsError as error:
        raise SettingError.of_lines([english(error.why)]) from None
