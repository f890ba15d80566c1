"""Every variable is known to whoever gets it, and has a value that it takes."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from contract.runtime.settings import Environment, SettingError
from deploy.k8s.check.documents import Document, Documents
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.folder import IMAGE_FILES
from deploy.k8s.check.pods import pods
from deploy.k8s.check.variables import CONFIGS, image_name, known, own, references, service_of, shared, values


def variables_are_known(documents: Documents) -> Iterator[Finding]:
    """A service knows what it is given by itself, and some service what is given to several."""
    all_known = set().union(*(known(service) for service in CONFIGS))
    for pod in pods(documents):
        for container in pod.containers:
            service = service_of(container)
            names = known(service) if service else _asked_for(image_name(container)) | _inner(container)
            for name in own(container):
                if name not in names:
                    yield Finding(pod.title, f"{container['name']} knows no variable {name}")
            for name in shared(documents, pod, container):
                if name not in all_known:
                    yield Finding(pod.title, f"no service knows the variable {name}")


def values_are_valid(documents: Documents) -> Iterator[Finding]:
    """Every service would start with its variables."""
    for pod in pods(documents):
        for container in pod.lasting:
            service = service_of(container)
            if service is None:
                continue
            given = values(documents, pod, container)
            # The files are in a Secret and in a ConfigMap of the user, which are not here.
            given |= {name: "/dev/null" for name in given if name.endswith("_PASSWORD_FILE")}
            given["REDIS_CA_FILE"] = ""
            # Any that is long enough.
            given |= {name: __file__ for name in given if name == "ACCESS_KEY_FILE"}
            try:
                CONFIGS[service].read(Environment(given))
            except SettingError as error:
                yield Finding(pod.title, str(error))


def references_are_to_earlier_variables(documents: Documents) -> Iterator[Finding]:
    """``$(NAME)`` is replaced only where NAME stands further up."""
    for pod in pods(documents):
        for container in pod.containers:
            for name, value in values(documents, pod, container).items():
                for missing in references(value):
                    yield Finding(pod.title, f"{name} names the variable {missing}, which does not stand above it")


def settings_are_those_of_the_user(documents: Documents, wanted: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """What a user has set wins over what a component sets."""
    for pod in pods(documents):
        for container in pod.lasting:
            given = shared(documents, pod, container)
            for name, value in wanted:
                if given and given.get(name) != value:
                    yield Finding(pod.title, f"{name} is {given.get(name)!r}, and the user has set {value!r}")


def _inner(container: Document) -> set[str]:
    """Variables that are there for other variables."""
    return {name for entry in container.get("env") or [] for name in references(str(entry.get("value", "")))}


@cache
def _asked_for(image: str) -> set[str]:
    """The variables that an image's files name."""
    found = (path.read_text() for path in (IMAGE_FILES / image).rglob("*") if path.is_file())
    return set(re.findall(r"\$\{?([A-Z][A-Z0-9_]+)", "\n".join(found)))
