/** The English sentences about the operator's own rules, matchers and overrides. */

import { figure } from "./metrics.ts";
import { entryOf, type Sentence, type SentenceArguments } from "./sentences.ts";

const METRICS: Readonly<Record<string, string>> = {
  cpu_usage: "CPU usage",
  cpu_count: "number of processors",
  load1: "load",
  memory_usage: "memory usage",
  memory_total_bytes: "memory",
  disk_usage: "disk usage",
  disk_total_bytes: "disk size",
  temperature: "temperature",
  network_receive_bytes_per_second: "network traffic in",
  network_transmit_bytes_per_second: "network traffic out",
  disk_read_bytes_per_second: "disk read rate",
  disk_written_bytes_per_second: "disk write rate",
  iowait: "wait for disks",
  swap_usage: "swap usage",
  pressure_io: "pressure on disks",
  pressure_memory: "pressure on memory",
};

export const RULE_SENTENCES_EN = {
  measure_high: (a) =>
    `${a.text("node")}: ${metric(a)} is ${figure(a, "value")} (rule ${a.text("rule")}: from ${figure(a, "threshold")})`,
  measure_down: (a) => `${a.text("node")}: ${metric(a)} is down to ${figure(a, "value")} (rule ${a.text("rule")})`,
  metric_untold: (a) => `${a.text("node")} no longer reports its ${metric(a)} (rule ${a.text("rule")})`,
  offline_share_high: (a) =>
    `${a.text("node")}: ${offline(a)} (rule ${a.text("rule")}: from ${a.measure("threshold", "percent")})`,
  offline_share_down: (a) => `${a.text("node")}: only ${offline(a)} (rule ${a.text("rule")})`,
  group_gone: (a) => `${a.text("node")} no longer has nodes (rule ${a.text("rule")})`,
  rule_removed: (a) => `${a.text("node")}: the rule ${a.text("rule")} is no longer in the rules file`,
  rule_no_longer_applies: (a) => `${a.text("node")}: the rule ${a.text("rule")} no longer applies`,

  // Errors in the rules file
  rule_name_not_valid: (a) =>
    `${a.text("name")} cannot be a rule's name; a name has a-z, 0-9 and _ and begins with a letter`,
  rules_too_many: (a) => `the file has more than ${a.plural("limit", "rule")} of your own`,
  rules_too_many_globs: (a) =>
    `the matchers of the file have more than ${a.plural("limit", "pattern")} with ? or with * before the end`,
  rule_lacks_field: (a) => `${field(a)} is missing`,
  rule_not_a_label: (a) => `${field(a)} ${a.text("value")} must be the name of a label, for instance rack`,
  rule_not_overrides: (a) => `${field(a)} ${a.text("value")} must have the form [{match: {rack: a}, threshold: 95}]`,
  rule_too_many_overrides: (a) => `${field(a)} must have up to ${a.plural("limit", "override")}`,
  override_sets_nothing: (a) => `${field(a)} must have at least one of ${a.text("known")}`,
  match_not_a_mapping: (a) => `${field(a)} ${a.text("value")} must have the form {rack: [a, b], role: worker}`,
  match_too_many_keys: (a) => `${field(a)} must have up to ${a.plural("limit", "key")}`,
  match_key_not_here: (a) => `${field(a)}: ${a.text("key")} cannot be used here; the keys are ${a.text("known")}`,
  match_no_such_key: (a) => `${field(a)}: ${a.text("key")} is not a label; the other keys are ${a.text("known")}`,
  match_not_a_text: (a) =>
    `${field(a)} ${a.text("value")} must be a text; write numbers, dates, yes, no, true and false in quotes`,
  match_empty: (a) => `${field(a)} must not be empty`,
} as const satisfies Record<string, Sentence>;

function metric(a: SentenceArguments): string {
  return entryOf(METRICS, a.text("metric"));
}

function offline(a: SentenceArguments): string {
  const verb = a.form("offline", "is", "are");
  return `${a.number("offline")} of ${a.plural("total", "node")} ${verb} offline, ${a.measure("percent", "percent")}`;
}

function field(a: SentenceArguments): string {
  return `${a.text("rule")}: ${a.text("field")}`;
}
