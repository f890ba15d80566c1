"""Rendered documents: what they are called, and what a selector selects."""

from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]
#: Everything that one rendering holds.
Documents = list[Document]
#: The namespace of everything that has no reason to be elsewhere.
NAMESPACE = "dispycluster"


def of_kind(documents: Documents, *kinds: str) -> Iterator[Document]:
    """The documents of these kinds."""
    return (document for document in documents if document.get("kind") in kinds)


def title(document: Document) -> str:
    """What findings call a document: kind and name."""
    return f"{document.get('kind', '?')}/{document.get('metadata', {}).get('name', '?')}"


def namespace(document: Document) -> str:
    """The namespace in which a document is; ``default`` where it says none."""
    return str(document["metadata"].get("namespace", "default"))


def find(documents: Documents, kind: str, name: str, within: str) -> Document | None:
    """The document of this kind and name in the namespace ``within``, if there is one."""
    for document in of_kind(documents, kind):
        if document["metadata"]["name"] == name and namespace(document) == within:
            return document
    return None


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector, with ``matchLabels`` and ``matchExpressions``, matches; an empty one matches all."""
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()) and all(
        _fulfils(expression, labels) for expression in selector.get("matchExpressions") or []
    )


def _fulfils(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    return {
        "In": value in expression.get("values", []),
        "NotIn": value not in expression.get("values", []),
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[expression["operator"]]
