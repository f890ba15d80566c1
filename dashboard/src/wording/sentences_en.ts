/** The English sentences of the collector, the same as in `services/collector/sentences`. */

import { RULE_SENTENCES_EN } from "./rule_sentences_en.ts";
import { entryOf, type Sentence, type SentenceArguments, type SentenceCatalogue } from "./sentences.ts";

const SENSORS = "for instance [{chip: nct6775, label: CPUTIN}] or [nct6775/CPUTIN]";
/** The main figures that a node may not report. */
const FIGURES: Readonly<Record<string, string>> = { cpu: "CPU", memory: "memory", disk: "disk" };
/** The details that each rule can ignore, and an example. */
const DETAILS: Readonly<Record<string, readonly [string, string]>> = {
  filesystem_full: ["mount points", "/media/*"],
  filesystem_readonly: ["mount points", "/media/*"],
  under_voltage: ["sensors", "nct6798/*"],
  hardware_alarm: ["sensors", "nct6798/*"],
  pressure: ["resources", "io"],
};
/** What to write instead of fields of Prometheus's configuration, and of `port`. */
const INSTEAD: Readonly<Record<string, string>> = {
  tls_config: "ca_file, server_name or insecure beside host",
  insecure_skip_verify: "insecure",
  basic_auth: "username and password_file beside host",
  authorization: "bearer_token_file beside host",
  credentials_file: "bearer_token_file",
  port: "host: node1.lan:9200",
};
/** What YAML makes of a value without quotes. */
const VALUE_KINDS: Readonly<Record<string, string>> = {
  empty: "empty",
  flag: "true or false",
  number: "a number",
  date: "a date",
  list: "a list",
  mapping: "a mapping",
};
/** The value that each rule reads. */
const SUBJECTS: Readonly<Record<string, string>> = {
  memory: "its memory usage",
  filesystem_full: "the usage of this file system",
  filesystem_readonly: "whether this file system is writable",
  temperature: "its temperature",
  clock_offset: "its time",
  cpu: "its CPU usage",
  under_voltage: "its voltage",
  hardware_alarm: "its sensor alarms",
  swap: "its swap usage",
  pressure: "how long its tasks wait",
};

