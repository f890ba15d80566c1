/** What the collector says of files that it cannot use, in French: targets, rules, and those that an exporter needs. */

import type { Rule } from "./rules_fr.ts";
import { firstThatFits } from "./rules_fr.ts";

/** What stands around a text that has a meaning of its own; stripped from outside to inside. */
const AROUND: readonly Rule[] = [
  [/^(.+), in line (\d+)$/s, (what, line) => `${fileProblem(what)}, à la ligne ${line}`],
  [/^workers, entry (\d+): (.+)$/s, (number, what) => `workers, entrée ${number}\u00a0: ${fileProblem(what)}`],
  [/^group (\d+), target (\d+): (.+)$/s, (group, number, what) => `groupe ${group}, cible ${number}\u00a0: ${fileProblem(what)}`],
  [/^group (\d+), label __scheme__: (.+)$/s, (group, what) => `groupe ${group}, étiquette __scheme__\u00a0: ${fileProblem(what)}`],
  [/^group (\d+): (.+)$/s, (group, what) => `groupe ${group}\u00a0: ${fileProblem(what)}`],
  [/^together with the other targets files, (.+)$/s, (what) => `avec les autres fichiers de cibles, ${fileProblem(what)}`],
  // `master`, or the name of a rule; `insecure: true` begins a problem.
  [/^(?!insecure: )([a-z][a-z_]*): (.+)$/s, (where, what) => `${where}\u00a0: ${fileProblem(what)}`],
];

const IPV6 = '(une adresse IPv6 veut des guillemets, comme "[fd00::6]:9100")';

