"""Parse a targets file: ``nodes.yaml``, or a Prometheus file. The type of its document decides."""

import json
from typing import Final

from collector.sentences.files import yaml_invalid_or_ipv6
from collector.targets.entry import TargetEntry, TargetsError
from collector.targets.nodes_file import lists_no_nodes_on_purpose, read_nodes
from collector.targets.target import merge_entries
from collector.targets.target_groups import TargetGroups, read_target_groups
from collector.yaml_file import UnsupportedYaml, YamlError, key_lines, line_of, read_yaml

#: Errors in a key, not in its value, which may begin in a later line.
_OF_KEYS: Final = ("key_misspelt", "keys_unknown")


def parse_targets(text: str) -> TargetGroups:
    """Parse a targets file; return one entry per address, and the labels that are left out.

    Raises:
        TargetsError: the text is neither YAML nor JSON, an entry is not valid, or an address has two names or two
            values of a label.
    """
    document = _document(text)
    try:
        if isinstance(document, list):
            return read_target_groups(document)
        return TargetGroups(tuple(merge_entries(read_nodes(document))))
    except TargetsError as error:
        if error.why.code in _OF_KEYS:
            line = key_lines(text, [error.position])[0]
        else:
            line = line_of(text, error.position) if error.position else None
        if line is None:
            raise
        raise TargetsError(error.why, line) from None


def parse_entries(text: str) -> tuple[TargetEntry, ...]:
    """Return the entries of ``parse_targets``."""
    return parse_targets(text).entries


def is_explicitly_empty(text: str) -> bool:
    """Whether a text without entries lists no nodes on purpose: ``workers: []``, or a list of Prometheus' groups.

    Raises:
        TargetsError: as ``parse_targets``.
    """
    document = _document(text)
    return isinstance(document, list) or lists_no_nodes_on_purpose(document)


def _document(text: str) -> object:
    # JSON first if possible: the YAML reader does not support all JSON escapes.
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    try:
        return read_yaml(text)
    except UnsupportedYaml as error:
        raise TargetsError(error.why, error.line) from None
    except YamlError as error:
        why = error.why if error.line is None else yaml_invalid_or_ipv6(str(error.why.args["error"]))
        raise TargetsError(why, error.line) from None
