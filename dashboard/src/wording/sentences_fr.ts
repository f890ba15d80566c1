/** The French sentences of the collector. French has a no-break space before `:`, `;`, `!` and `?`. */

import { RULE_SENTENCES_FR } from "./rule_sentences_fr.ts";
import { entryOf, type Sentence, type SentenceArguments, type SentenceCatalogue } from "./sentences.ts";
import type { MessageCode } from "./sentences_en.ts";

const SENSORS = "par exemple [{chip: nct6775, label: CPUTIN}] ou [nct6775/CPUTIN]";
const LOST = "Si Redis s'arrête maintenant, toutes les modifications depuis son dernier enregistrement seront perdues";
/** The main figures that a node may not report. */
const FIGURES: Readonly<Record<string, string>> = { cpu: "son CPU", memory: "sa mémoire", disk: "son disque" };
/** The details that each rule can ignore, and an example. */
const DETAILS: Readonly<Record<string, readonly [string, string]>> = {
  filesystem_full: ["points de montage", "/media/*"],
  filesystem_readonly: ["points de montage", "/media/*"],
  under_voltage: ["capteurs", "nct6798/*"],
  hardware_alarm: ["capteurs", "nct6798/*"],
  pressure: ["ressources", "io"],
};
/** What to write instead of fields of Prometheus's configuration, and of `port`. */
const INSTEAD: Readonly<Record<string, string>> = {
  tls_config: "ca_file, server_name ou insecure à côté de host",
  insecure_skip_verify: "insecure",
  basic_auth: "username et password_file à côté de host",
  authorization: "bearer_token_file à côté de host",
  credentials_file: "bearer_token_file",
  port: "host: node1.lan:9200",
};
/** What YAML makes of a value without quotes. */
const VALUE_KINDS: Readonly<Record<string, string>> = {
  empty: "vide",
  flag: "true ou false",
  number: "un nombre",
  date: "une date",
  list: "une liste",
  mapping: "un objet",
};
/** The value that each rule reads. */
const SUBJECTS: Readonly<Record<string, string>> = {
  memory: "l'occupation de sa mémoire",
  filesystem_full: "l'occupation de ce système de fichiers",
  filesystem_readonly: "si ce système de fichiers est accessible en écriture",
  temperature: "sa température",
  clock_offset: "son heure",
  cpu: "l'occupation de son CPU",
  under_voltage: "sa tension",
  hardware_alarm: "les alarmes de ses capteurs",
  swap: "l'occupation de son swap",
  pressure: "le temps d'attente de ses tâches",
};

