"""Kubernetes' own schemas of the objects, strict: a field that they do not know is wrong.

The files are those of the package kubernetes-validate; its own function reads a megabyte for every document.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from deploy.k8s.check.documents import Document, Documents, title
from deploy.k8s.check.finding import Finding

#: The oldest version that we support.
OLDEST = "1.28"
_FOLDER = re.compile(r"v(\d+)\.(\d+)\.\d+-local-strict")


def folders() -> dict[str, Traversable]:
    """A folder of schemas for every version such as ``1.28``, in their order."""
    found = {
        (int(match[1]), int(match[2])): folder
        for folder in (files("kubernetes_validate") / "kubernetes-json-schema").iterdir()
        if (match := _FOLDER.fullmatch(folder.name))
    }
    return {f"{major}.{minor}": found[major, minor] for major, minor in sorted(found)}


def newest() -> str:
    """The newest version whose schemas there are."""
    return list(folders())[-1]


def validated(documents: Documents) -> Iterator[Finding]:
    """Every document is what the oldest and the newest Kubernetes take."""
    for version in (OLDEST, newest()):
        for document in documents:
            yield from (
                Finding(title(document), f"Kubernetes {version}: {text}") for text in problems(document, version)
            )


def problems(document: Document, version: str) -> list[str]:
    """What Kubernetes of this version would say against a document."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", str(document.get("apiVersion")))
    validator = _validator(version, f"{str(document.get('kind')).lower()}-{group}.json")
    if validator is None:
        return [f"there is no {document.get('kind')} in {document.get('apiVersion')}"]
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'the document'}: {error.message[:300]}"
        for error in validator.iter_errors(document)
    ]


@cache
def _validator(version: str, name: str) -> Draft202012Validator | None:
    schema = folders()[version] / name
    if not schema.is_file():
        return None
    return Draft202012Validator(json.loads(schema.read_text()), registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    contents = json.loads((folders()[version] / "_definitions.json").read_text())
    return Resource.from_contents(contents) @ Registry()
