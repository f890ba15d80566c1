/** What the collector says, in French. A no-break space stands before a colon and its like. */

import { entryOf, type Sentence, type SentenceArguments, type SentenceCatalogue } from "./sentences.ts";
import type { MessageCode } from "./sentences_en.ts";

const SENSORS = "par exemple [{chip: nct6775, label: CPUTIN}] ou [nct6775/CPUTIN]";
/** What a node may not tell. */
const FIGURES: Readonly<Record<string, string>> = { cpu: "son CPU", memory: "sa mémoire", disk: "son disque" };
const DETAILS: Readonly<Record<string, readonly [string, string]>> = {
  filesystem_full: ["points de montage", "/media/*"],
  filesystem_readonly: ["points de montage", "/media/*"],
  under_voltage: ["capteurs", "nct6798/*"],
  hardware_alarm: ["capteurs", "nct6798/*"],
  pressure: ["ressources", "io"],
};
/** What takes the place of fields that Prometheus's own configuration has, and of one that many expect. */
const INSTEAD: Readonly<Record<string, string>> = {
  tls_config: "ca_file, server_name ou insecure à côté de host",
  insecure_skip_verify: "insecure",
  basic_auth: "username et password_file à côté de host",
  authorization: "bearer_token_file à côté de host",
  credentials_file: "bearer_token_file",
  port: "host: host:port",
};
/** What each rule is about. */
const SUBJECTS: Readonly<Record<string, string>> = {
  memory: "sa mémoire occupée",
  filesystem_full: "le remplissage de ce système de fichiers",
  filesystem_readonly: "si ce système de fichiers est inscriptible",
  temperature: "sa température",
  clock_offset: "son horloge",
  cpu: "l'occupation de son CPU",
  under_voltage: "sa tension",
  hardware_alarm: "les alarmes de ses capteurs",
  swap: "son swap occupé",
  pressure: "le temps d'attente de ses tâches",
};

