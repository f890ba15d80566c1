"""The collector's files in ConfigMaps are such as it reads."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from collector.rules_file import InvalidRulesFile, RulesFile
from collector.said.sentence import english
from collector.targets_files import TargetsFiles
from deploy.k8s.check.documents import NAMESPACE, Documents, find
from deploy.k8s.check.finding import Finding

#: ConfigMaps that hold targets files, and the rules.
HELD = ("collector-config", "demo-nodes")
RULES = "alerts.yaml"


def collector_reads_its_files(documents: Documents) -> Iterator[Finding]:
    """The targets go together, and the rules are rules."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        rules = Path(folder) / RULES
        for name in HELD:
            for key, text in ((find(documents, "ConfigMap", name, NAMESPACE) or {}).get("data") or {}).items():
                path = rules if key == RULES else Path(folder) / f"{name}-{key}"
                path.write_text(text)
                if path != rules:
                    paths.append(path)
        for problem in TargetsFiles(paths).problems if paths else []:
            yield Finding("ConfigMap", english(problem).replace(f"{folder}/", ""))
        try:
            RulesFile(rules)
        except InvalidRulesFile as error:
            yield Finding("ConfigMap/collector-config", str(error).replace(f"{folder}/", ""))
