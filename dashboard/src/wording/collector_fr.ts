/** The collector's own texts in French: messages of alerts, why a node is offline, issues of the health. */

import { fileProblem } from "./files_fr.ts";
import type { Rule } from "./rules_fr.ts";
import { firstThatFits } from "./rules_fr.ts";

/** `12.5` as French writes it. */
function number(text: string): string {
  return text.replace(".", ",");
}

/** What stands for itself in a text, with what it says in French; the first that fits counts. */
const RULES: readonly Rule[] = [
  [/^(.+) is offline: (.+)$/s, (node, why) => `${node} est hors ligne\u00a0: ${translated(why)}`],
  [/^(.+) is online again$/s, (node) => `${node} est de nouveau en ligne`],
  [/^memory of (.+) is (\S+) % in use$/s, (node, value) => `mémoire de ${node} occupée à ${number(value)}\u00a0%`],
  [
    /^memory of (.+) is down to (\S+) % in use$/s,
    (node, value) => `mémoire de ${node} redescendue à ${number(value)}\u00a0%`,
  ],
  [/^(.+) on (.+) is down to (\S+) % full$/s, (path, node, value) => `${path} de ${node} redescendu à ${number(value)}\u00a0%`],
  [/^(.+) on (.+) is (\S+) % full$/s, (path, node, value) => `${path} de ${node} plein à ${number(value)}\u00a0%`],
  [/^(.+) on (.+) is mounted read-only$/s, (path, node) => `${path} de ${node} est monté en lecture seule`],
  [/^(.+) on (.+) can be written again$/s, (path, node) => `${path} de ${node} est de nouveau inscriptible`],
  [
    /^the clock of (.+) is (\S+) s behind the collector's$/s,
    (node, value) => `l'horloge de ${node} retarde de ${number(value)}\u00a0s sur celle du collecteur`,
  ],
  [
    /^the clock of (.+) is (\S+) s ahead of the collector's$/s,
    (node, value) => `l'horloge de ${node} avance de ${number(value)}\u00a0s sur celle du collecteur`,
  ],
  [/^the clock of (.+) is right to (\S+) s$/s, (node, value) => `l'horloge de ${node} est juste à ${number(value)}\u00a0s près`],
  [/^CPU of (.+) is at (\S+) %$/s, (node, value) => `CPU de ${node} à ${number(value)}\u00a0%`],
  [/^CPU of (.+) is down to (\S+) %$/s, (node, value) => `CPU de ${node} redescendu à ${number(value)}\u00a0%`],
  [
    /^(.+) gets too little voltage, says its sensor (.+)$/s,
    (node, sensor) => `${node} reçoit une tension trop faible, dit son capteur ${sensor}`,
  ],
  [
    /^(.+) gets enough voltage again, says its sensor (.+)$/s,
    (node, sensor) => `${node} reçoit de nouveau une tension suffisante, dit son capteur ${sensor}`,
  ],
  [
    /^the sensor (.+) of (.+) raises its critical alarm$/s,
    (sensor, node) => `le capteur ${sensor} de ${node} donne son alarme critique`,
  ],
  [
    /^the critical alarm of the sensor (.+) of (.+) is over$/s,
    (sensor, node) => `l'alarme critique du capteur ${sensor} de ${node} est terminée`,
  ],
  [/^swap of (.+) is (\S+) % in use$/s, (node, value) => `swap de ${node} occupé à ${number(value)}\u00a0%`],
  [
    /^swap of (.+) is down to (\S+) % in use$/s,
    (node, value) => `swap de ${node} redescendu à ${number(value)}\u00a0%`,
  ],
  [
    /^tasks on (.+) wait (\S+) % of the time for (.+)$/s,
    (node, value, resource) =>
      `des tâches de ${node} attendent ${resourceName(resource)} ${number(value)}\u00a0% du temps`,
  ],
  [
    /^tasks on (.+) wait only (\S+) % of the time for (.+)$/s,
    (node, value, resource) =>
      `des tâches de ${node} n'attendent ${resourceName(resource)} que ${number(value)}\u00a0% du temps`,
  ],
  [/^(.+) is down to (\S+) °C$/s, (node, value) => `${node} redescendu à ${number(value)}\u00a0°C`],
  [/^(.+) is at (\S+) °C$/s, (node, value) => `${node} est à ${number(value)}\u00a0°C`],
  [/^(.+) is not a target any more$/s, (node) => `${node} n'est plus une cible`],
  [/^the rule (.+) is switched off$/s, (rule) => `la règle ${rule} est désactivée`],
  [/^the rule (.+) is not known to this collector$/s, (rule) => `la règle ${rule} est inconnue de ce collecteur`],
  [/^(.+) does not tell its (.+) any more$/s, (node, rule) => `${node} ne donne plus sa mesure ${rule}`],
  [/^(.+) on (.+) is left out of the rule$/s, (path, node) => `${path} de ${node} est exclu de la règle`],
  [/^(.+) on (.+) is not mounted any more$/s, (path, node) => `${path} de ${node} n'est plus monté`],
  [/^the alert log starts here$/, () => "le journal des alertes commence ici"],
  [/^name not found(.*)$/s, (rest) => `nom introuvable${waited(rest)}`],
  [/^no answer(.*)$/s, (rest) => `pas de réponse${waited(rest)}`],
  [/^connection refused$/, () => "connexion refusée"],
  [/^connection reset$/, () => "connexion coupée par le nœud"],
  [/^no route to host$/, () => "aucune route vers le nœud"],
  [/^network unreachable$/, () => "réseau inaccessible"],
  [/^host is down$/, () => "le nœud est éteint"],
  [
    /^connection closed without an answer(.*)$/s,
    (rest) => `connexion fermée sans réponse${rest && " (il veut peut-être un certificat de client, et il n'y en a pas)"}`,
  ],
  [/^connection lost(.*)$/s, (rest) => `connexion perdue${rest}`],
  [/^cannot be read(.*)$/s, (rest) => `lecture impossible${rest.replace(/^: /, "\u00a0: ")}`],
  [/^answer is not valid(.*)$/s, (rest) => `réponse invalide${rest}`],
  [/^answer is compressed in a way that is not read (.*)$/s, () => "réponse compressée d'une façon qui n'est pas lue (gzip et deflate le sont)"],
  [/^speaks HTTPS (.*)$/s, () => "parle HTTPS (il manque scheme: https)"],
  [/^speaks no HTTPS (.*)$/s, () => "ne parle pas HTTPS (est-ce du HTTP\u00a0? alors ôtez scheme: https)"],
  [/^certificate has expired$/, () => "le certificat a expiré"],
  [/^certificate is not valid yet$/, () => "le certificat n'est pas encore valable"],
  [/^certificate is not valid (.+)$/s, (rest) => `certificat invalide ${rest}`],
  [/^certificate is for another name than (.+)$/s, (name) => `le certificat est pour un autre nom que ${name}`],
  [/^certificate is signed by no CA of ca_file$/, () => "le certificat n'est signé par aucune autorité de ca_file"],
  [/^certificate is signed by no CA of the system (.*)$/s, () => "le certificat n'est signé par aucune autorité du système (mettez ca_file)"],
  [/^TLS fails (.+)$/s, (rest) => `TLS échoue ${rest}`],
  [/^it cannot be asked (.+)$/s, (rest) => `il ne peut être interrogé ${rest}`],
  [/^nothing was asked: (.+)$/s, (why) => `rien n'a été demandé\u00a0: ${fileProblem(why)}`],
  [/^HTTP (\d+) to another address, which is not asked$/, (status) => `code HTTP ${status} vers une autre adresse, qui n'est pas interrogée`],
  [/^HTTP (\d+) twice, and one redirect is followed$/, (status) => `deux fois le code HTTP ${status}, et une redirection est suivie`],
  [/^HTTP 401: it wants (.+)$/s, () => "code HTTP 401\u00a0: il veut un mot de passe ou un jeton, et nodes.yaml n'en nomme pas"],
  [
    /^HTTP 401: (.+) is wrong$/s,
    (what) => `code HTTP 401\u00a0: ${what === "the token" ? "le jeton" : "le nom d'utilisateur ou le mot de passe"} est faux`,
  ],
  [/^HTTP 403: (.+)$/s, () => "code HTTP 403\u00a0: lecture interdite avec ces identifiants"],
  [
    /^(.+) tells nothing of its (\S+): that collector of its exporter hangs(.*)$/s,
    (node, collector, rest) =>
      `${node} ne dit rien de ${collector}\u00a0: ce collecteur de son exportateur ne répond pas` +
      `${rest && " (souvent un montage dont le serveur est absent)"}`,
  ],
  [/^cannot connect(.*)$/s, (rest) => `connexion impossible${rest}`],
  [/^answer ended early$/, () => "réponse incomplète"],
  [/^answer is not HTTP$/, () => "la réponse n'est pas du HTTP"],
  [/^HTTP (\d+)$/, (status) => `code HTTP ${status}`],
  [/^not a node_exporter page$/, () => "ce n'est pas une page de node_exporter"],
  [/^page is damaged$/, () => "la page est abîmée"],
  [/^page is longer than (.+)$/s, (limit) => `la page dépasse ${limit}`],
  [/^head of the answer is longer than (.+)$/s, (limit) => `l'en-tête de la réponse dépasse ${limit}`],
  [/^page has more than (\S+) series$/, (limit) => `la page a plus de ${limit} séries`],
  [/^page has more values than there is memory for$/, () => "la page a trop de valeurs pour la mémoire du collecteur"],
  [/^page of more than (.+?) did not end(.*)$/s, (size, rest) => `la page, de plus de ${size}, n'est pas arrivée entière${waited(rest)}`],
  [
    /^The DNS name (.+) cannot be looked up, its former (\d+) targets stay: (.+)$/s,
    (name, count, why) => `Le nom DNS ${name} est introuvable, ses ${count} cibles connues restent\u00a0: ${translated(why)}`,
  ],
  [
    /^The DNS name (.+) cannot be looked up: (.+)$/s,
    (name, why) => `Le nom DNS ${name} est introuvable\u00a0: ${translated(why)}`,
  ],
  [/^The DNS name (.+) has no address$/s, (name) => `Le nom DNS ${name} n'a aucune adresse`],
  [
    /^The targets files (.+) cannot be looked for, the former ones stay: (.+)$/s,
    (path, why) => `Les fichiers de cibles ${path} ne peuvent être cherchés, ceux d'avant restent\u00a0: ${fileProblem(why)}`,
  ],
  [/^No file matches (.+)$/s, (path) => `Aucun fichier ne correspond à ${path}`],
  [
    /^(\d+) discovered targets are left out: one collector takes (\d+) targets$/,
    (count, limit) => `${count} cibles découvertes sont laissées de côté\u00a0: un collecteur en prend ${limit}`,
  ],
  [
    /^The disk of (.+) is full: (\S+) MB are free, and Redis needs (\S+) MB to save its data\. What it holds .*$/s,
    (folder, free, needed) =>
      `Le disque de ${folder} est plein\u00a0: ${number(free)} Mo sont libres, et il en faut ${number(needed)} à Redis pour ` +
      "enregistrer ses données. Ce qu'il contient depuis son dernier enregistrement est perdu quand il s'arrête",
  ],
  [
    /^No targets: list your nodes in (.+), for instance: (.+)\. On each of them, install the exporter with: (.+)$/s,
    (path, example, command) =>
      `Aucune cible\u00a0: listez vos nœuds dans ${path}, par exemple\u00a0: ${example}. ` +
      `Sur chacun, installez l'exportateur\u00a0: ${command}`,
  ],
  [
    /^No node answers: install the exporter on each node with: (.+) \(targets are in (.+)\)$/s,
    (command, path) =>
      `Aucun nœud ne répond\u00a0: installez l'exportateur sur chaque nœud\u00a0: ${command} (les cibles sont dans ${path})`,
  ],
  [
    /^The targets file (.+?) is not valid(?:, the former (\d+) targets stay)?: (.+)$/s,
    (path, count, why) =>
      `Le fichier des cibles ${path} n'est pas valide${count && `, les ${count} cibles d'avant restent`}\u00a0: ${fileProblem(why)}`,
  ],
  [
    /^The rules file (.+?) is not valid, the former rules stay: (.+)$/s,
    (path, why) => `Le fichier des règles ${path} n'est pas valide, les règles d'avant restent\u00a0: ${fileProblem(why)}`,
  ],
  [/^… and (\d+) more$/, (count) => `… et ${count} de plus`],
];

/** `text` in French where its kind is known, else as it is. */
export function translated(text: string): string {
  return firstThatFits(RULES, text) ?? text;
}

function resourceName(text: string): string {
  return text === "memory" ? "la mémoire" : text === "a disk" ? "un disque" : text;
}

function waited(rest: string): string {
  return rest.replace(/^ (?:with)?in (\S+) s$/, (_, seconds: string) => ` en ${number(seconds)}\u00a0s`);
}