const sentences: Readonly<Record<MessageCode, Sentence>> = {
  // Causes of failed scrapes
  name_not_found: () => "nom introuvable",
  name_not_found_within: (a) => `nom introuvable en ${a.number("seconds")}\u00a0s`,
  no_answer: () => "pas de réponse",
  no_answer_within: (a) => `pas de réponse en ${a.number("seconds")}\u00a0s`,
  connection_refused: () => "connexion refusée",
  connection_reset: () => "connexion réinitialisée par la machine",
  no_route: () => "aucune route vers la machine",
  network_unreachable: () => "réseau inaccessible",
  host_is_down: () => "la machine est éteinte",
  cannot_connect: (a) => a.withDetail("connexion impossible", "error"),
  connection_lost: (a) => a.withDetail("connexion perdue", "error"),
  cannot_be_asked: (a) => `requête impossible (${a.text("error")})`,
  closed_without_answer: () => "connexion fermée sans réponse",
  closed_by_https: () =>
    "connexion fermée sans réponse (l'exportateur exige peut-être un certificat client, que le collecteur n'a pas)",
  speaks_https: () => "l'exportateur utilise HTTPS (ajoutez scheme: https)",
  speaks_no_https: () => "l'exportateur n'utilise pas HTTPS (s'il utilise HTTP, retirez scheme: https)",
  tls_fails: (a) => `échec de la connexion TLS (${a.text("error")})`,
  certificate_expired: () => "le certificat a expiré",
  certificate_not_valid_yet: () => "le certificat n'est pas encore valable",
  certificate_of_another_name: (a) => `le certificat n'est pas au nom de ${a.text("name")}`,
  certificate_not_of_ca_file: () => "le certificat n'est signé par aucune autorité de ca_file",
  certificate_not_of_system: () =>
    "le certificat n'est signé par aucune autorité reconnue par le système (renseignez ca_file)",
  certificate_not_valid: (a) => `le certificat n'est pas valide (${a.text("error")})`,
  credentials_without_folder: (a) =>
    notSent(`${a.text("option")} nécessite COLLECTOR_CREDENTIALS_DIR, qui n'est pas défini`),
  credentials_folder_missing: () => notSent("COLLECTOR_CREDENTIALS_DIR n'existe pas"),
  credentials_folder_is_no_folder: () => notSent("COLLECTOR_CREDENTIALS_DIR n'est pas un dossier"),
  credential_outside: (a) => notSent(`${a.text("option")} est en dehors de COLLECTOR_CREDENTIALS_DIR`),
  credential_missing: (a) => notSent(`${a.text("option")} n'est pas dans COLLECTOR_CREDENTIALS_DIR`),
  credential_unreadable: (a) => a.withDetail(notSent(`impossible de lire ${a.text("option")}`), "error"),
  credential_is_no_file: (a) => notSent(`${a.text("option")} n'est pas un fichier`),
  credential_file_too_long: (a) => notSent(`${a.text("option")} dépasse ${a.size("limit_bytes")}`),
  credential_empty: (a) => notSent(`${a.text("option")} est vide`),
  credential_too_long: (a) => notSent(`${a.text("option")} dépasse ${a.plural("limit_bytes", "octet")}`),
  credential_is_no_token: (a) => notSent(`${a.text("option")} doit contenir un seul jeton`),
  credential_is_no_password: (a) => notSent(`${a.text("option")} doit contenir un seul mot de passe`),
  credential_is_no_certificate: (a) => notSent(`${a.text("option")} n'est pas un fichier PEM de certificats`),
  http_status: (a) => `code HTTP ${a.digits("status")}`,
  http_redirects_elsewhere: (a) =>
    `code HTTP ${a.digits("status")}\u00a0: redirection vers une autre adresse, que le collecteur ne suit pas`,
  http_redirects_twice: (a) =>
    `deux fois le code HTTP ${a.digits("status")}, et le collecteur ne suit qu'une redirection`,
  http_wants_credentials: () =>
    "code HTTP 401\u00a0: l'exportateur exige un mot de passe ou un jeton, et nodes.yaml n'en indique pas",
  http_token_wrong: () => "code HTTP 401\u00a0: jeton incorrect",
  http_password_wrong: () => "code HTTP 401\u00a0: nom d'utilisateur ou mot de passe incorrect",
  http_forbidden: () => "code HTTP 403\u00a0: ces identifiants ne permettent pas de lire les mesures",
  answer_ended_early: () => "réponse incomplète",
  answer_not_http: () => "la réponse n'est pas du HTTP",
  answer_not_valid: (a) => `réponse invalide (${a.text("error")})`,
  answer_compressed_otherwise: () => "la compression de la réponse n'est pas prise en charge (gzip et deflate le sont)",
  list_wants_credentials: () =>
    "code HTTP 401\u00a0: le serveur exige un mot de passe ou un jeton, et COLLECTOR_HTTP_SD_OPTIONS n'en indique pas",
  list_forbidden: () => "code HTTP 403\u00a0: ces identifiants ne permettent pas de lire la liste",
  list_without_https: () =>
    "le serveur n'utilise pas HTTPS (s'il utilise HTTP, écrivez http:// dans COLLECTOR_HTTP_SD_URLS)",
  list_not_json: (a) =>
    a.isNull("content_type")
      ? "la réponse n'indique pas son type\u00a0; il faut application/json"
      : `la réponse est du type ${a.text("content_type")}\u00a0; il faut application/json`,
  list_compressed: () => "la réponse est compressée, ce que le collecteur ne demande pas",
  list_too_long: (a) => `la liste dépasse ${a.size("limit_bytes")}, ou a plus de ${a.number("limit_values")} valeurs`,
  list_is_no_list: () => 'la réponse n\'est pas une liste de groupes, par exemple [{"targets": ["host:9100"]}]',
  not_node_exporter: () => "ce n'est pas une réponse de node_exporter",
  page_damaged: () => "les données de l'exportateur sont corrompues",
  page_too_long: (a) => `les données de l'exportateur dépassent ${a.size("limit_bytes")}`,
  page_unended: (a) =>
    `les données de l'exportateur, de plus de ${a.size("bytes_read")}, ne sont pas arrivées en entier en ${a.number("seconds")}\u00a0s`,
  page_of_too_many_series: (a) => `les données de l'exportateur ont plus de ${a.plural("limit", "série")}`,
  page_of_too_many_values: () => "les données de l'exportateur ont trop de valeurs pour la mémoire du collecteur",
  head_too_long: (a) => `les en-têtes de la réponse dépassent ${a.size("limit_bytes")}`,
  unreadable: (a) => `lecture impossible (${a.text("error")})`,

  // Alerts
  node_offline: (a) => because(a, `${a.text("node")} est hors ligne`),
  memory_high: (a) => of(a, `mémoire occupée à ${a.number("percent")}\u00a0%`),
  filesystem_full: (a) => of(a, `${a.text("mountpoint")} plein à ${a.number("percent")}\u00a0%`),
  filesystem_readonly: (a) => of(a, `${a.text("mountpoint")} est monté en lecture seule`),
  temperature_high: (a) => of(a, `température à ${a.number("celsius")}\u00a0°C`),
  clock_ahead: (a) => of(a, `l'horloge avance de ${a.number("seconds")}\u00a0s sur celle du collecteur`),
  clock_behind: (a) => of(a, `l'horloge retarde de ${a.number("seconds")}\u00a0s sur celle du collecteur`),
  cpu_high: (a) => of(a, `CPU à ${a.number("percent")}\u00a0%`),
  voltage_low: (a) => of(a, `tension trop faible (capteur ${a.text("sensor")})`),
  sensor_alarm: (a) => of(a, `le capteur ${a.text("sensor")} signale une alarme critique`),
  swap_high: (a) => of(a, `swap occupé à ${a.number("percent")}\u00a0%`),
  pressure_io_high: (a) => of(a, `des tâches attendent un disque ${a.number("percent")}\u00a0% du temps`),
  pressure_memory_high: (a) => of(a, `des tâches attendent la mémoire ${a.number("percent")}\u00a0% du temps`),
  node_online: (a) => `${a.text("node")} est de nouveau en ligne`,
  memory_down: (a) => of(a, `mémoire redescendue à ${a.number("percent")}\u00a0%`),
  filesystem_down: (a) => of(a, `${a.text("mountpoint")} redescendu à ${a.number("percent")}\u00a0%`),
  filesystem_writable: (a) => of(a, `${a.text("mountpoint")} est de nouveau accessible en écriture`),
  temperature_down: (a) => of(a, `température redescendue à ${a.number("celsius")}\u00a0°C`),
  clock_right: (a) => of(a, `l'horloge est exacte à ${a.number("seconds")}\u00a0s près`),
  cpu_down: (a) => of(a, `CPU redescendu à ${a.number("percent")}\u00a0%`),
  voltage_enough: (a) => of(a, `tension de nouveau suffisante (capteur ${a.text("sensor")})`),
  sensor_alarm_over: (a) => of(a, `l'alarme critique du capteur ${a.text("sensor")} est terminée`),
  swap_down: (a) => of(a, `swap redescendu à ${a.number("percent")}\u00a0%`),
  pressure_io_down: (a) => of(a, `des tâches n'attendent un disque que ${a.number("percent")}\u00a0% du temps`),
  pressure_memory_down: (a) => of(a, `des tâches n'attendent la mémoire que ${a.number("percent")}\u00a0% du temps`),
  target_removed: (a) => `${a.text("node")} n'est plus une cible`,
  measure_untold: (a) => `${a.text("node")} n'indique plus ${subject(a)}`,
  filesystem_unmounted: (a) => of(a, `${a.text("mountpoint")} n'est plus monté`),
  filesystem_not_written: (a) => of(a, `${a.text("mountpoint")} est en lecture seule`),
  detail_left_out: (a) => of(a, `la règle ${a.text("rule")} ignore ${a.text("detail")}`),
  rule_off: (a) => of(a, `la règle ${a.text("rule")} est désactivée`),
  rule_unknown: (a) => {
    const unknown = `la règle ${a.text("rule")} est inconnue de ce collecteur`;
    return a.text("node") === "" ? unknown : of(a, unknown);
  },
  flapping_over: (a) =>
    of(a, `${a.withDetail(a.text("rule"), "detail")} n'est plus instable, après ${a.plural("times", "déclenchement")}`),
  pended: (a) => of(a, `${a.text("rule")} a été en attente ${a.number("times")} fois sans se déclencher`),
  log_started: () => "le journal des alertes commence ici",

  // Issues of the health
  no_targets: (a) =>
    `Aucune cible\u00a0: listez vos nœuds dans ${a.text("path")}, ` +
    `par exemple\u00a0: workers: [node1.lan, node2.lan]. Sur chacun, installez l'exportateur\u00a0: ${a.text("install")}`,
  no_node_answers: (a) =>
    `Aucun nœud ne répond\u00a0: installez l'exportateur sur chaque nœud\u00a0: ${a.text("install")} ` +
    `(les cibles sont dans ${a.text("path")})`,
  redis_disk_full: (a) =>
    `Le disque de ${a.text("path")} est plein\u00a0: ${a.megabytes("free_bytes")} sont libres, et Redis a besoin de ` +
    `${a.megabytes("needed_bytes")} pour enregistrer ses données. ${LOST}`,
  redis_disk_nearly_full: (a) =>
    `Le disque de ${a.text("path")} est presque plein\u00a0: ${a.megabytes("free_bytes")} sont libres, ` +
    `et Redis a besoin de ${a.megabytes("needed_bytes")} à chaque enregistrement de ses données`,
  data_cut: (a) =>
    `Une coupure de courant a abîmé ${a.plural("cut_bytes", "octet")} à la fin du fichier de données de Redis, ` +
    `et Redis ${a.form("cut_bytes", "l'a retiré", "les a retirés")}. Le journal de Redis indique où se trouve la copie ` +
    "du fichier abîmé. Ce message reste affiché pendant un jour",
  persistence_failing: () =>
    `Redis n'arrive pas à enregistrer ses données, souvent parce que son disque est plein. ${LOST}`,
  persistence_off: () =>
    `Redis n'enregistre pas ses données\u00a0: l'enregistrement est désactivé, ou son disque est plein. ${LOST}`,
  history_refused: () =>
    "Redis n'a plus de mémoire pour l'historique, qui a donc des lacunes\u00a0: augmentez le maxmemory de Redis",
  replica_vanished: (a) =>
    `${a.plural("count", "réplique de push a disparu", "répliques de push ont disparu")} sans s'arrêter proprement ` +
    "(processus tué, bloqué ou coupé de Redis). Ce message reste affiché pendant dix minutes",
  rounds_missed: (a) =>
    "Le collecteur saute des cycles\u00a0: le collecteur ou Redis est trop lent pour un intervalle de " +
    `${a.number("interval_seconds")}\u00a0s`,
  collector_hangs: (a) => {
    const cause =
      a.text("collector") === "filesystem" ? " (souvent parce que le serveur d'un montage est injoignable)" : "";
    return of(
      a,
      `des valeurs manquent, car le collecteur ${a.text("collector")} de son exportateur est bloqué${cause}`,
    );
  },
  figures_missing: (a) => because(a, `${a.text("node")} est en ligne, mais n'indique pas ${listed(a.text("figures"))}`),
  exporter_too_old: (a) =>
    `${a.withDetail("son exportateur est un node_exporter antérieur à 0.16", "version")}, mettez-le à jour`,
  exporter_of_other_figures: () => "son exportateur ne fournit pas ces valeurs sur ce système",
  issues_left_out: (a) => `… et ${a.number("count")} de plus`,
  alerts_left_out: (a) =>
    `${a.plural("count", "alerte manque", "alertes manquent")} dans les listes\u00a0: un message n'a pas assez de place`,
  targets_left_out: (a) =>
    `${a.plural("count", "cible découverte est ignorée", "cibles découvertes sont ignorées")}\u00a0: ` +
    `un collecteur en accepte au plus ${a.number("limit")}`,
  discovered_labels_left_out: (a) =>
    `Toutes les étiquettes des nœuds découverts sont laissées de côté\u00a0: elles font ${a.plural("bytes_taken", "octet")}, et un message n'en admet que ${a.number("limit_bytes")}`,
  no_file_matches: (a) => `Aucun fichier ne correspond à ${a.text("path")}`,
  dns_name_empty: (a) => `Le nom DNS ${a.text("name")} n'a aucune adresse`,
  dns_name_failed: (a) => because(a, `La résolution du nom DNS ${a.text("name")} échoue${staying(a)}`),
  http_sd_empty: (a) => `La liste de cibles ${a.text("url")} est vide`,
  http_sd_failed: (a) => because(a, `La liste de cibles ${a.text("url")} ne peut pas être lue${staying(a)}`),
  targets_files_unlisted: (a) =>
    `Les fichiers de cibles ${a.text("path")} ne peuvent pas être listés, les fichiers précédents restent utilisés\u00a0: ${a.text("error")}`,
  targets_file_invalid: (a) =>
    atLine(a, because(a, `Le fichier de cibles ${a.text("path")} n'est pas valide${staying(a)}`)),
  targets_file_clashes: (a) =>
    because(a, `Le fichier de cibles ${a.text("path")} est en conflit avec les autres fichiers de cibles${staying(a)}`),
  labels_left_out: (a) =>
    because(
      a,
      `${a.plural("count", "étiquette")} dans ${a.text("source")} ${a.form("count", "est laissée", "sont laissées")} de côté`,
    ),
  rules_file_invalid: (a) =>
    atLine(
      a,
      because(a, `Le fichier de règles ${a.text("path")} n'est pas valide, les règles précédentes restent en vigueur`),
    ),

  // Files that people edit
  file_missing: () => "ce fichier n'existe pas",
  file_is_no_file: () => "ce n'est pas un fichier",
  file_unreadable: (a) => a.withDetail("lecture impossible", "error"),
  file_too_long: (a) => `il dépasse ${a.size("limit_bytes")}`,
  file_not_utf8: () => "ce n'est pas du texte UTF-8",
  yaml_invalid: (a) => `ce n'est pas du YAML\u00a0: ${a.text("error")}`,
  yaml_invalid_or_ipv6: (a) =>
    `ce n'est pas du YAML\u00a0: ${a.text("error")} ` +
    `(une adresse IPv6 ou une plage doit être entre guillemets, comme "[fd00::6]:9100")`,
  yaml_directive: () => "les directives (%NAME) YAML ne sont pas prises en charge",
  yaml_alias: () => "les alias (*name) YAML ne sont pas pris en charge",
  yaml_anchor: () => "les ancres (&name) YAML ne sont pas prises en charge",
  yaml_tag: () => "les types (!name) YAML ne sont pas pris en charge",
  yaml_too_deep: (a) => `des listes et des objets sont imbriqués sur plus de ${a.plural("limit", "niveau", "niveaux")}`,
  yaml_text_too_long: (a) => `un texte de plus de ${a.plural("limit", "caractère")} doit être entre guillemets`,
  yaml_too_many_values: (a) => `le fichier a plus de ${a.plural("limit", "valeur")}`,

  // Targets files
  too_many_targets: (a) =>
    `${a.plural("count", "cible est listée", "cibles sont listées")}, et un collecteur n'en accepte que ${a.number("limit")}`,
  names_too_long: (a) =>
    `les noms et les adresses font ${a.plural("bytes_taken", "octet")}, et un message n'en admet que ${a.number("limit_bytes")}`,
  names_and_labels_too_long: (a) =>
    `les noms et les adresses font ${a.plural("names_bytes", "octet")} et les étiquettes ${a.plural("labels_bytes", "octet")}, et un message n'en admet que ${a.number("limit_bytes")}`,
  two_names: (a) => `${a.text("address")} a deux noms\u00a0: '${a.text("first")}' et '${a.text("second")}'`,
  two_label_values: (a) =>
    `${a.text("address")} a deux valeurs de l'étiquette ${a.text("label")}\u00a0: '${a.text("first")}' et '${a.text("second")}'`,
  two_ways: (a) => `${a.text("address")} est listé deux fois avec des champs différents (scheme, fichiers ou autres)`,
  name_given_twice: (a) => `le nom '${a.text("name")}' est donné à ${a.plural("count", "nœud")}`,
  no_name_left: (a) =>
    `${a.text("address")} a besoin d'un nom\u00a0: son nom par défaut '${a.text("name")}' est donné à un autre nœud`,
  no_nodes_any_more: () => "il ne liste plus aucun nœud\u00a0; pour retirer tous les nœuds, écrivez workers: []",
  nodes_not_a_mapping: () => "il doit avoir la forme workers: [host, host:port, …] et master: host",
  workers_not_a_list: () => "workers doit être une liste, par exemple\u00a0: workers: [node1.lan, node2.lan]",
  simulated_not_a_flag: (a) => `simulated doit être true ou false, et non ${a.text("value")}`,
  key_misspelt: (a) => `${a.text("key")} n'est pas une clé de ce fichier (vouliez-vous dire ${a.text("meant")}\u00a0?)`,
  keys_unknown: (a) => `il n'a ni workers, ni master, ni groups, mais ${a.text("key")}`,
  groups_not_a_list: () =>
    'groups doit être une liste, par exemple\u00a0: groups: [{labels: {rack: "07"}, workers: [node1.lan, node2.lan]}]',
  node_group_not_a_mapping: (a) => at(a, `${a.text("value")} doit avoir workers ou master, et peut avoir labels`),
  node_group_keys_wrong: (a) =>
    at(a, `il a ${a.text("keys") || "aucune clé"}\u00a0; il doit avoir workers ou master, et peut avoir labels`),
  group_keys_wrong: (a) =>
    at(a, `il a ${a.text("keys") || "aucune clé"}\u00a0; il doit avoir targets: [host:port, …], et peut avoir labels`),
  group_not_a_mapping: (a) => at(a, `${a.text("value")} doit avoir targets: [host:port, …], et peut avoir labels`),
  entry_field_unknown: (a) =>
    at(a, `${a.text("field")} n'est pas un champ d'une entrée\u00a0; ses champs sont ${a.text("known")}`),
  entry_field_misspelt: (a) =>
    at(a, `${a.text("field")} n'est pas un champ d'une entrée (vouliez-vous dire ${a.text("meant")}\u00a0?)`),
  entry_field_of_others: (a) =>
    at(a, `'${a.text("field")}' n'est pas un champ d'une entrée (écrivez ${entryOf(INSTEAD, a.text("field"))})`),
  entry_without_host: (a) => at(a, "il manque host (écrivez host ou host:port)"),
  entry_name_invalid: (a) => at(a, `name ${a.text("value")} doit être un texte d'au plus ${printable(a)}`),
  entry_local_with_http: (a) =>
    at(a, "local est cette machine, que le collecteur lit sans HTTP\u00a0; écrivez plutôt son host:port"),
  range_invalid: (a) =>
    at(a, `${a.text("value")} n'a pas de plage valide\u00a0; une plage s'écrit comme dans node[01-16,20].lan`),
  range_not_closed: (a) =>
    at(a, `le crochet de la plage dans ${a.text("value")} n'est pas fermé\u00a0; écrivez un ] après les nombres`),
  range_reversed: (a) => at(a, `la plage ${a.text("numbers")} finit avant son début`),
  range_of_two_lengths: (a) =>
    at(
      a,
      `avec des zéros en tête, les deux nombres de la plage ${a.text("numbers")} doivent avoir autant de chiffres, comme 001-100`,
    ),
  ranges_too_many: (a) => at(a, `un hôte a plus de ${a.plural("limit", "plage")}`),
  range_too_long: (a) => at(a, `les plages de ce fichier listent plus de ${a.plural("limit", "hôte")}`),
  range_with_name: (a) => at(a, "un nom (name) est celui d'un seul nœud, et host a une plage"),
  labels_not_a_mapping: (a) =>
    at(a, `labels doit associer des noms et des valeurs, par exemple\u00a0: labels: {rack: "07"}`),
  label_name_invalid: (a) =>
    at(
      a,
      `${a.text("name")} n'est pas un nom d'étiquette\u00a0: des lettres de a à z, des chiffres et _, sans chiffre au début`,
    ),
  label_reserved: (a) => at(a, `l'étiquette ${a.text("label")} commence par __, que Prometheus se réserve`),
  label_not_a_text: (a) =>
    at(
      a,
      `la valeur de l'étiquette ${a.text("label")} est ${entryOf(VALUE_KINDS, a.text("kind"))} et doit être un texte\u00a0: mettez-la entre guillemets, comme ${a.text("label")}: "07"`,
    ),
  label_not_printable: (a) =>
    at(a, `la valeur de l'étiquette ${a.text("label")} a des caractères qui ne sont pas imprimables`),
  labels_too_long: (a) =>
    at(
      a,
      `les noms et les valeurs des étiquettes font ${a.plural("bytes_taken", "octet")}, et un nœud n'en admet que ${a.number("limit_bytes")}`,
    ),
  label_without_room: (a) =>
    at(
      a,
      `il n'y a pas de place pour l'étiquette ${a.text("label")}\u00a0: les noms et les valeurs de toutes les étiquettes d'un nœud font ${a.plural("limit_bytes", "octet")} au plus`,
    ),
  host_is_a_list: (a) =>
    at(
      a,
      `${a.text("value")} est une liste (une adresse IPv6 ou une plage doit être entre guillemets, comme "[fd00::6]:9100")`,
    ),
  host_is_a_mapping: (a) => at(a, "il a des champs là où un hôte est attendu"),
  host_not_a_text: (a) =>
    at(a, `${a.text("value")} n'est pas un hôte (un texte fait de chiffres doit être entre guillemets)`),
  host_is_a_url: (a) => at(a, `${a.text("value")} est une URL\u00a0; écrivez host ou host:port`),
  host_is_an_https_url: (a) => at(a, `${a.text("value")} est une URL\u00a0; écrivez {host: host:port, scheme: https}`),
  host_not_ipv6: (a) => at(a, `${a.text("value")} n'est pas une adresse IPv6 entre crochets, comme [fd00::6]:9100`),
  host_invalid: (a) => at(a, `${a.text("value")} n'est ni host ni host:port`),
  port_invalid: (a) => at(a, `${a.text("value")} n'a pas de port valide (1 à 65535)`),
  host_not_ipv4: (a) =>
    at(a, `${a.text("value")} n'est pas une adresse IPv4 (quatre nombres de 0 à 255, comme 192.168.1.20)`),
  host_of_no_machine: (a) => at(a, `${a.text("value")} n'est pas l'adresse d'une seule machine`),
  host_without_interface: (a) =>
    at(a, `il manque à '${a.text("host")}' l'interface de cette machine qui y mène, comme ${a.text("host")}%eth0`),
  option_not_a_scheme: (a) => at(a, `${a.text("option")} doit être http ou https, et non ${a.text("value")}`),
  option_not_a_flag: (a) => at(a, `${a.text("option")} doit être true ou false`),
  option_not_a_text: (a) => at(a, `${a.text("option")} doit être un texte d'au plus ${printable(a)}`),
  option_with_colon: (a) => at(a, `${a.text("option")} ne doit pas contenir de deux-points`),
  option_not_a_host: (a) => at(a, `${a.text("option")} doit être le nom d'un hôte`),
  option_not_a_path: (a) => at(a, `${a.text("option")} doit être le chemin d'un fichier`),
  option_leaves_folder: (a) =>
    at(a, `${a.text("option")} ne doit pas contenir .., qui sort de COLLECTOR_CREDENTIALS_DIR`),
  option_needs_https: (a) => at(a, `${a.text("option")} nécessite scheme: https`),
  username_and_password_file: (a) => at(a, "renseignez username et password_file ensemble, ou aucun des deux"),
  password_or_token: (a) => at(a, "renseignez password_file ou bearer_token_file, pas les deux"),
  credentials_to_anybody: (a) =>
    at(
      a,
      "insecure: true enverrait les identifiants à n'importe quelle machine qui répond\u00a0; renseignez plutôt ca_file",
    ),
  credentials_in_the_clear: (a) =>
    at(
      a,
      "sur le réseau, tout le monde peut lire des identifiants envoyés en HTTP simple\u00a0; mettez scheme: https, ou credentials_over_http: true pour l'accepter",
    ),
  credentials_over_http_idle: (a) => at(a, "credentials_over_http nécessite scheme: http et des identifiants"),

  // Rules files
  rules_not_a_mapping: () => "il doit avoir la forme rule: {field: value}, par exemple\u00a0: memory: {threshold: 95}",
  rule_no_such: (a) => `${a.text("name")} n'est pas une règle\u00a0; les règles sont ${a.text("known")}`,
  rule_misspelt: (a) =>
    `${a.text("name")} n'est pas une règle (vouliez-vous dire ${a.text("meant")}\u00a0?)\u00a0; une règle à vous demande metric`,
  rule_not_a_mapping: (a) =>
    `${a.text("rule")}\u00a0: ${a.text("value")} doit être un objet avec des champs, par exemple\u00a0: {enabled: false}`,
  rule_field_no_such: (a) =>
    `${a.text("rule")}\u00a0: ${a.text("field")} n'est pas un champ de cette règle\u00a0; ses champs sont ${a.text("known")}`,
  rule_field_misspelt: (a) =>
    `${a.text("rule")}\u00a0: ${a.text("field")} n'est pas un champ de cette règle (vouliez-vous dire ${a.text("meant")}\u00a0?)`,
  rule_clear_above_threshold: (a) =>
    `${a.text("rule")}\u00a0: clear ${a.number("clear")} ne doit pas dépasser threshold ${a.number("threshold")}`,
  rule_not_a_flag: (a) => `${valued(a)} doit être true ou false`,
  rule_not_one_of: (a) => `${valued(a)} doit être une de ces valeurs\u00a0: ${a.text("known")}`,
  rule_not_a_number: (a) => {
    const bounds = a.isNull("lowest")
      ? `d'au plus ${a.number("highest")}`
      : `de ${a.number("lowest")} à ${a.number("highest")}`;
    return `${valued(a)} doit être un nombre ${bounds}`;
  },
  rule_not_patterns: (a) => {
    const [details, example] = entryOf(DETAILS, a.text("rule"));
    return `${valued(a)} doit être une liste de ${details}, par exemple [${example}]`;
  },
  rule_too_many_patterns: (a) =>
    `${field(a)} doit avoir au plus ${a.plural("limit", "texte")}, ` +
    `de ${a.plural("limit_characters", "caractère")} au plus chacun`,
  rule_not_sensors: (a) => `${valued(a)} doit être une liste de capteurs, ${SENSORS}`,
  rule_too_many_sensors: (a) => `${field(a)} doit avoir au plus ${a.plural("limit", "capteur")}`,
  rule_not_a_sensor: (a) => `${field(a)}\u00a0: ${a.text("value")} doit avoir chip, label ou les deux, ${SENSORS}`,
  rule_sensor_not_a_text: (a) =>
    `${field(a)}\u00a0: ${a.text("value")} doit être un texte d'au plus ${a.plural("limit", "caractère")}`,
  ...RULE_SENTENCES_FR,
};

