"""The collector's files in ConfigMaps are such as it reads."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from collector.rules import RulesError
from collector.rules_file import RulesFile
from collector.targets_files import TargetsFiles
from deploy.k8s.check.documents import NAMESPACE, Documents, find
from deploy.k8s.check.finding import Finding

#: ConfigMaps that hold a ``nodes.yaml``.
WITH_NODES = ("collector-config", "demo-nodes")


def collector_reads_its_files(documents: Documents) -> Iterator[Finding]:
    """The targets go together, and the rules are rules."""
    held = {name: _data(documents, name) for name in WITH_NODES}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.yaml" for name in WITH_NODES if held[name]]
        for path in paths:
            path.write_text(held[path.stem].get("nodes.yaml", ""))
        for problem in TargetsFiles(paths).problems if paths else []:
            yield Finding("ConfigMap", problem.replace(f"{folder}/", ""))
        rules = Path(folder) / "alerts.yaml"
        rules.write_text(held["collector-config"].get("alerts.yaml", ""))
        try:
            RulesFile(rules)
        except RulesError as error:
            yield Finding("ConfigMap/collector-config", str(error).replace(f"{folder}/", ""))


def _data(documents: Documents, name: str) -> dict[str, str]:
    return (find(documents, "ConfigMap", name, NAMESPACE) or {}).get("data") or {}