const PROBLEMS: readonly Rule[] = [
  // The text of the file.
  [/^not YAML: (.+?) in line (\d+)( \(.*)?$/s, (why, line, hint) => `ce n'est pas du YAML\u00a0: ${why}, à la ligne ${line}${hint && ` ${IPV6}`}`],
  [/^not YAML: (.+)$/s, (why) => `ce n'est pas du YAML\u00a0: ${why}`],
  [/^a directive \(%NAME\) is not read here$/, () => "une directive (%NOM) n'est pas lue ici"],
  [/^an alias \(\*name\) is not read here$/, () => "un alias (*nom) n'est pas lu ici"],
  [/^an anchor \(&name\) is not read here$/, () => "une ancre (&nom) n'est pas lue ici"],
  [/^a tag \(!name\) is not read here$/, () => "une étiquette (!nom) n'est pas lue ici"],
  [/^more than (\d+) lists and mappings .*$/, (limit) => `plus de ${limit} listes et dictionnaires l'un dans l'autre ne sont pas lus`],
  [/^a text of more than (\d+) characters needs quotes$/, (limit) => `un texte de plus de ${limit} caractères veut des guillemets`],
  [/^more than (\d+) values are not read$/, (limit) => `plus de ${limit} valeurs ne sont pas lues`],
  [/^it is not a file$/, () => "ce n'est pas un fichier"],
  [/^it is not UTF-8 text$/, () => "ce n'est pas du texte en UTF-8"],
  [/^it is longer than (.+)$/, (limit) => `il dépasse ${limit}`],
  [/^it cannot be read \((.+)\)$/, (why) => `il ne peut être lu (${why})`],
  [/^there is no such file$/, () => "il n'est pas là"],

  // Targets.
  [/^it lists no nodes any more; .*$/, () => "il ne liste plus aucun nœud\u00a0; si c'est voulu, écrivez workers: []"],
  [/^it must say workers: .*$/, () => "il doit dire workers: [hôte, hôte:port, …] et master: hôte"],
  [/^simulated is true or false, not (.+)$/s, (given) => `simulated est true ou false, pas ${given}`],
  [/^workers must be a list, for instance: (.+)$/, (example) => `workers doit être une liste, par exemple\u00a0: ${example}`],
  [/^(.+) is none of its keys \(did you mean (\S+)\?\)$/s, (key, like) => `${key} n'est pas une de ses clés (est-ce ${like}\u00a0?)`],
  [/^it has neither workers nor master, but (.+)$/s, (key) => `il n'a ni workers ni master, mais ${key}`],
  [/^(.+) is none of its fields \(did you mean (\S+)\?\)$/s, (field, like) => `${field} n'est pas un de ses champs (est-ce ${like}\u00a0?)`],
  [
    /^(.+) is none of its fields \(write (.+?)( beside host)?\)$/s,
    (field, ours, beside) =>
      `${field} n'est pas un de ses champs (écrivez ${ours.replace(" and ", " et ").replace(" or ", " ou ")}${beside && " à côté de host"})`,
  ],
  [/^(.+) is none of its fields, which are (.+)$/s, (field, fields) => `${field} n'est pas un de ses champs, qui sont ${fields}`],
  [/^host is missing .*$/, () => "il manque host (hôte ou hôte:port)"],
  [/^local is this machine, .*$/, () => "local est cette machine, qui est lue sans HTTP\u00a0; écrivez plutôt son hôte:port"],
  [/^(.+) must say targets: .*$/s, (told) => `${told.replace(/^one with /, "un groupe avec ")} doit dire targets: [hôte:port, …], et labels tout au plus`],
  [/^(.+) is a list \(.*$/s, (text) => `${text} est une liste ${IPV6}`],
  [/^it has fields where a host is to be$/, () => "il a des champs là où doit être un hôte"],
  [/^(.+) is not a host \(.*$/s, (text) => `${text} n'est pas un hôte (un texte fait de chiffres veut des guillemets)`],
  [/^(.+) is not a host or host:port$/s, (text) => `${text} n'est ni un hôte, ni hôte:port`],
  [
    /^(.+) is a URL, write (.+)$/s,
    (text, how) => `${text} est une URL, écrivez ${how === "host or host:port" ? "hôte ou hôte:port" : how}`,
  ],
  [/^(.+) is not an IPv6 address in brackets, as in (.+)$/s, (text, example) => `${text} n'est pas une adresse IPv6 entre crochets, comme ${example}`],
  [
    /^(.+) is not an IPv4 address, .* as in (.+)$/s,
    (text, example) => `${text} n'est pas une adresse IPv4, faite de quatre nombres de 0 à 255, comme ${example}`,
  ],
  [/^(.+) is not the address of one machine$/s, (text) => `${text} n'est pas l'adresse d'une machine`],
  [/^(.+) needs the interface that leads there, as in (.+)$/s, (text, example) => `${text} veut l'interface qui y mène, comme ${example}`],
  [/^(.+) has no valid port \(1 to 65535\)$/s, (text) => `${text} n'a pas de port valide (de 1 à 65535)`],
  [/^(\d+) targets are more than the (\d+) .*$/, (count, limit) => `${count} cibles sont plus que les ${limit} qu'un collecteur prend`],
  [/^names and addresses take (\d+) bytes, more than the (\d+) .*$/, (size, limit) => `noms et adresses prennent ${size} octets, plus que les ${limit} d'un message`],
  [/^(.+) has two names: (.+) and (.+)$/s, (address, one, other) => `${address} a deux noms\u00a0: ${one} et ${other}`],
  [/^(.+) is to be asked in two ways: .*$/s, (address) => `${address} serait interrogée de deux façons\u00a0: scheme, fichiers ou d'autres champs diffèrent`],
  [/^the name (.+) is given to (\d+) nodes$/s, (name, count) => `le nom ${name} est donné à ${count} nœuds`],
  [/^(.+) has no name left: (.+) is given to another node$/s, (address, name) => `il ne reste pas de nom à ${address}\u00a0: ${name} est donné à un autre nœud`],

  // How an exporter is asked.
  [/^(\S+) is http or https, not (.+)$/s, (name, value) => `${name} est http ou https, pas ${value}`],
  [/^(\S+) is true or false$/, (name) => `${name} est true ou false`],
  [/^(\S+) must not contain a colon$/, (name) => `${name} ne doit pas contenir de deux-points`],
  [/^(\S+) is not the name of a host$/, (name) => `${name} n'est pas le nom d'un hôte`],
  [/^(\S+) is not the path of a file$/, (name) => `${name} n'est pas le chemin d'un fichier`],
  [/^(\S+) must not leave (\S+) by \.\.$/, (name, folder) => `${name} ne doit pas sortir de ${folder} par ..`],
  [/^(\S+) needs scheme: http and credentials$/, (name) => `${name} veut scheme: http et des identifiants`],
  [/^(\S+) needs scheme: https$/, (name) => `${name} veut scheme: https`],
  [/^(\S+) and (\S+) go together$/, (one, other) => `${one} et ${other} vont ensemble`],
  [/^(\S+) and (\S+) exclude each other$/, (one, other) => `${one} et ${other} s'excluent`],
  [
    /^insecure: true sends credentials .*$/,
    () => "insecure: true enverrait les identifiants à qui répond, les deux s'excluent donc\u00a0; mettez plutôt ca_file",
  ],
  [
    /^credentials over plain HTTP .*$/,
    () =>
      "en HTTP simple, les identifiants se lisent en chemin\u00a0; mettez scheme: https, ou credentials_over_http: true si c'est voulu",
  ],

  // Rules.
  [/^it must say rule: \{field: value\}, for instance: (.+)$/, (example) => `il doit dire règle: {champ: valeur}, par exemple\u00a0: ${example}`],
  [/^(.+) is no rule; there are (.+)$/s, (name, names) => `${name} n'est pas une règle\u00a0; il y a ${names}`],
  [/^(.+) must say field: value, for instance: (.+)$/s, (text, example) => `${text} doit dire champ: valeur, par exemple\u00a0: ${example}`],
  [/^clear (\S+) must not be above threshold (\S+)$/, (clear, threshold) => `clear ${clear} ne doit pas dépasser threshold ${threshold}`],
  [/^(.+) must be true or false$/s, (text) => `${text} doit être true ou false`],
  [/^(.+) must be one of (.+)$/s, (text, known) => `${text} doit être l'un de ${known}`],
  [
    /^(.+) must be a list of (.+?), for instance (.+)$/s,
    (text, things, example) => `${text} doit être une liste ${LISTED[things] ?? `de ${things}`}, par exemple ${example.replace("] or [", "] ou [")}`,
  ],
  [/^(.+) must be up to (\d+) texts of up to (\d+) characters$/s, (text, count, limit) => `${text} doit avoir au plus ${count} textes d'au plus ${limit} caractères`],
  [/^(.+) must be up to (\d+) sensors$/s, (text, count) => `${text} doit avoir au plus ${count} capteurs`],
  [
    /^(.+): each sensor must have a chip, a label or both, for instance (.+)$/s,
    (text, example) => `${text}\u00a0: chaque capteur doit avoir chip, label ou les deux, par exemple ${example.replace("] or [", "] ou [")}`,
  ],
  [/^(.+) must be a text of up to (\d+) characters$/s, (text, limit) => `${text.replace(/: (?=[^:]*$)/, "\u00a0: ")} doit être un texte d'au plus ${limit} caractères`],
  [/^(.+) is not a text of up to (\d+) printable characters$/s, (text, limit) => `${text} n'est pas un texte d'au plus ${limit} caractères imprimables`],
  [/^(.+) must be a number from (\S+) to (\S+)$/s, (text, low, high) => `${text} doit être un nombre de ${low === "-inf" ? "moins l'infini" : low} à ${high}`],

  // Files below COLLECTOR_CREDENTIALS_DIR.
  [/^(\S+) needs COLLECTOR_CREDENTIALS_DIR, .*$/, (what) => `${what} veut COLLECTOR_CREDENTIALS_DIR, qui n'est pas défini`],
  [/^COLLECTOR_CREDENTIALS_DIR is not there$/, () => "le dossier COLLECTOR_CREDENTIALS_DIR n'est pas là"],
  [/^COLLECTOR_CREDENTIALS_DIR is no folder$/, () => "COLLECTOR_CREDENTIALS_DIR n'est pas un dossier"],
  [/^(\S+) leads out of COLLECTOR_CREDENTIALS_DIR$/, (what) => `${what} mène hors de COLLECTOR_CREDENTIALS_DIR`],
  [/^(\S+) is not in COLLECTOR_CREDENTIALS_DIR$/, (what) => `${what} n'est pas dans COLLECTOR_CREDENTIALS_DIR`],
  [/^(\S+) cannot be read(.*)$/s, (what, why) => `${what} ne peut être lu${why}`],
  [/^(\S+) is not a file$/, (what) => `${what} n'est pas un fichier`],
  [/^(\S+) is empty$/, (what) => `${what} est vide`],
  [/^(\S+) is longer than (\d+) (bytes|KiB)$/, (what, limit, unit) => `${what} dépasse ${limit} ${unit === "bytes" ? "octets" : "Kio"}`],
  [/^(\S+) does not hold one token$/, (what) => `${what} ne contient pas un seul jeton`],
  [/^(\S+) does not hold one password$/, (what) => `${what} ne contient pas un seul mot de passe`],
  [/^(\S+) is no PEM file of certificates$/, (what) => `${what} n'est pas un fichier PEM de certificats`],
];

const LISTED: Readonly<Record<string, string>> = {
  sensors: "de capteurs",
  "mount points": "de points de montage",
  resources: "de ressources",
};

/** `text` in French where its kind is known, else as it is. */
export function fileProblem(text: string): string {
  return firstThatFits(AROUND, text) ?? firstThatFits(PROBLEMS, text) ?? text;
}