const sentences = {
  // Causes of failed scrapes
  name_not_found: () => "name not found",
  name_not_found_within: (a) => `name not found within ${a.number("seconds")}\u00a0s`,
  no_answer: () => "no answer",
  no_answer_within: (a) => `no answer within ${a.number("seconds")}\u00a0s`,
  connection_refused: () => "connection refused",
  connection_reset: () => "connection reset",
  no_route: () => "no route to host",
  network_unreachable: () => "network unreachable",
  host_is_down: () => "host is down",
  cannot_connect: (a) => a.withDetail("cannot connect", "error"),
  connection_lost: (a) => a.withDetail("connection lost", "error"),
  cannot_be_asked: (a) => `the request cannot be sent (${a.text("error")})`,
  closed_without_answer: () => "connection closed without an answer",
  closed_by_https: () =>
    "connection closed without an answer (the exporter may require a client certificate, which the collector does not have)",
  speaks_https: () => "the exporter uses HTTPS (add scheme: https)",
  speaks_no_https: () => "the exporter does not use HTTPS (if it uses plain HTTP, remove scheme: https)",
  tls_fails: (a) => `TLS connection failed (${a.text("error")})`,
  certificate_expired: () => "certificate has expired",
  certificate_not_valid_yet: () => "certificate is not valid yet",
  certificate_of_another_name: (a) => `certificate is not for the name ${a.text("name")}`,
  certificate_not_of_ca_file: () => "certificate is not signed by a CA in ca_file",
  certificate_not_of_system: () => "certificate is not signed by a CA that the system trusts (set ca_file)",
  certificate_not_valid: (a) => `certificate is not valid (${a.text("error")})`,
  credentials_without_folder: (a) =>
    `no request was sent: ${a.text("option")} needs COLLECTOR_CREDENTIALS_DIR, which is not set`,
  credentials_folder_missing: () => "no request was sent: COLLECTOR_CREDENTIALS_DIR does not exist",
  credentials_folder_is_no_folder: () => "no request was sent: COLLECTOR_CREDENTIALS_DIR is not a folder",
  credential_outside: (a) => `no request was sent: ${a.text("option")} is outside COLLECTOR_CREDENTIALS_DIR`,
  credential_missing: (a) => `no request was sent: ${a.text("option")} is not in COLLECTOR_CREDENTIALS_DIR`,
  credential_unreadable: (a) => a.withDetail(`no request was sent: ${a.text("option")} cannot be read`, "error"),
  credential_is_no_file: (a) => `no request was sent: ${a.text("option")} is not a file`,
  credential_file_too_long: (a) => `no request was sent: ${a.text("option")} is longer than ${a.size("limit_bytes")}`,
  credential_empty: (a) => `no request was sent: ${a.text("option")} is empty`,
  credential_too_long: (a) =>
    `no request was sent: ${a.text("option")} is longer than ${a.plural("limit_bytes", "byte")}`,
  credential_is_no_token: (a) => `no request was sent: ${a.text("option")} must contain exactly one token`,
  credential_is_no_password: (a) => `no request was sent: ${a.text("option")} must contain exactly one password`,
  credential_is_no_certificate: (a) => `no request was sent: ${a.text("option")} is not a PEM file of certificates`,
  http_status: (a) => `HTTP ${a.digits("status")}`,
  http_redirects_elsewhere: (a) =>
    `HTTP ${a.digits("status")} redirect to another address, which the collector does not follow`,
  http_redirects_twice: (a) => `HTTP ${a.digits("status")} twice, and the collector follows one redirect only`,
  http_wants_credentials: () => "HTTP 401: the exporter requires a password or a token, and nodes.yaml names neither",
  http_token_wrong: () => "HTTP 401: the token is wrong",
  http_password_wrong: () => "HTTP 401: the user name or the password is wrong",
  http_forbidden: () => "HTTP 403: the credentials do not permit reading the metrics",
  answer_ended_early: () => "answer ended early",
  answer_not_http: () => "answer is not HTTP",
  answer_not_valid: (a) => `answer is not valid (${a.text("error")})`,
  answer_compressed_otherwise: () => "answer has an unsupported compression (gzip and deflate are supported)",
  list_wants_credentials: () =>
    "HTTP 401: the server requires a password or a token, and COLLECTOR_HTTP_SD_OPTIONS names neither",
  list_forbidden: () => "HTTP 403: the credentials do not permit reading the list",
  list_without_https: () =>
    "the server does not use HTTPS (if it uses plain HTTP, write http:// in COLLECTOR_HTTP_SD_URLS)",
  list_not_json: (a) =>
    a.isNull("content_type")
      ? "the answer has no content type; it must be application/json"
      : `the answer has the content type ${a.text("content_type")}; it must be application/json`,
  list_compressed: () => "the answer is compressed, which the collector does not request",
  list_too_long: (a) =>
    `the list is longer than ${a.size("limit_bytes")}, or has more than ${a.number("limit_values")} values`,
  list_is_no_list: () => 'the answer is not a list of groups, as in [{"targets": ["host:9100"]}]',
  not_node_exporter: () => "answer is not a node_exporter exposition",
  page_damaged: () => "exposition is damaged",
  page_too_long: (a) => `exposition is longer than ${a.size("limit_bytes")}`,
  page_unended: (a) =>
    `exposition of more than ${a.size("bytes_read")} did not end within ${a.number("seconds")}\u00a0s`,
  page_of_too_many_series: (a) => `exposition has more than ${a.plural("limit", "series", "series")}`,
  page_of_too_many_values: () => "exposition has more values than the collector has memory for",
  head_too_long: (a) => `headers of the answer are longer than ${a.size("limit_bytes")}`,
  unreadable: (a) => `cannot be read (${a.text("error")})`,

  // Alerts
  node_offline: (a) => because(a, `${a.text("node")} is offline`),
  memory_high: (a) => `${a.text("node")}: memory is ${a.number("percent")}\u00a0% in use`,
  filesystem_full: (a) => `${a.text("node")}: ${a.text("mountpoint")} is ${a.number("percent")}\u00a0% full`,
  filesystem_readonly: (a) => `${a.text("node")}: ${a.text("mountpoint")} is mounted read-only`,
  temperature_high: (a) => `${a.text("node")}: temperature is ${a.number("celsius")}\u00a0°C`,
  clock_ahead: (a) => `${a.text("node")}: the clock is ${a.number("seconds")}\u00a0s ahead of the collector's`,
  clock_behind: (a) => `${a.text("node")}: the clock is ${a.number("seconds")}\u00a0s behind the collector's`,
  cpu_high: (a) => `${a.text("node")}: CPU is at ${a.number("percent")}\u00a0%`,
  voltage_low: (a) => `${a.text("node")}: voltage is too low (sensor ${a.text("sensor")})`,
  sensor_alarm: (a) => `${a.text("node")}: sensor ${a.text("sensor")} reports a critical alarm`,
  swap_high: (a) => `${a.text("node")}: swap is ${a.number("percent")}\u00a0% in use`,
  pressure_io_high: (a) => `${a.text("node")}: tasks wait ${a.number("percent")}\u00a0% of the time for a disk`,
  pressure_memory_high: (a) => `${a.text("node")}: tasks wait ${a.number("percent")}\u00a0% of the time for memory`,
  node_online: (a) => `${a.text("node")} is online again`,
  memory_down: (a) => `${a.text("node")}: memory is down to ${a.number("percent")}\u00a0% in use`,
  filesystem_down: (a) => `${a.text("node")}: ${a.text("mountpoint")} is down to ${a.number("percent")}\u00a0% full`,
  filesystem_writable: (a) => `${a.text("node")}: ${a.text("mountpoint")} is writable again`,
  temperature_down: (a) => `${a.text("node")}: temperature is down to ${a.number("celsius")}\u00a0°C`,
  clock_right: (a) => `${a.text("node")}: the clock is right within ${a.number("seconds")}\u00a0s`,
  cpu_down: (a) => `${a.text("node")}: CPU is down to ${a.number("percent")}\u00a0%`,
  voltage_enough: (a) => `${a.text("node")}: voltage is high enough again (sensor ${a.text("sensor")})`,
  sensor_alarm_over: (a) => `${a.text("node")}: the critical alarm of sensor ${a.text("sensor")} is over`,
  swap_down: (a) => `${a.text("node")}: swap is down to ${a.number("percent")}\u00a0% in use`,
  pressure_io_down: (a) => `${a.text("node")}: tasks wait only ${a.number("percent")}\u00a0% of the time for a disk`,
  pressure_memory_down: (a) =>
    `${a.text("node")}: tasks wait only ${a.number("percent")}\u00a0% of the time for memory`,
  target_removed: (a) => `${a.text("node")} is no longer a target`,
  measure_untold: (a) => `${a.text("node")} no longer reports ${subject(a)}`,
  filesystem_unmounted: (a) => `${a.text("node")}: ${a.text("mountpoint")} is no longer mounted`,
  filesystem_not_written: (a) => `${a.text("node")}: ${a.text("mountpoint")} is read-only`,
  detail_left_out: (a) => `${a.text("node")}: the rule ${a.text("rule")} ignores ${a.text("detail")}`,
  rule_off: (a) => `${a.text("node")}: the rule ${a.text("rule")} is switched off`,
  rule_unknown: (a) => {
    const unknown = `this collector does not know the rule ${a.text("rule")}`;
    return a.text("node") === "" ? unknown : `${a.text("node")}: ${unknown}`;
  },
  flapping_over: (a) =>
    `${a.text("node")}: ${a.withDetail(a.text("rule"), "detail")} no longer flaps; it fired ${a.plural("times", "time")}`,
  pended: (a) => `${a.text("node")}: ${a.text("rule")} was pending ${a.plural("times", "time")} and did not fire`,
  log_started: () => "the alert log starts here",

  // Issues of the health
  no_targets: (a) =>
    `No targets: list your nodes in ${a.text("path")}, for instance: workers: [node1.lan, node2.lan]. On each ` +
    `of them, install the exporter with: ${a.text("install")}`,
  no_node_answers: (a) =>
    `No node answers: install the exporter on each node with: ${a.text("install")} (targets are in ${a.text("path")})`,
  redis_disk_full: (a) =>
    `The disk of ${a.text("path")} is full: ${a.megabytes("free_bytes")} are free, and Redis needs ` +
    `${a.megabytes("needed_bytes")} to save its data. If Redis stops now, all changes since its last save are lost`,
  redis_disk_nearly_full: (a) =>
    `The disk of ${a.text("path")} is nearly full: ${a.megabytes("free_bytes")} are free, and Redis needs ` +
    `${a.megabytes("needed_bytes")} for each save of its data`,
  data_cut: (a) =>
    `A power cut damaged ${a.plural("cut_bytes", "byte")} at the end of Redis's data file, and Redis removed ` +
    `${a.form("cut_bytes", "it", "them")}. The log of Redis names the copy of the damaged file. ` +
    "This message stays for a day",
  persistence_failing: () =>
    "Redis fails to save its data, often because its disk is full. " +
    "If Redis stops now, all changes since its last save are lost",
  persistence_off: () =>
    "Redis does not save its data: saving is switched off, or its disk is full. " +
    "If Redis stops now, all changes since its last save are lost",
  history_refused: () => "Redis has no memory left for history, and history has gaps: raise the maxmemory of Redis",
  replica_vanished: (a) =>
    `${a.plural("count", "ws replica")} disappeared without shutting down (killed, hanging, or cut off from Redis). ` +
    "This message stays for ten minutes",
  rounds_missed: (a) =>
    "The collector misses rounds: the collector or Redis is too slow for an interval of " +
    `${a.number("interval_seconds")}\u00a0s`,
  collector_hangs: (a) => {
    const cause = a.text("collector") === "filesystem" ? " (often because the server of a mount is unreachable)" : "";
    return `${a.text("node")} lacks values: the ${a.text("collector")} collector of its exporter hangs${cause}`;
  },
  figures_missing: (a) => because(a, `${a.text("node")} is online but does not report ${listed(a.text("figures"))}`),
  exporter_too_old: (a) => `${a.withDetail("its exporter is node_exporter older than 0.16", "version")}, update it`,
  exporter_of_other_figures: () => "its exporter does not report these values on this system",
  issues_left_out: (a) => `… and ${a.number("count")} more`,
  alerts_left_out: (a) =>
    `${a.plural("count", "alert")} ${a.form("count", "is", "are")} missing from the lists, because the size of a message is limited`,
  targets_left_out: (a) =>
    `${a.plural("count", "discovered target")} ${a.form("count", "is", "are")} left out: ` +
    `one collector accepts at most ${a.number("limit")}`,
  discovered_labels_left_out: (a) =>
    `All labels of the discovered nodes are left out: the labels take ${a.plural("bytes_taken", "byte")}, and a message has room for ${a.number("limit_bytes")}`,
  no_file_matches: (a) => `No file matches ${a.text("path")}`,
  dns_name_empty: (a) => `The DNS name ${a.text("name")} has no address`,
  dns_name_failed: (a) => because(a, `The DNS name ${a.text("name")} cannot be looked up${staying(a)}`),
  http_sd_empty: (a) => `The target list ${a.text("url")} is empty`,
  http_sd_failed: (a) => because(a, `The target list ${a.text("url")} cannot be read${staying(a)}`),
  targets_files_unlisted: (a) =>
    `The targets files ${a.text("path")} cannot be listed, the previous files stay in use: ${a.text("error")}`,
  targets_file_invalid: (a) => atLine(a, because(a, `The targets file ${a.text("path")} is not valid${staying(a)}`)),
  targets_file_clashes: (a) =>
    because(a, `The targets file ${a.text("path")} conflicts with the other targets files${staying(a)}`),
  labels_left_out: (a) =>
    because(a, `${a.plural("count", "label")} in ${a.text("source")} ${a.form("count", "is", "are")} left out`),
  rules_file_invalid: (a) =>
    atLine(a, because(a, `The rules file ${a.text("path")} is not valid, the previous rules stay in force`)),

  // Files that people edit
  file_missing: () => "there is no such file",
  file_is_no_file: () => "it is not a file",
  file_unreadable: (a) => a.withDetail("it cannot be read", "error"),
  file_too_long: (a) => `it is longer than ${a.size("limit_bytes")}`,
  file_not_utf8: () => "it is not UTF-8 text",
  yaml_invalid: (a) => `not YAML: ${a.text("error")}`,
  yaml_invalid_or_ipv6: (a) =>
    `not YAML: ${a.text("error")} (an IPv6 address or a range needs quotes, as in "[fd00::6]:9100")`,
  yaml_directive: () => "YAML directives (%NAME) are not supported",
  yaml_alias: () => "YAML aliases (*name) are not supported",
  yaml_anchor: () => "YAML anchors (&name) are not supported",
  yaml_tag: () => "YAML tags (!name) are not supported",
  yaml_too_deep: (a) => `lists and mappings are nested more than ${a.plural("limit", "level")} deep`,
  yaml_text_too_long: (a) => `a text of more than ${a.plural("limit", "character")} needs quotes`,
  yaml_too_many_values: (a) => `the file has more than ${a.plural("limit", "value")}`,

  // Targets files
  too_many_targets: (a) =>
    `${a.plural("count", "target")} ${a.form("count", "is", "are")} listed, and one collector accepts only ${a.number("limit")}`,
  names_too_long: (a) =>
    `names and addresses take ${a.plural("bytes_taken", "byte")}, and a message has room for ${a.number("limit_bytes")}`,
  names_and_labels_too_long: (a) =>
    `names and addresses take ${a.plural("names_bytes", "byte")} and labels ${a.plural("labels_bytes", "byte")}, and a message has room for ${a.number("limit_bytes")}`,
  two_names: (a) => `${a.text("address")} has two names: '${a.text("first")}' and '${a.text("second")}'`,
  two_label_values: (a) =>
    `${a.text("address")} has two values of the label ${a.text("label")}: '${a.text("first")}' and '${a.text("second")}'`,
  two_ways: (a) => `${a.text("address")} is listed twice with different fields (scheme, files or others)`,
  name_given_twice: (a) => `the name '${a.text("name")}' is given to ${a.plural("count", "node")}`,
  no_name_left: (a) =>
    `${a.text("address")} needs a name: its default name '${a.text("name")}' is given to another node`,
  no_nodes_any_more: () => "it no longer lists any nodes; to remove all nodes, write workers: []",
  nodes_not_a_mapping: () => "it must have the form workers: [host, host:port, …] and master: host",
  workers_not_a_list: () => "workers must be a list, for instance: workers: [node1.lan, node2.lan]",
  simulated_not_a_flag: (a) => `simulated must be true or false, not ${a.text("value")}`,
  key_misspelt: (a) => `${a.text("key")} is not a key of this file (did you mean ${a.text("meant")}?)`,
  keys_unknown: (a) => `it has neither workers nor master nor groups, but ${a.text("key")}`,
  groups_not_a_list: () =>
    'groups must be a list, for instance: groups: [{labels: {rack: "07"}, workers: [node1.lan, node2.lan]}]',
  node_group_not_a_mapping: (a) =>
    `${position(a)}: ${a.text("value")} must have workers or master, and may have labels`,
  node_group_keys_wrong: (a) =>
    `${position(a)}: it has ${a.text("keys") || "no keys"}; it must have workers or master, and may have labels`,
  group_keys_wrong: (a) =>
    `${position(a)}: it has ${a.text("keys") || "no keys"}; it must have targets: [host:port, …], and may have labels`,
  group_not_a_mapping: (a) =>
    `${position(a)}: ${a.text("value")} must have targets: [host:port, …], and may have labels`,
  entry_field_unknown: (a) =>
    `${position(a)}: ${a.text("field")} is not a field of an entry; its fields are ${a.text("known")}`,
  entry_field_misspelt: (a) =>
    `${position(a)}: ${a.text("field")} is not a field of an entry (did you mean ${a.text("meant")}?)`,
  entry_field_of_others: (a) =>
    `${position(a)}: '${a.text("field")}' is not a field of an entry (write ${entryOf(INSTEAD, a.text("field"))})`,
  entry_without_host: (a) => `${position(a)}: host is missing (write host or host:port)`,
  entry_name_invalid: (a) =>
    `${position(a)}: name ${a.text("value")} must be a text of up to ${a.plural("limit", "printable character")}`,
  entry_local_with_http: (a) =>
    `${position(a)}: local is this machine, which the collector reads without HTTP; write its host:port instead`,
  range_invalid: (a) =>
    `${position(a)}: ${a.text("value")} has no valid range; a range is written as in node[01-16,20].lan`,
  range_not_closed: (a) =>
    `${position(a)}: the bracket of the range in ${a.text("value")} is not closed; write a ] after the numbers`,
  range_reversed: (a) => `${position(a)}: the range ${a.text("numbers")} ends before its beginning`,
  range_of_two_lengths: (a) =>
    `${position(a)}: with leading zeros, both numbers of the range ${a.text("numbers")} must have the same number of digits, as in 001-100`,
  ranges_too_many: (a) => `${position(a)}: a host has more than ${a.plural("limit", "range")}`,
  range_too_long: (a) => `${position(a)}: the ranges of this file list more than ${a.plural("limit", "host")}`,
  range_with_name: (a) => `${position(a)}: a name is the name of one node, and its host has a range`,
  labels_not_a_mapping: (a) => `${position(a)}: labels must be names with values, for instance: labels: {rack: "07"}`,
  label_name_invalid: (a) =>
    `${position(a)}: ${a.text("name")} is not the name of a label: letters from a to z, digits and _, and no digit at the beginning`,
  label_reserved: (a) =>
    `${position(a)}: the label ${a.text("label")} begins with __, which Prometheus keeps for itself`,
  label_not_a_text: (a) =>
    `${position(a)}: the value of the label ${a.text("label")} is ${entryOf(VALUE_KINDS, a.text("kind"))} and must be a text: quote it, as in ${a.text("label")}: "07"`,
  label_not_printable: (a) =>
    `${position(a)}: the value of the label ${a.text("label")} has characters that are not printable`,
  labels_too_long: (a) =>
    `${position(a)}: names and values of the labels take ${a.plural("bytes_taken", "byte")}, and a node has room for ${a.number("limit_bytes")}`,
  label_without_room: (a) =>
    `${position(a)}: the label ${a.text("label")} has no room: names and values of all labels of a node take at most ${a.plural("limit_bytes", "byte")}`,
  host_is_a_list: (a) =>
    `${position(a)}: ${a.text("value")} is a list (an IPv6 address or a range needs quotes, as in "[fd00::6]:9100")`,
  host_is_a_mapping: (a) => `${position(a)}: it has fields where a host is expected`,
  host_not_a_text: (a) => `${position(a)}: ${a.text("value")} is not a host (a text made of digits needs quotes)`,
  host_is_a_url: (a) => `${position(a)}: ${a.text("value")} is a URL; write host or host:port`,
  host_is_an_https_url: (a) => `${position(a)}: ${a.text("value")} is a URL; write {host: host:port, scheme: https}`,
  host_not_ipv6: (a) => `${position(a)}: ${a.text("value")} is not an IPv6 address in brackets, as in [fd00::6]:9100`,
  host_invalid: (a) => `${position(a)}: ${a.text("value")} is not a host or host:port`,
  port_invalid: (a) => `${position(a)}: ${a.text("value")} has no valid port (1 to 65535)`,
  host_not_ipv4: (a) =>
    `${position(a)}: ${a.text("value")} is not an IPv4 address (four numbers from 0 to 255, as in 192.168.1.20)`,
  host_of_no_machine: (a) => `${position(a)}: ${a.text("value")} is not the address of a single machine`,
  host_without_interface: (a) =>
    `${position(a)}: '${a.text("host")}' needs the interface of this machine that reaches it, as in ${a.text("host")}%eth0`,
  option_not_a_scheme: (a) => `${position(a)}: ${a.text("option")} must be http or https, not ${a.text("value")}`,
  option_not_a_flag: (a) => `${position(a)}: ${a.text("option")} must be true or false`,
  option_not_a_text: (a) =>
    `${position(a)}: ${a.text("option")} must be a text of up to ${a.plural("limit", "printable character")}`,
  option_with_colon: (a) => `${position(a)}: ${a.text("option")} must not contain a colon`,
  option_not_a_host: (a) => `${position(a)}: ${a.text("option")} must be the name of a host`,
  option_not_a_path: (a) => `${position(a)}: ${a.text("option")} must be the path of a file`,
  option_leaves_folder: (a) =>
    `${position(a)}: ${a.text("option")} must not contain .., which leaves COLLECTOR_CREDENTIALS_DIR`,
  option_needs_https: (a) => `${position(a)}: ${a.text("option")} needs scheme: https`,
  username_and_password_file: (a) => `${position(a)}: set username and password_file together, or neither`,
  password_or_token: (a) => `${position(a)}: set password_file or bearer_token_file, not both`,
  credentials_to_anybody: (a) =>
    `${position(a)}: insecure: true would send the credentials to any machine that answers; set ca_file instead`,
  credentials_in_the_clear: (a) =>
    `${position(a)}: anybody on the network can read credentials over plain HTTP; set scheme: https, or credentials_over_http: true to accept this`,
  credentials_over_http_idle: (a) => `${position(a)}: credentials_over_http needs scheme: http and credentials`,

  // Rules files
  rules_not_a_mapping: () => "it must have the form rule: {field: value}, for instance: memory: {threshold: 95}",
  rule_no_such: (a) => `${a.text("name")} is not a rule; the rules are ${a.text("known")}`,
  rule_misspelt: (a) =>
    `${a.text("name")} is not a rule (did you mean ${a.text("meant")}?); a rule of your own needs metric`,
  rule_not_a_mapping: (a) =>
    `${a.text("rule")}: ${a.text("value")} must be a mapping of fields, for instance: {enabled: false}`,
  rule_field_no_such: (a) =>
    `${a.text("rule")}: ${a.text("field")} is not a field of this rule; its fields are ${a.text("known")}`,
  rule_field_misspelt: (a) =>
    `${a.text("rule")}: ${a.text("field")} is not a field of this rule (did you mean ${a.text("meant")}?)`,
  rule_clear_above_threshold: (a) =>
    `${a.text("rule")}: clear ${a.number("clear")} must not be above threshold ${a.number("threshold")}`,
  rule_not_a_flag: (a) => `${valued(a)} must be true or false`,
  rule_not_one_of: (a) => `${valued(a)} must be one of ${a.text("known")}`,
  rule_not_a_number: (a) => {
    const bounds = a.isNull("lowest")
      ? `up to ${a.number("highest")}`
      : `from ${a.number("lowest")} to ${a.number("highest")}`;
    return `${valued(a)} must be a number ${bounds}`;
  },
  rule_not_patterns: (a) => {
    const [details, example] = detailsOf(a);
    return `${valued(a)} must be a list of ${details}, for instance [${example}]`;
  },
  rule_too_many_patterns: (a) =>
    `${a.text("rule")}: ${a.text("field")} must have up to ${a.plural("limit", "text")} of up to ` +
    `${a.plural("limit_characters", "character")} each`,
  rule_not_sensors: (a) => `${valued(a)} must be a list of sensors, ${SENSORS}`,
  rule_too_many_sensors: (a) => `${a.text("rule")}: ${a.text("field")} must have up to ${a.plural("limit", "sensor")}`,
  rule_not_a_sensor: (a) =>
    `${a.text("rule")}: ${a.text("field")}: ${a.text("value")} must have a chip, a label or both, ${SENSORS}`,
  rule_sensor_not_a_text: (a) =>
    `${a.text("rule")}: ${a.text("field")}: ${a.text("value")} must be a text of up to ` +
    `${a.plural("limit", "character")}`,
  ...RULE_SENTENCES_EN,
} as const satisfies Record<string, Sentence>;

