/** The French sentences about the operator's own rules, matchers and overrides. */

import { figure } from "./metrics.ts";
import type { RULE_SENTENCES_EN } from "./rule_sentences_en.ts";
import { entryOf, type Sentence, type SentenceArguments } from "./sentences.ts";

const METRICS: Readonly<Record<string, string>> = {
  cpu_usage: "occupation du CPU",
  cpu_count: "nombre de processeurs",
  load1: "charge",
  memory_usage: "occupation de la mémoire",
  memory_total_bytes: "mémoire",
  disk_usage: "occupation du disque",
  disk_total_bytes: "taille du disque",
  temperature: "température",
  network_receive_bytes_per_second: "réseau en entrée",
  network_transmit_bytes_per_second: "réseau en sortie",
  disk_read_bytes_per_second: "lecture du disque",
  disk_written_bytes_per_second: "écriture du disque",
  iowait: "attente des disques",
  swap_usage: "occupation du swap",
  pressure_io: "pression sur les disques",
  pressure_memory: "pression sur la mémoire",
};

export const RULE_SENTENCES_FR: Readonly<Record<keyof typeof RULE_SENTENCES_EN, Sentence>> = {
  measure_high: (a) =>
    of(
      a,
      `${metric(a)} à ${figure(a, "value")} (règle ${a.text("rule")}\u00a0: à partir de ${figure(a, "threshold")})`,
    ),
  measure_down: (a) => of(a, `${metric(a)} de retour à ${figure(a, "value")} (règle ${a.text("rule")})`),
  metric_untold: (a) => `${a.text("node")} n'indique plus cette mesure\u00a0: ${metric(a)} (règle ${a.text("rule")})`,
  offline_share_high: (a) =>
    of(a, `${offline(a)} (règle ${a.text("rule")}\u00a0: à partir de ${a.measure("threshold", "percent")})`),
  offline_share_down: (a) => of(a, `seulement ${offline(a)} (règle ${a.text("rule")})`),
  group_gone: (a) => `${a.text("node")} n'a plus de nœuds (règle ${a.text("rule")})`,
  rule_removed: (a) => of(a, `la règle ${a.text("rule")} n'est plus dans le fichier de règles`),
  rule_no_longer_applies: (a) => of(a, `la règle ${a.text("rule")} ne s'applique plus`),

  // Errors in the rules file
  rule_name_not_valid: (a) =>
    `${a.text("name")} ne peut pas être le nom d'une règle\u00a0; un nom a des lettres a-z, des chiffres et _, ` +
    "et commence par une lettre",
  rules_too_many: (a) => `le fichier a plus de ${a.plural("limit", "règle ajoutée", "règles ajoutées")}`,
  rules_too_many_globs: (a) =>
    `les critères du fichier ont plus de ${a.plural("limit", "motif")} avec ? ou avec * avant la fin`,
  rule_lacks_field: (a) => `${field(a)} manque`,
  rule_not_a_label: (a) => `${field(a)} ${a.text("value")} doit être le nom d'un label, par exemple rack`,
  rule_not_overrides: (a) => `${field(a)} ${a.text("value")} doit avoir la forme [{match: {rack: a}, threshold: 95}]`,
  rule_too_many_overrides: (a) => `${field(a)} doit avoir au plus ${a.plural("limit", "exception")}`,
  override_sets_nothing: (a) => `${field(a)} doit avoir au moins un de ces champs\u00a0: ${a.text("known")}`,
  match_not_a_mapping: (a) => `${field(a)} ${a.text("value")} doit avoir la forme {rack: [a, b], role: worker}`,
  match_too_many_keys: (a) => `${field(a)} doit avoir au plus ${a.plural("limit", "clé")}`,
  match_key_not_here: (a) =>
    `${field(a)}\u00a0: ${a.text("key")} n'est pas possible ici\u00a0; les clés sont ${a.text("known")}`,
  match_no_such_key: (a) =>
    `${field(a)}\u00a0: ${a.text("key")} n'est pas un label\u00a0; les autres clés sont ${a.text("known")}`,
  match_not_a_text: (a) =>
    `${field(a)} ${a.text("value")} doit être un texte\u00a0; ` +
    "mettez les nombres, les dates, yes, no, true et false entre guillemets",
  match_empty: (a) => `${field(a)} ne doit pas être vide`,
};

function of(a: SentenceArguments, text: string): string {
  return `${a.text("node")}\u00a0: ${text}`;
}

function metric(a: SentenceArguments): string {
  return entryOf(METRICS, a.text("metric"));
}

function offline(a: SentenceArguments): string {
  const nodes = `${a.number("offline")} ${a.form("offline", "nœud", "nœuds")} sur ${a.number("total")}`;
  return `${nodes} hors ligne, ${a.measure("percent", "percent")}`;
}

function field(a: SentenceArguments): string {
  return `${a.text("rule")}\u00a0: ${a.text("field")}`;
}
