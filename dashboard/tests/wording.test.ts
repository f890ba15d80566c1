import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { translated } from "../src/wording/collector_fr.ts";
import { en } from "../src/wording/en.ts";
import { fr } from "../src/wording/fr.ts";
import { wordFor } from "../src/wording.ts";
import { ALERTS, HEALTH } from "./golden.ts";

/** Every text and function in a wording, by its path. */
function leaves(words: object, path = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(words)) {
    if (typeof value === "object") for (const [below, leaf] of leaves(value, `${path}${name}.`)) found.set(below, leaf);
    else found.set(`${path}${name}`, value);
  }
  return found;
}

test("both languages say the same things", () => {
  assert.deepEqual([...leaves(fr).keys()], [...leaves(en).keys()]);
});

test("French has a no-break space before what English writes close", () => {
  for (const [name, value] of leaves(fr)) {
    if (typeof value === "string") assert.doesNotMatch(value, / [:;?!]|[a-zé][:;?!](?!\/)/, name);
  }
});

test("texts of the collector in the golden examples are known in French", () => {
  const texts = [
    ...ALERTS.active_alerts.map((alert) => alert.message),
    ...ALERTS.entries.map((entry) => entry.message),
    ...HEALTH.issues,
  ];
  assert.ok(texts.length > 0);
  for (const text of texts) assert.notEqual(translated(text), text);
});