const sentences: Readonly<Record<MessageCode, Sentence>> = {
  // Why a look failed
  name_not_found: () => "nom introuvable",
  name_not_found_within: (a) => `nom introuvable en ${a.number("seconds")}\u00a0s`,
  no_answer: () => "pas de réponse",
  no_answer_within: (a) => `pas de réponse en ${a.number("seconds")}\u00a0s`,
  connection_refused: () => "connexion refusée",
  connection_reset: () => "connexion coupée par le nœud",
  no_route: () => "aucune route vers le nœud",
  network_unreachable: () => "réseau inaccessible",
  host_is_down: () => "le nœud est éteint",
  cannot_connect: (a) => a.withDetail("connexion impossible", "error"),
  connection_lost: (a) => a.withDetail("connexion perdue", "error"),
  cannot_be_asked: (a) => `il ne peut être interrogé (${a.text("error")})`,
  closed_without_answer: () => "connexion fermée sans réponse",
  closed_by_https: () =>
    "connexion fermée sans réponse (il veut peut-être un certificat de client, et il n'y en a pas)",
  speaks_https: () => "parle HTTPS (il manque scheme: https)",
  speaks_no_https: () => "ne parle pas HTTPS (est-ce du HTTP\u00a0? alors ôtez scheme: https)",
  tls_fails: (a) => `TLS échoue (${a.text("error")})`,
  certificate_expired: () => "le certificat a expiré",
  certificate_not_valid_yet: () => "le certificat n'est pas encore valable",
  certificate_of_another_name: (a) => `le certificat est pour un autre nom que ${a.text("name")}`,
  certificate_not_of_ca_file: () => "le certificat n'est signé par aucune autorité de ca_file",
  certificate_not_of_system: () => "le certificat n'est signé par aucune autorité du système (mettez ca_file)",
  certificate_not_valid: (a) => `le certificat n'est pas valide (${a.text("error")})`,
  credentials_without_folder: (a) =>
    unasked(`${a.text("option")} a besoin de COLLECTOR_CREDENTIALS_DIR, qui n'est pas réglé`),
  credentials_folder_missing: () => unasked("COLLECTOR_CREDENTIALS_DIR n'existe pas"),
  credentials_folder_is_no_folder: () => unasked("COLLECTOR_CREDENTIALS_DIR n'est pas un dossier"),
  credential_outside: (a) => unasked(`${a.text("option")} mène hors de COLLECTOR_CREDENTIALS_DIR`),
  credential_missing: (a) => unasked(`${a.text("option")} n'est pas dans COLLECTOR_CREDENTIALS_DIR`),
  credential_unreadable: (a) => a.withDetail(unasked(`${a.text("option")} ne peut être lu`), "error"),
  credential_is_no_file: (a) => unasked(`${a.text("option")} n'est pas un fichier`),
  credential_file_too_long: (a) => unasked(`${a.text("option")} dépasse ${a.size("limit_bytes")}`),
  credential_empty: (a) => unasked(`${a.text("option")} est vide`),
  credential_too_long: (a) => unasked(`${a.text("option")} dépasse ${a.plural("limit_bytes", "octet")}`),
  credential_is_no_token: (a) => unasked(`${a.text("option")} ne contient pas un jeton`),
  credential_is_no_password: (a) => unasked(`${a.text("option")} ne contient pas un mot de passe`),
  credential_is_no_certificate: (a) => unasked(`${a.text("option")} n'est pas un fichier PEM de certificats`),
  http_status: (a) => `code HTTP ${a.digits("status")}`,
  http_redirects_elsewhere: (a) => `code HTTP ${a.digits("status")} vers une autre adresse, qui n'est pas interrogée`,
  http_redirects_twice: (a) => `deux fois le code HTTP ${a.digits("status")}, et une redirection est suivie`,
  http_wants_credentials: () =>
    "code HTTP 401\u00a0: il veut un mot de passe ou un jeton, et nodes.yaml n'en nomme pas",
  http_token_wrong: () => "code HTTP 401\u00a0: le jeton est faux",
  http_password_wrong: () => "code HTTP 401\u00a0: le nom d'utilisateur ou le mot de passe est faux",
  http_forbidden: () => "code HTTP 403\u00a0: lecture interdite avec ces identifiants",
  answer_ended_early: () => "réponse incomplète",
  answer_not_http: () => "la réponse n'est pas du HTTP",
  answer_not_valid: (a) => `réponse invalide (${a.text("error")})`,
  answer_compressed_otherwise: () => "réponse compressée d'une façon qui n'est pas lue (gzip et deflate le sont)",
  not_node_exporter: () => "ce n'est pas une page de node_exporter",
  page_damaged: () => "la page est abîmée",
  page_too_long: (a) => `la page dépasse ${a.size("limit_bytes")}`,
  page_unended: (a) =>
    `la page, de plus de ${a.size("bytes_read")}, n'est pas arrivée entière en ${a.number("seconds")}\u00a0s`,
  page_of_too_many_series: (a) => `la page a plus de ${a.plural("limit", "série")}`,
  page_of_too_many_values: () => "la page a trop de valeurs pour la mémoire du collecteur",
  head_too_long: (a) => `l'en-tête de la réponse dépasse ${a.size("limit_bytes")}`,
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
  voltage_low: (a) => of(a, `tension trop faible, dit son capteur ${a.text("sensor")}`),
  sensor_alarm: (a) => of(a, `le capteur ${a.text("sensor")} donne son alarme critique`),
  swap_high: (a) => of(a, `swap occupé à ${a.number("percent")}\u00a0%`),
  pressure_io_high: (a) => of(a, `des tâches attendent un disque ${a.number("percent")}\u00a0% du temps`),
  pressure_memory_high: (a) => of(a, `des tâches attendent la mémoire ${a.number("percent")}\u00a0% du temps`),
  node_online: (a) => `${a.text("node")} est de nouveau en ligne`,
  memory_down: (a) => of(a, `mémoire redescendue à ${a.number("percent")}\u00a0%`),
  filesystem_down: (a) => of(a, `${a.text("mountpoint")} redescendu à ${a.number("percent")}\u00a0%`),
  filesystem_writable: (a) => of(a, `${a.text("mountpoint")} est de nouveau inscriptible`),
  temperature_down: (a) => of(a, `température redescendue à ${a.number("celsius")}\u00a0°C`),
  clock_right: (a) => of(a, `l'horloge est juste à ${a.number("seconds")}\u00a0s près`),
  cpu_down: (a) => of(a, `CPU redescendu à ${a.number("percent")}\u00a0%`),
  voltage_enough: (a) => of(a, `tension de nouveau suffisante, dit son capteur ${a.text("sensor")}`),
  sensor_alarm_over: (a) => of(a, `l'alarme critique du capteur ${a.text("sensor")} est terminée`),
  swap_down: (a) => of(a, `swap redescendu à ${a.number("percent")}\u00a0%`),
  pressure_io_down: (a) => of(a, `des tâches n'attendent un disque que ${a.number("percent")}\u00a0% du temps`),
  pressure_memory_down: (a) => of(a, `des tâches n'attendent la mémoire que ${a.number("percent")}\u00a0% du temps`),
  target_removed: (a) => `${a.text("node")} n'est plus une cible`,
  measure_untold: (a) => `${a.text("node")} ne dit plus ${subject(a)}`,
  filesystem_unmounted: (a) => of(a, `${a.text("mountpoint")} n'est plus monté`),
  filesystem_not_written: (a) => of(a, `${a.text("mountpoint")} est en lecture seule`),
  detail_left_out: (a) => of(a, `${a.text("detail")} est exclu de la règle ${a.text("rule")}`),
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
    `Le disque de ${a.text("path")} est plein\u00a0: ${a.megabytes("free_bytes")} sont libres, et il en faut ` +
    `${a.megabytes("needed_bytes")} à Redis pour enregistrer ses données. ` +
    "Ce qu'il contient depuis son dernier enregistrement est perdu quand il s'arrête",
  redis_disk_nearly_full: (a) =>
    `Le disque de ${a.text("path")} est presque plein\u00a0: ${a.megabytes("free_bytes")} sont libres, ` +
    `et il en faut ${a.megabytes("needed_bytes")} à Redis à chaque enregistrement de ses données`,
  data_cut: (a) =>
    `Redis a trouvé ${a.plural("cut_bytes", "octet abîmé", "octets abîmés")} par une coupure de courant à la fin de son ` +
    `fichier, et ${a.form("cut_bytes", "l'a retiré", "les a retirés")}. Son journal dit où le fichier tel qu'il était est gardé. Ceci est dit pendant un jour`,
  persistence_failing: () =>
    "Redis n'arrive pas à enregistrer ses données, souvent parce que son disque est plein. " +
    "Ce qu'il contient depuis son dernier enregistrement est perdu quand il s'arrête",
  persistence_off: () =>
    "Redis n'enregistre pas ses données\u00a0: l'enregistrement a été désactivé, ou son disque est plein. " +
    "Ce qu'il contient depuis son dernier enregistrement est perdu quand il s'arrête",
  history_refused: () =>
    "Redis n'a plus de mémoire pour l'historique, qui a des lacunes d'ici là\u00a0: augmentez son maxmemory",
  replica_vanished: (a) =>
    `${a.plural("count", "réplique de push a disparu", "répliques de push ont disparu")} sans s'être arrêtée` +
    `${a.form("count", "", "s")} (processus tué, bloqué ou coupé de Redis). Ceci est dit pendant dix minutes`,
  rounds_missed: (a) =>
    "Le collecteur saute des cycles\u00a0: lui ou Redis est trop lent pour un intervalle de " +
    `${a.number("interval_seconds")}\u00a0s`,
  collector_hangs: (a) => {
    const cause = a.text("collector") === "filesystem" ? " (souvent un montage dont le serveur est absent)" : "";
    const silent = `${a.text("node")} ne dit rien de ${a.text("collector")}`;
    return `${silent}\u00a0: ce collecteur de son exportateur ne répond pas${cause}`;
  },
  figures_missing: (a) => because(a, `${a.text("node")} est en ligne, mais ne dit pas ${listed(a.text("figures"))}`),
  exporter_too_old: (a) => `${a.withDetail("c'est un node_exporter d'avant 0.16", "version")}, mettez-le à jour`,
  exporter_of_other_figures: () => "son exportateur ne donne pas de mesures de ce système",
  issues_left_out: (a) => `… et ${a.number("count")} de plus`,
  alerts_left_out: (a) =>
    `${a.plural("count", "alerte manque", "alertes manquent")} dans les listes\u00a0: un message n'a pas plus de place`,
  targets_left_out: (a) =>
    `${a.plural("count", "cible découverte est laissée", "cibles découvertes sont laissées")} de côté\u00a0: ` +
    `un collecteur en prend ${a.number("limit")}`,
  no_file_matches: (a) => `Aucun fichier ne correspond à ${a.text("path")}`,
  dns_name_empty: (a) => `Le nom DNS ${a.text("name")} n'a aucune adresse`,
  dns_name_failed: (a) => because(a, `Le nom DNS ${a.text("name")} est introuvable${staying(a)}`),
  targets_files_unlisted: (a) =>
    `Les fichiers de cibles ${a.text("path")} ne peuvent être cherchés, ` +
    `ceux d'avant restent\u00a0: ${a.text("error")}`,
  targets_file_invalid: (a) =>
    atLine(a, because(a, `Le fichier des cibles ${a.text("path")} n'est pas valide${staying(a)}`)),
  targets_file_clashes: (a) =>
    because(a, `Le fichier des cibles ${a.text("path")} ne va pas avec les autres${staying(a)}`),
  rules_file_invalid: (a) =>
    atLine(a, because(a, `Le fichier des règles ${a.text("path")} n'est pas valide, les règles d'avant restent`)),

  // Files that people edit
  file_missing: () => "ce fichier n'existe pas",
  file_is_no_file: () => "ce n'est pas un fichier",
  file_unreadable: (a) => a.withDetail("lecture impossible", "error"),
  file_too_long: (a) => `il dépasse ${a.size("limit_bytes")}`,
  file_not_utf8: () => "ce n'est pas du texte UTF-8",
  yaml_invalid: (a) => `ce n'est pas du YAML\u00a0: ${a.text("error")}`,
  yaml_invalid_or_ipv6: (a) =>
    `ce n'est pas du YAML\u00a0: ${a.text("error")} ` +
    `(une adresse IPv6 se met entre guillemets, comme "[fd00::6]:9100")`,
  yaml_directive: () => "une directive (%NAME) n'est pas lue ici",
  yaml_alias: () => "un alias (*name) n'est pas lu ici",
  yaml_anchor: () => "une ancre (&name) n'est pas lue ici",
  yaml_tag: () => "un type (!name) n'est pas lu ici",
  yaml_too_deep: (a) =>
    `plus de ${a.plural("limit", "liste ou objet", "listes et objets")} les uns dans les autres ne sont pas lus`,
  yaml_text_too_long: (a) => `un texte de plus de ${a.plural("limit", "caractère")} se met entre guillemets`,
  yaml_too_many_values: (a) => `plus de ${a.plural("limit", "valeur")} ne sont pas lues`,

  // Targets files
  too_many_targets: (a) =>
    `${a.plural("count", "cible")}, c'est plus que les ${a.number("limit")} que prend un collecteur`,
  names_too_long: (a) =>
    `noms et adresses font ${a.plural("bytes_taken", "octet")}, plus que les ${a.number("limit_bytes")} d'un message`,
  two_names: (a) => `${a.text("address")} a deux noms\u00a0: '${a.text("first")}' et '${a.text("second")}'`,
  two_ways: (a) =>
    `${a.text("address")} est à interroger de deux façons\u00a0: scheme, fichiers ou autres champs diffèrent`,
  name_given_twice: (a) => `le nom '${a.text("name")}' est donné à ${a.plural("count", "nœud")}`,
  no_name_left: (a) =>
    `il ne reste pas de nom pour ${a.text("address")}\u00a0: '${a.text("name")}' est donné à un autre nœud`,
  no_nodes_any_more: () => "il ne liste plus de nœuds\u00a0; si c'est voulu, écrivez workers: []",
  nodes_not_a_mapping: () => "il doit dire workers: [host, host:port, …] et master: host",
  workers_not_a_list: () => "workers doit être une liste, par exemple\u00a0: workers: [node1.lan, node2.lan]",
  simulated_not_a_flag: (a) => `simulated est true ou false, pas ${a.text("value")}`,
  key_misspelt: (a) => `${a.text("key")} n'est pas une de ses clés (est-ce ${a.text("meant")}\u00a0?)`,
  keys_unknown: (a) => `il n'a ni workers ni master, mais ${a.text("key")}`,
  group_keys_wrong: (a) =>
    at(a, `il a ${a.text("keys") || "aucune clé"}, et doit dire targets: [host:port, …], et labels tout au plus`),
  group_not_a_mapping: (a) => at(a, `${a.text("value")} doit dire targets: [host:port, …], et labels tout au plus`),
  entry_field_unknown: (a) => at(a, `${a.text("field")} n'est pas un de ses champs, qui sont ${a.text("known")}`),
  entry_field_misspelt: (a) =>
    at(a, `${a.text("field")} n'est pas un de ses champs (est-ce ${a.text("meant")}\u00a0?)`),
  entry_field_of_others: (a) =>
    at(a, `'${a.text("field")}' n'est pas un de ses champs (écrivez ${entryOf(INSTEAD, a.text("field"))})`),
  entry_without_host: (a) => at(a, "host manque (qui peut être host:port)"),
  entry_name_invalid: (a) => at(a, `name ${a.text("value")} n'est pas un texte d'au plus ${printable(a)}`),
  entry_local_with_http: (a) =>
    at(a, "local est cette machine, qui est lue sans HTTP\u00a0; écrivez plutôt son host:port"),
  host_is_a_list: (a) =>
    at(a, `${a.text("value")} est une liste (une adresse IPv6 se met entre guillemets, comme "[fd00::6]:9100")`),
  host_is_a_mapping: (a) => at(a, "il a des champs là où il faut un hôte"),
  host_not_a_text: (a) =>
    at(a, `${a.text("value")} n'est pas un hôte (un texte fait de chiffres se met entre guillemets)`),
  host_is_a_url: (a) => at(a, `${a.text("value")} est une URL, écrivez host ou host:port`),
  host_is_an_https_url: (a) => at(a, `${a.text("value")} est une URL, écrivez {host: host:port, scheme: https}`),
  host_not_ipv6: (a) => at(a, `${a.text("value")} n'est pas une adresse IPv6 entre crochets, comme [fd00::6]:9100`),
  host_invalid: (a) => at(a, `${a.text("value")} n'est pas host ou host:port`),
  port_invalid: (a) => at(a, `${a.text("value")} n'a pas de port valide (1 à 65535)`),
  host_not_ipv4: (a) =>
    at(a, `${a.text("value")} n'est pas une adresse IPv4, soit quatre nombres de 0 à 255, comme 192.168.1.20`),
  host_of_no_machine: (a) => at(a, `${a.text("value")} n'est pas l'adresse d'une machine`),
  host_without_interface: (a) =>
    at(a, `il manque à '${a.text("host")}' l'interface qui y mène, comme ${a.text("host")}%eth0`),
  option_not_a_scheme: (a) => at(a, `${a.text("option")} est http ou https, et non ${a.text("value")}`),
  option_not_a_flag: (a) => at(a, `${a.text("option")} est true ou false`),
  option_not_a_text: (a) => at(a, `${a.text("option")} n'est pas un texte d'au plus ${printable(a)}`),
  option_with_colon: (a) => at(a, `${a.text("option")} ne doit pas contenir de deux-points`),
  option_not_a_host: (a) => at(a, `${a.text("option")} n'est pas le nom d'un hôte`),
  option_not_a_path: (a) => at(a, `${a.text("option")} n'est pas le chemin d'un fichier`),
  option_leaves_folder: (a) => at(a, `${a.text("option")} ne doit pas quitter COLLECTOR_CREDENTIALS_DIR par ..`),
  option_needs_https: (a) => at(a, `${a.text("option")} demande scheme: https`),
  username_and_password_file: (a) => at(a, "username et password_file vont ensemble"),
  password_or_token: (a) => at(a, "password_file et bearer_token_file s'excluent"),
  credentials_to_anybody: (a) =>
    at(a, "insecure: true envoie les identifiants à qui répond, donc les deux s'excluent\u00a0; mettez plutôt ca_file"),
  credentials_in_the_clear: (a) =>
    at(
      a,
      "des identifiants en HTTP simple peuvent être lus en chemin\u00a0; " +
        "mettez scheme: https, ou credentials_over_http: true si c'est voulu",
    ),
  credentials_over_http_idle: (a) => at(a, "credentials_over_http demande scheme: http et des identifiants"),

  // Rules files
  rules_not_a_mapping: () => "il doit dire rule: {field: value}, par exemple\u00a0: memory: {threshold: 95}",
  rule_no_such: (a) => `${a.text("name")} n'est pas une règle\u00a0; il y a ${a.text("known")}`,
  rule_not_a_mapping: (a) =>
    `${a.text("rule")}\u00a0: ${a.text("value")} doit dire field: value, par exemple\u00a0: {enabled: false}`,
  rule_field_no_such: (a) =>
    `${a.text("rule")}\u00a0: ${a.text("field")} n'est pas un de ses champs, qui sont ${a.text("known")}`,
  rule_clear_above_threshold: (a) =>
    `${a.text("rule")}\u00a0: clear ${a.number("clear")} ne doit pas dépasser threshold ${a.number("threshold")}`,
  rule_not_a_flag: (a) => `${valued(a)} doit être true ou false`,
  rule_not_one_of: (a) => `${valued(a)} doit être l'un de ${a.text("known")}`,
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
};