export const SENTENCES_FR: SentenceCatalogue = {
  language: "fr",
  sentences,
  kibibytes: "Kio",
  mebibytes: "Mio",
  megabytes: "Mo",
  binaryUnits: ["o", "Kio", "Mio", "Gio", "Tio", "Pio"],
  decimalUnits: ["o/s", "ko/s", "Mo/s", "Go/s", "To/s"],
  isOne: (count) => count < 2,
};

/** `text` about the node, after its name. */
function of(a: SentenceArguments, text: string): string {
  return `${a.text("node")}\u00a0: ${text}`;
}

function notSent(why: string): string {
  return `aucune requête envoyée\u00a0: ${why}`;
}

function because(a: SentenceArguments, text: string): string {
  return a.isNull("why") ? text : `${text}\u00a0: ${a.cause("why")}`;
}

function atLine(a: SentenceArguments, text: string): string {
  return a.isNull("line") ? text : `${text}, à la ligne ${a.digits("line")}`;
}

/** The clause that the previous targets of a source stay in use; empty if the source had no targets. */
function staying(a: SentenceArguments): string {
  if (a.count("former_targets") === 0) return "";
  return `, ${a.plural("former_targets", "cible précédente reste utilisée", "cibles précédentes restent utilisées")}`;
}

/** A list of figures, which are separated by spaces: `son CPU, sa mémoire ni son disque`. */
function listed(figures: string): string {
  const names = figures.split(" ").map((figure) => entryOf(FIGURES, figure));
  const last = names.pop() as string;
  return names.length === 0 ? last : `${names.join(", ")} ni ${last}`;
}

function subject(a: SentenceArguments): string {
  const rule = a.text("rule");
  return Object.hasOwn(SUBJECTS, rule) ? entryOf(SUBJECTS, rule) : rule;
}

/** The parts of a group of nodes or targets. */
const PARTS: Readonly<Record<string, string>> = { target: "cible", entry: "entrée" };

/** The name of a position in a targets file; `workers/3` is the third entry of the workers. */
function at(a: SentenceArguments, text: string): string {
  const [first, number, inner, second] = a.text("where").split("/");
  let part = `${first}`;
  if (number !== undefined) part = first === "workers" ? `workers, entrée ${number}` : `groupe ${number}`;
  if (inner !== undefined && inner !== "master" && second === undefined) throw new Error(inner);
  if (inner !== undefined) part += inner === "master" ? ", master" : `, ${PARTS[inner] ?? inner} ${second}`;
  return `${part}\u00a0: ${text}`;
}

function field(a: SentenceArguments): string {
  return `${a.text("rule")}\u00a0: ${a.text("field")}`;
}

function valued(a: SentenceArguments): string {
  return `${field(a)} ${a.text("value")}`;
}

function printable(a: SentenceArguments): string {
  return a.plural("limit", "caractère imprimable", "caractères imprimables");
}
