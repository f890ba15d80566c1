"""Check all settings of a deployment together, before a command changes anything: errors and possible mistakes.

Standard library only, Python 3.9 and later: compose checks settings on hosts without a venv.
"""

from __future__ import annotations

import difflib
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime import catalogue
from runtime.catalogue import CONTAINERS, OF_COMPOSE, REMOVED, SETTINGS, of_way
from runtime.setting import Setting, SettingError, T
from runtime.value_types import PEER, is_address, words

#: Variables of other programs (compose, pip, Docker) whose names resemble ours.
_FOREIGN = ("COMPOSE_PROJECT_NAME", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PARALLEL_LIMIT", "COMPOSE_ENV_FILES")
_FOREIGN_PREFIXES = ("PIP_", "DOCKER_", "XDG_", "GIT_", "PYTHON", "LC_", "SSH_", "CI_", "GITHUB_")
#: Similarity from 0 to 1 from which a name counts as a misspelled setting: in a settings file, and in the environment,
#: which also has foreign variables.
_SIMILAR_IN_FILE, _SIMILAR_IN_ENVIRONMENT = 0.74, 0.85
#: Open files of the gateway besides two for each connection: its port, its checks of the replicas, its log.
_GATEWAY_FILES = 100
#: Kernel names of the machines for which requirements/ws.in has gevent. The images exist for no other machines.
_GEVENT_MACHINES = ("x86_64", "aarch64")
#: Files that a service reads at its start outside containers. Containers have other paths.
_FILES = (
    catalogue.REDIS_CA_FILE,
    catalogue.API_REDIS_PASSWORD_FILE,
    catalogue.WS_REDIS_PASSWORD_FILE,
    catalogue.COLLECTOR_REDIS_PASSWORD_FILE,
    catalogue.COLLECTOR_RULES,
)


@dataclass(frozen=True)
class SettingsReport:
    """The result of a check, as sentences."""

    #: Errors that keep a service from starting.
    faults: tuple[str, ...] = ()
    #: Possible mistakes that stop nothing.
    notes: tuple[str, ...] = ()


def check(variables: Mapping[str, str], way: str, written: Iterable[str] = ()) -> SettingsReport:
    """Check the settings of a deployment.

    Args:
        variables: the variables that are set.
        way: ``run``, ``systemd`` or ``containers``.
        written: the names in the settings file; all other variables come from the environment.
    """
    faults = [*_values(variables, way), *_relations(variables, way)]
    return SettingsReport(tuple(dict.fromkeys(map(str, faults))), tuple(_notes(variables, way, frozenset(written))))


def _values(variables: Mapping[str, str], way: str) -> Iterator[SettingError]:
    for setting in of_way(way):
        text = setting.text_in(variables)
        if not text or setting in OF_COMPOSE:
            continue
        try:
            setting.read(text)
        except SettingError as error:
            yield error
            continue
        if setting is catalogue.TRUSTED_PROXIES and PEER in words(text):
            # Only the deployment itself sets this word, for services that only the gateway reaches.
            yield SettingError(setting.name, text, setting.kind.takes)
        if setting is catalogue.PUBLIC_HOST and way == CONTAINERS and not is_address(text):
            takes = "an IP address of this machine; 0.0.0.0 stands for all of them"
            yield SettingError(setting.name, text, takes)


def _value(variables: Mapping[str, str], setting: Setting[T], way: str) -> T | None:
    """Return the value in force; ``None`` if it is missing or invalid."""
    text = setting.text_in(variables) or setting.default_for(way)
    try:
        return setting.read(text) if text else None
    except SettingError:
        return None


def _relations(variables: Mapping[str, str], way: str) -> Iterator[SettingError]:
    """Yield the errors of values that are valid alone but contradict each other."""
    interval = _value(variables, catalogue.COLLECTOR_SCRAPE_INTERVAL_SECONDS, way)
    timeout = _value(variables, catalogue.COLLECTOR_SCRAPE_TIMEOUT_SECONDS, way)
    if interval is not None and timeout is not None and timeout > interval:
        takes = f"seconds up to COLLECTOR_SCRAPE_INTERVAL_SECONDS, which is {interval:g}"
        yield SettingError("COLLECTOR_SCRAPE_TIMEOUT_SECONDS", f"{timeout:g}", takes)
    header = _value(variables, catalogue.ACCESS_USER_HEADER, way)
    if header and not catalogue.TRUSTED_PROXIES.text_in(variables):
        yield SettingError("ACCESS_USER_HEADER", header, "effect only with TRUSTED_PROXIES, the proxy's addresses")
    ca_file, url = (setting.text_in(variables) for setting in (catalogue.REDIS_CA_FILE, catalogue.REDIS_URL))
    if ca_file and not url.startswith("rediss://"):
        yield SettingError("REDIS_CA_FILE", ca_file, "a file only where REDIS_URL begins with rediss://")
    if way == CONTAINERS:
        yield from _relations_of_containers(variables)
        return
    is_64_bit = sys.maxsize > 2**32
    if _value(variables, catalogue.WS_LOOP, way) == "gevent" and not (
        is_64_bit and platform.machine() in _GEVENT_MACHINES
    ):
        machine = platform.machine() if is_64_bit else "a 32-bit system"
        takes = f"only eventlet on this machine: gevent needs x86-64 or 64-bit ARM, and this is {machine}"
        yield SettingError("WS_LOOP", "gevent", takes)
    for setting in _FILES:
        name = setting.text_in(variables)
        try:
            is_there = not name or Path(name).expanduser().is_file()
        except PermissionError:  # the service's user may be able to read it
            is_there = True
        if not is_there:
            yield SettingError(setting.name, name, "a file that can be read (No such file or directory)")
    if _value(variables, catalogue.DEMO_NODES, way) and catalogue.TARGETS.text_in(variables):
        demo_nodes = catalogue.DEMO_NODES.text_in(variables)
        yield SettingError("DEMO_NODES", demo_nodes, "no value together with TARGETS: use one of them")


def _relations_of_containers(variables: Mapping[str, str]) -> Iterator[SettingError]:
    connections = _value(variables, catalogue.GATEWAY_MAXCONN, CONTAINERS)
    files = _value(variables, catalogue.OPEN_FILES, CONTAINERS)
    if connections is not None and files is not None and 2 * connections + _GATEWAY_FILES > files:
        most = (files - _GATEWAY_FILES) // 2
        takes = f"up to {most} connections while OPEN_FILES is {files}: each takes two files"
        yield SettingError("GATEWAY_MAXCONN", str(connections), takes)
    limit = _value(variables, catalogue.REDIS_MEMORY_LIMIT, CONTAINERS)
    data = _value(variables, catalogue.REDIS_MAXMEMORY, CONTAINERS)
    if limit is not None and data is not None and limit < data:
        takes = f"more than REDIS_MAXMEMORY, which is {_text(variables, catalogue.REDIS_MAXMEMORY)}"
        yield SettingError("REDIS_MEMORY_LIMIT", _text(variables, catalogue.REDIS_MEMORY_LIMIT), takes)
    hsts = catalogue.TLS_HSTS_SECONDS.text_in(variables)
    if hsts and not catalogue.TLS_CERTIFICATE.text_in(variables):
        yield SettingError("TLS_HSTS_SECONDS", hsts, "effect only with TLS_CERTIFICATE")


def _text(variables: Mapping[str, str], setting: Setting[T]) -> str:
    return setting.text_in(variables) or setting.default_for(CONTAINERS)


def _notes(variables: Mapping[str, str], way: str, written: frozenset[str]) -> Iterator[str]:
    ours = {setting.name for setting in of_way(way)}
    for name in sorted({*variables, *written} - ours):
        if not variables.get(name, "").strip():
            continue
        if name in REMOVED:
            yield f"{name} was removed in {REMOVED[name]}. The setting is ignored: delete it."
        elif name in SETTINGS:
            if name in written and SETTINGS[name].ways:
                yield f"{name} has no effect here. It applies to: {SETTINGS[name].ways}."
        elif similar := _similar(name, ours, _SIMILAR_IN_FILE if name in written else _SIMILAR_IN_ENVIRONMENT):
            yield f"{name} is not a setting, and is ignored. Did you mean {similar}?"
    if way != CONTAINERS:
        return
    for word in words(variables.get("COMPOSE_PROFILES", "")):
        if word not in ("demo", "*"):
            is_similar = bool(difflib.get_close_matches(word, ["demo"], 1, 0.5))
            hint = "Did you mean demo?" if is_similar else "The only profile is demo."
            yield f"COMPOSE_PROFILES={word} is not a profile, and is ignored. {hint}"
    limit = _value(variables, catalogue.REDIS_MEMORY_LIMIT, way)
    data = _value(variables, catalogue.REDIS_MAXMEMORY, way)
    if limit is not None and data is not None and data and limit < 2 * data and limit >= data:
        yield (
            f"REDIS_MEMORY_LIMIT={_text(variables, catalogue.REDIS_MEMORY_LIMIT)} is less than twice REDIS_MAXMEMORY, "
            f"which is {_text(variables, catalogue.REDIS_MAXMEMORY)}. "
            "The kernel may kill Redis while it rewrites its data."
        )


def _similar(name: str, ours: Iterable[str], least: float) -> str:
    """Return the setting with the most similar name; empty if none is similar enough."""
    if name in _FOREIGN or name.startswith(_FOREIGN_PREFIXES):
        return ""
    found = difflib.get_close_matches(name, sorted(ours), 1, least)
    return found[0] if found else ""