export const SENTENCES_FR: SentenceCatalogue = {
  language: "fr",
  sentences,
  kibibytes: "Kio",
  mebibytes: "Mio",
  megabytes: "Mo",
  isOne: (count) => count < 2,
};

/** The node first. */
function of(a: SentenceArguments, text: string): string {
  return `${a.text("node")}\u00a0: ${text}`;
}

function unasked(why: string): string {
  return `rien n'a été demandé\u00a0: ${why}`;
}

function because(a: SentenceArguments, text: string): string {
  return a.isNull("why") ? text : `${text}\u00a0: ${a.cause("why")}`;
}

function atLine(a: SentenceArguments, text: string): string {
  return a.isNull("line") ? text : `${text}, à la ligne ${a.digits("line")}`;
}

/** That targets stay which were there before, if there are some. */
function staying(a: SentenceArguments): string {
  if (a.count("former_targets") === 0) return "";
  return `, ${a.plural("former_targets", "cible d'avant reste", "cibles d'avant restent")}`;
}

/** Words with spaces between them: `son CPU, sa mémoire ni son disque`. */
function listed(figures: string): string {
  const names = figures.split(" ").map((figure) => entryOf(FIGURES, figure));
  const last = names.pop() as string;
  return names.length === 0 ? last : `${names.join(", ")} ni ${last}`;
}

function subject(a: SentenceArguments): string {
  const rule = a.text("rule");
  return Object.hasOwn(SUBJECTS, rule) ? entryOf(SUBJECTS, rule) : rule;
}

/** `workers/3` is the third entry of the workers. */
function at(a: SentenceArguments, text: string): string {
  const [first, number, inner, second] = a.text("where").split("/");
  let part = `${first}`;
  if (number !== undefined) part = first === "workers" ? `workers, entrée ${number}` : `groupe ${number}`;
  if (inner !== undefined && second === undefined) throw new Error(inner);
  if (inner !== undefined) part += `, ${inner === "target" ? "cible" : inner} ${second}`;
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
