"""Why an alert ends although nothing was read about its condition: its node, group or rule is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.alerts.active_alert import ActiveAlert, CurrentTime
from collector.alerts.applied import AppliedRules
from collector.alerts.conditions import ObservedNode, detail_gone_sentence
from collector.alerts.places import GroupPlace
from collector.alerts.rule import Rule, Rules
from collector.sentences.alerts import detail_left_out, rule_off, rule_unknown, target_removed
from collector.sentences.own_rules import group_gone, is_of_own_rule, rule_no_longer_applies, rule_removed
from collector.sentences.sentence import code_and_arguments
from contract.messages import Coded

#: Seconds after which a restored alert ends if this release does not have its rule. During a rolling update, a
#: collector of the other release takes the lease back within minutes; after a rollback no collector has the rule.
UNKNOWN_RULE_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Present:
    """What exists in a round."""

    rules: Rules
    applied: AppliedRules
    nodes: Mapping[str, ObservedNode]
    #: By rule and name of the group.
    groups: Mapping[tuple[str, str], GroupPlace]


def end_reason(alert: ActiveAlert, present: Present, now: CurrentTime) -> Coded | None:
    """Return why an alert without a reading ends; ``None`` if the alert stays.

    The alerts of an own rule end as soon as the rules file has no such rule, also the alerts of the previous collector:
    the code of an alert's sentence tells that the rule is an own rule. Other unknown rules may be of another release.
    """
    if alert.node and alert.node not in present.nodes:
        return target_removed(alert.node)
    rule, text = present.rules.get(alert.rule), code_and_arguments(alert.text)
    is_own = text is not None and is_of_own_rule(text)
    if rule is None and is_own:
        return rule_removed(alert.about, alert.rule)
    is_misplaced = rule is not None and rule.is_of_groups == bool(alert.node)
    if rule is None or (is_misplaced and not is_own):
        has_expired = now.monotonic_seconds - alert.confirmed_monotonic_seconds > UNKNOWN_RULE_SECONDS
        return rule_unknown(alert.node, alert.rule) if has_expired else None
    if not rule.enabled:
        return rule_off(alert.about, alert.rule)
    if alert.node and not present.applied.applies(alert.rule, alert.node):
        return rule_no_longer_applies(alert.about, alert.rule)
    if alert.node or (alert.rule, alert.detail) in present.groups:
        return None
    is_of_label = alert.detail.startswith(f"{rule.by}=")
    return (group_gone if is_of_label else rule_no_longer_applies)(alert.detail, alert.rule)


def reads_another_metric(alert: ActiveAlert, rule: Rule) -> bool:
    """Whether the rule read another metric when the alert began; values of two metrics cannot be compared."""
    text = code_and_arguments(alert.text)
    return text is not None and "metric" in text.args and text.args["metric"] != rule.metric


def detail_end_reason(alert: ActiveAlert, rule: Rule, observed: ObservedNode) -> Coded:
    """Return why an alert ends whose detail the node no longer has."""
    if rule.ignores(alert.detail):
        return detail_left_out(alert.node, alert.detail, rule.name)
    return detail_gone_sentence(rule.name, observed, alert.detail)