export type MessageCode = keyof typeof sentences;

export const SENTENCES_EN: SentenceCatalogue = {
  language: "en",
  sentences,
  kibibytes: "KiB",
  mebibytes: "MiB",
  megabytes: "MB",
  binaryUnits: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"],
  decimalUnits: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"],
  isOne: (count) => count === 1,
};

function because(a: SentenceArguments, text: string): string {
  return a.isNull("why") ? text : `${text}: ${a.cause("why")}`;
}

function atLine(a: SentenceArguments, text: string): string {
  return a.isNull("line") ? text : `${text}, in line ${a.digits("line")}`;
}

/** The clause that the previous targets of a source stay in use; empty if the source had no targets. */
function staying(a: SentenceArguments): string {
  if (a.count("former_targets") === 0) return "";
  const verb = a.form("former_targets", "stays", "stay");
  return `, its ${a.plural("former_targets", "previous target")} ${verb} in use`;
}

/** A list of figures, which are separated by spaces: `CPU, memory or disk`. */
function listed(figures: string): string {
  const names = figures.split(" ").map((figure) => entryOf(FIGURES, figure));
  const last = names.pop() as string;
  return names.length === 0 ? last : `${names.join(", ")} or ${last}`;
}

function subject(a: SentenceArguments): string {
  const rule = a.text("rule");
  return Object.hasOwn(SUBJECTS, rule) ? entryOf(SUBJECTS, rule) : rule;
}

/** The name of a position in a targets file; `workers/3` is the third entry of the workers. */
function position(a: SentenceArguments): string {
  const [first, number, inner, second] = a.text("where").split("/");
  if (number === undefined) return `${first}`;
  if (first === "workers") return `workers, entry ${number}`;
  if (inner === "master") return `group ${number}, master`;
  if (inner !== undefined && second === undefined) throw new Error(inner);
  return inner === undefined ? `group ${number}` : `group ${number}, ${inner} ${second}`;
}

function valued(a: SentenceArguments): string {
  return `${a.text("rule")}: ${a.text("field")} ${a.text("value")}`;
}

function detailsOf(a: SentenceArguments): readonly [string, string] {
  return entryOf(DETAILS, a.text("rule"));
}
