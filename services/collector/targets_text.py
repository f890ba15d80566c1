"""The text of a targets file: ``nodes.yaml``, or a Prometheus file; which one, its content says."""

import json
from typing import Any, Final

import yaml

from collector.file_sd import read_file_sd
from collector.nodes_yaml import read_nodes
from collector.target_entries import Entry, TargetsError
from collector.targets import merged

_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_entries(text: str) -> tuple[Entry, ...]:
    """Read a targets file; return one entry for each address.

    Raises:
        TargetsError: the text is neither YAML nor JSON, an entry is not valid, or an address has two names.
    """
    document = _document(text)
    return tuple(merged(read_file_sd(document) if isinstance(document, list) else read_nodes(document)))


def _document(text: str) -> object:
    # JSON first, where it may be: not all that it escapes is YAML to this reader.
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader, in C where there is one)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TargetsError(f"not YAML: {_problem(error)}") from None


def _problem(error: Exception) -> str:
    """What is wrong with the YAML, and in which line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return str(problem)
    return f'{problem} in line {mark.line + 1} (an IPv6 address needs quotes, as in "[fd00::6]:9100")'