test("every text that the collector's sources hold is known in French", () => {
  const folder = join(import.meta.dirname, "../../services/collector");
  const samples: Readonly<Record<string, string>> = { value: "81.5", path: "/etc/x", error: "bad", len: "3" };
  const found: string[] = [];
  for (const file of ["conditions.py", "evaluate.py", "scrape.py", "fetch.py", "tls.py", "health.py", "local.py", "targets_file.py", "rules_file.py"]) {
    const source = readFileSync(join(folder, file), "utf8");
    const patterns = [/(?:return|replace\(.*,|_resolved\(.*,|problem =) f"([^"]+)"/g, /ScrapeFailed\("\w+", f?"([^"]+)"/g, /E\w+: "([^"]+)",/g];
    for (const pattern of patterns) for (const [, text] of source.matchAll(pattern)) found.push(text as string);
  }
  const texts = found
    .map((text) => text.replaceAll(/\{([^}]*)\}/g, (_, name: string) => samples[name.split(/[.( ]/)[0] as string] ?? "x"))
    // Those whose words an expression chooses are among the examples below.
    .filter((text) => text.includes(" ") && !/ s x the| is x$|^HTTP x| validx/.test(text));
  assert.ok(texts.length > 25, `${texts.length}`);
  for (const text of texts) assert.notEqual(translated(text), text, text);
});

test("every text about a file that the collector's sources hold is French to its end", () => {
  const folder = join(import.meta.dirname, "../../services/collector");
  const parts: Readonly<Record<string, string>> = {
    name: "ca_file",
    what: "ca_file",
    "rule.name": "memory",
    how: "host or host:port",
    "_instead_of(field)": " (did you mean host?)",
    details: "sensors",
    example: "for instance [a]",
  };
  /** A Python text as it may read: a number where one is meant, some value elsewhere. */
  const filled = (text: string, where: string): string =>
    text
      .replaceAll(/(?<!\{)\{([^{}]+)\}(?!\})/g, (_, part: string) =>
        part === "where" ? where : (parts[part] ?? (/LIMIT|LENGTH|BYTES|len|count|size|line|:g/.test(part) ? "7" : "'x'")),
      )
      .replaceAll(/([{}])\1/g, "$1");
  const sources = ["credentials", "file_sd", "http_options", "nodes_yaml", "rules", "target_entries", "targets", "targets_file", "tls", "yaml_text"];
  const texts = sources.flatMap((name) => {
    const source = readFileSync(join(folder, `${name}.py`), "utf8");
    const raised = source.matchAll(/(?:(?:Targets|Rules|Credentials)Error|RefusedYaml|_refuse)\((?:event, )?(f?)(["'])(.+)\2\)/g);
    const reasons = name === "http_options" ? source.matchAll(/return (f?)(["'])(.+ .+)\2/g) : [];
    const where = name === "rules" ? "memory: ignore 'x'" : "workers, entry 2";
    return [...raised, ...reasons]
      .map(([, isFilled, , text]) => (isFilled ? filled(text as string, where) : (text as string)));
  });
  assert.ok(texts.length > 55, `${texts.length}`);
  for (const text of texts) {
    const french = translated(`The targets file /n.yaml is not valid: ${text}`);
    assert.doesNotMatch(french, /\b(?:is|are|be|must|does|not|no|the|of|which|needs|cannot|has|write|more|read|and|together|entry|than|given|leads|lists)\b/, french);
  }
});

test("a problem of a file says in French where it is, what it is and what stays", () => {
  const file = (why: string) => translated(`The targets file /is not valid: a.yaml is not valid, the former 3 targets stay: ${why}`);
  const said = "n'est pas valide, les 3 cibles d'avant restent\u00a0:";
  assert.ok(file("workers, entry 4: 'sheme' is none of its fields (did you mean scheme?), in line 6").endsWith(
    `${said} workers, entrée 4\u00a0: 'sheme' n'est pas un de ses champs (est-ce scheme\u00a0?), à la ligne 6`));
  assert.ok(file("workers, entry 1: 'basic_auth' is none of its fields (write username and password_file beside host), in line 1").endsWith(
    "'basic_auth' n'est pas un de ses champs (écrivez username et password_file à côté de host), à la ligne 1"));
  assert.match(file("together with the other targets files, the name 'a' is given to 2 nodes"), /autres fichiers de cibles, le nom 'a' est donné à 2 nœuds$/);
  assert.match(file('not YAML: did not find expected key in line 3 (an IPv6 address needs quotes, as in "[fd00::6]:9100")'), /did not find expected key, à la ligne 3 \(une adresse/);
  assert.equal(
    translated("a is offline: nothing was asked: password_file is not in COLLECTOR_CREDENTIALS_DIR"),
    "a est hors ligne\u00a0: rien n'a été demandé\u00a0: password_file n'est pas dans COLLECTOR_CREDENTIALS_DIR",
  );
  assert.equal(
    translated("The rules file /r is not valid, the former rules stay: temperature: ignore_sensors 'x' must be a list of sensors, for instance [{chip: a}] or [a/b]"),
    "Le fichier des règles /r n'est pas valide, les règles d'avant restent\u00a0: temperature\u00a0: ignore_sensors 'x' doit être une liste de capteurs, par exemple [{chip: a}] ou [a/b]",
  );
  assert.match(file("something new"), /: something new$/);
});

test("parts of a text keep their meaning, and an unknown text stays", () => {
  assert.equal(translated("node5.lan is at 81.5 °C"), "node5.lan est à 81,5\u00a0°C");
  assert.equal(translated("/mnt/a on b on node5 is 91.0 % full"), "/mnt/a on b de node5 plein à 91,0\u00a0%");
  assert.equal(translated("n is offline: no answer within 2.5 s"), "n est hors ligne\u00a0: pas de réponse en 2,5\u00a0s");
  assert.equal(
    translated("page of more than 128 KiB did not end within 2.5 s"),
    "la page, de plus de 128 KiB, n'est pas arrivée entière en 2,5\u00a0s",
  );
  assert.match(translated("head of the answer is longer than 32 KiB"), /dépasse 32 KiB$/);
  assert.match(translated("the clock of a is 3.5 s behind the collector's"), /retarde de 3,5/);
  assert.match(translated("the clock of a is 3.5 s ahead of the collector's"), /avance de 3,5/);
  assert.equal(translated("/mnt on a is not mounted any more"), "/mnt de a n'est plus monté");
  assert.equal(translated("HTTP 503"), "code HTTP 503");
  assert.equal(translated("a is offline: certificate has expired"), "a est hors ligne\u00a0: le certificat a expiré");
  assert.equal(translated("connection closed without an answer"), "connexion fermée sans réponse");
  assert.match(translated("HTTP 401: the user name or the password is wrong"), /mot de passe est faux$/);
  assert.match(translated("certificate is signed by no CA of the system (set ca_file)"), /du système/);
  assert.match(
    translated("a tells nothing of its filesystem: that collector of its exporter hangs (often a mount …)"),
    /^a ne dit rien de filesystem.*absent\)$/,
  );
  assert.equal(translated("swap of a is 80.0 % in use"), "swap de a occupé à 80,0\u00a0%");
  assert.equal(translated("swap of a is down to 7.5 % in use"), "swap de a redescendu à 7,5\u00a0%");
  assert.equal(
    translated("tasks on a wait 50.0 % of the time for a disk"),
    "des tâches de a attendent un disque 50,0\u00a0% du temps",
  );
  assert.equal(
    translated("tasks on a wait only 3.0 % of the time for memory"),
    "des tâches de a n'attendent la mémoire que 3,0\u00a0% du temps",
  );
  assert.match(translated("a gets too little voltage, says its sensor rpi_volt/in0"), /^a reçoit .* capteur rpi_volt\/in0$/);
  assert.match(translated("The targets file /n.yaml is not valid, the former 3 targets stay: bad"), /n'est pas valide/);
  assert.equal(translated("something new"), "something new");
});

test("a word of a later release stands for itself", () => {
  assert.equal(wordFor(en.transition, "resolved"), "Resolved");
  assert.equal(wordFor(en.transition, "silenced"), "silenced");
  assert.equal(wordFor(en.transition, "constructor"), "constructor");
});
