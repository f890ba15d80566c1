"""Which rules apply to each node and group, with their overrides; kept until the rules or the node's labels change."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final, NamedTuple

from collector.alerts.conditions import ObservedNode
from collector.alerts.node_metrics import READERS
from collector.alerts.rule import Rule, Rules
from collector.measures import Measures
from contract.matchers import Identity

#: Nodes that are remembered beyond the present ones, before the others are forgotten.
_SPARE: Final = 100


class OwnRule(NamedTuple):
    """A rule on a measured field of a node, with the values that each round needs."""

    rule: Rule
    read: Callable[[Measures], float | None]
    threshold: float


class NodeRules(NamedTuple):
    """The enabled rules that apply to a node; nodes with the same rules share one ``NodeRules``."""

    built_in: tuple[Rule, ...]
    own: tuple[OwnRule, ...]
    names: frozenset[str]
    #: Rules on groups for which the node counts, each with the name of the node's group.
    groups: tuple[tuple[str, str], ...]


class _Known(NamedTuple):
    """The rules of a node with this address, role and these labels."""

    address: str
    role: str
    labels: Mapping[str, str]
    rules: NodeRules

    def is_same(self, observed: ObservedNode) -> bool:
        """Whether nothing has changed by which the node is matched."""
        labels = observed.labels
        return (
            (self.labels is labels or self.labels == labels)
            and self.address == observed.address
            and self.role == observed.role
        )


class AppliedRules:
    """Matches nodes and groups with the matchers of the rules, once for each change."""

    def __init__(self) -> None:
        #: How often a node was compared with the matchers.
        self.comparisons = 0
        self._rules: Rules = {}
        self._nodes: dict[str, _Known] = {}
        #: By the objects that the tuples of ``NodeRules`` consist of.
        self._shared: dict[tuple[object, ...], NodeRules] = {}
        self._variants: dict[tuple[str, int], Rule] = {}
        self._groups: dict[tuple[str, str], Rule] = {}

    def follow(self, rules: Rules) -> None:
        """Use these rules from now on."""
        if rules is not self._rules:
            self._rules = rules
            self._nodes, self._shared, self._variants, self._groups = {}, {}, {}, {}

    def forget_others(self, present: Set[str]) -> None:
        """Forget nodes that are no longer present, if there are many."""
        if len(self._nodes) > len(present) + _SPARE:
            self._nodes = {name: known for name, known in self._nodes.items() if name in present}

    def of_node(self, observed: ObservedNode) -> NodeRules:
        """Return the rules of the node."""
        known = self._nodes.get(observed.node)
        if known is None or not known.is_same(observed):
            rules = self._matched(observed)
            known = self._nodes[observed.node] = _Known(observed.address, observed.role, observed.labels, rules)
        return known.rules

    def applies(self, rule: str, node: str) -> bool:
        """Whether the rule applies to the node, as of the last call of ``of_node``."""
        known = self._nodes.get(node)
        return known is None or rule in known.rules.names

    def of_group(self, rule: Rule, name: str) -> Rule:
        """Return a rule on groups, with its override for the group with this name."""
        key = rule.name, name
        if key not in self._groups:
            self._groups[key] = self._variant(rule, Identity(labels=group_labels(name)))
        return self._groups[key]

    def _matched(self, observed: ObservedNode) -> NodeRules:
        self.comparisons += 1
        identity = Identity(node=observed.node, address=observed.address, role=observed.role, labels=observed.labels)
        variants: list[Rule] = []
        groups: list[tuple[str, str]] = []
        for rule in self._rules.values():
            if not rule.enabled or not rule.match.matches(identity):
                continue
            if rule.by is None:
                variants.append(self._variant(rule, identity))
            elif observed.labels.get(rule.by):
                groups.append((rule.name, group_name(rule.by, observed.labels[rule.by])))
        # Many nodes have the same rules. Variants are kept, so that the same one is the same object.
        key = (*map(id, variants), *groups)
        if key not in self._shared:
            self._shared[key] = _node_rules(variants, groups)
        return self._shared[key]

    def _variant(self, rule: Rule, identity: Identity) -> Rule:
        """Return the rule with the first override that matches."""
        number = rule.override_of(identity)
        if number is None:
            return rule
        key = rule.name, number
        if key not in self._variants:
            self._variants[key] = rule.with_override(rule.overrides[number])
        return self._variants[key]


def _node_rules(rules: Sequence[Rule], groups: Sequence[tuple[str, str]]) -> NodeRules:
    own = [
        OwnRule(rule, READERS[rule.metric], rule.threshold)
        for rule in rules
        if rule.metric is not None and rule.threshold is not None
    ]
    built_in = tuple(rule for rule in rules if rule.metric is None)
    return NodeRules(built_in, tuple(own), frozenset(rule.name for rule in rules), tuple(groups))


def group_name(label: str, value: str) -> str:
    """Return the name of the group of all nodes with this label: ``rack=a``."""
    return f"{label}={value}"


def group_labels(name: str) -> dict[str, str]:
    """Return the label that all nodes of a group have in common."""
    label, _, value = name.partition("=")
    return {label: value}
