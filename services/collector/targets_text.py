"""The text of a targets file: ``nodes.yaml``, or a Prometheus file; which one, its content says."""

import json

from collector.file_sd import read_file_sd
from collector.nodes_yaml import lists_none, read_nodes
from collector.said.files import yaml_invalid_or_ipv6
from collector.target_entries import Entry
from collector.targets import merged
from collector.targets_error import TargetsError
from collector.yaml_text import RefusedYaml, YamlError, line_of, read_yaml


def parse_entries(text: str) -> tuple[Entry, ...]:
    """Read a targets file; return one entry for each address.

    Raises:
        TargetsError: the text is neither YAML nor JSON, an entry is not valid, or an address has two names.
    """
    document = _document(text)
    try:
        return tuple(merged(read_file_sd(document) if isinstance(document, list) else read_nodes(document)))
    except TargetsError as error:
        line = line_of(text, error.place) if error.place else None
        if line is None:
            raise
        raise TargetsError(error.why, line) from None


def says_that_there_are_none(text: str) -> bool:
    """Whether a text without entries means so, and is no file that was emptied: ``workers: []``, or a list of groups.

    Raises:
        TargetsError: as ``parse_entries``.
    """
    document = _document(text)
    return isinstance(document, list) or lists_none(document)


def _document(text: str) -> object:
    # JSON first, where it may be: not all that it escapes is YAML to this reader.
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    try:
        return read_yaml(text)
    except RefusedYaml as error:
        raise TargetsError(error.why, error.line) from None
    except YamlError as error:
        why = error.why if error.line is None else yaml_invalid_or_ipv6(str(error.why.args["error"]))
        raise TargetsError(why, error.line) from None
