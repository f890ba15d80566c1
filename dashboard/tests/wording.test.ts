import assert from "node:assert/strict";
import test from "node:test";
import type { Alert, Arguments, Coded } from "../src/contract.ts";
import { errorText, issueTexts, messageText, messageWithoutNode } from "../src/message_texts.ts";
import { en } from "../src/wording/en.ts";
import { fr } from "../src/wording/fr.ts";
import { SENTENCES_EN } from "../src/wording/sentences_en.ts";
import { SENTENCES_FR } from "../src/wording/sentences_fr.ts";
import { wordFor } from "../src/wording.ts";
import { ALERTS, CODES, HEALTH, SNAPSHOT } from "./golden.ts";

/** Return every text and function of a wording, by its path. */
function leaves(words: object, path = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(words)) {
    if (typeof value === "object") for (const [below, leaf] of leaves(value, `${path}${name}.`)) found.set(below, leaf);
    else found.set(`${path}${name}`, value);
  }
  return found;
}

test("both languages have the same keys", () => {
  assert.deepEqual([...leaves(fr).keys()], [...leaves(en).keys()]);
});

test("French has a no-break space before punctuation", () => {
  for (const [name, value] of leaves(fr)) {
    if (typeof value === "string") assert.doesNotMatch(value, / [:;?!]|[a-zé][:;?!](?!\/)/, name);
  }
});

test("each language has a sentence for exactly the collector's codes", () => {
  const codes = new Set(CODES.map(({ code }) => code));
  for (const catalogue of [SENTENCES_EN, SENTENCES_FR]) {
    assert.deepEqual([...Object.keys(catalogue.sentences)].sort(), [...codes].sort(), catalogue.language);
  }
});

for (const { code, args, text } of CODES) {
  test(`${code} has the collector's English sentence: ${text}`, () => {
    // A page keeps a number and its unit on one line.
    assert.equal(en.sentence({ code, args }, "").replaceAll("\u00a0", " "), text);
  });

  test(`${code} has a French sentence with the same names: ${text}`, () => {
    const french = fr.sentence({ code, args }, "");

    assert.notEqual(french, "");
    assert.notEqual(french, text);
    assert.doesNotMatch(french, /undefined|null(?!,|\])|NaN|\[object/);
    for (const word of names(args)) assert.ok(french.includes(word), `${word} in ${french}`);
  });
}

/** Return the arguments that are the same in every language. */
function names(args: Arguments): string[] {
  return ["node", "mountpoint", "sensor", "path", "address", "value"]
    .map((name) => args[name])
    .filter((value) => typeof value === "string");
}

test("numbers and their nouns follow the language", () => {
  const clock: Coded = { code: "clock_ahead", args: { node: "a", seconds: 12345.5 } };
  assert.equal(en.sentence(clock, ""), "a: the clock is 12,345.5\u00a0s ahead of the collector's");
  assert.equal(fr.sentence(clock, ""), "a\u00a0: l'horloge avance de 12\u202f345,5\u00a0s sur celle du collecteur");
  const left = (count: number): Coded => ({ code: "alerts_left_out", args: { count } });
  assert.match(en.sentence(left(1), ""), /^1 alert is missing/);
  assert.match(en.sentence(left(2), ""), /^2 alerts are missing/);
  assert.match(fr.sentence(left(1), ""), /^1 alerte manque dans/);
  assert.match(fr.sentence(left(2), ""), /^2 alertes manquent dans/);
  assert.match(fr.sentence({ code: "page_too_long", args: { limit_bytes: 8 * 2 ** 20 } }, ""), /8\u00a0Mio$/);
});

test("the text is used when its code is missing, unknown or has other arguments", () => {
  const text = "node7 is upside down";
  const nested: Coded = { code: "node_offline", args: { node: "a", why: { code: "later", args: {} } } };
  const unknown: (Coded | null | undefined)[] = [
    null,
    undefined,
    { code: "upside_down", args: { node: "node7" } },
    { code: "constructor", args: {} },
    { code: "cpu_high", args: { node: "node7" } },
    { code: "cpu_high", args: { node: "node7", percent: "high" } },
    { code: "cpu_high", args: { node: null, percent: 99 } },
    { code: "figures_missing", args: { node: "node7", figures: "gpu", why: null } },
    { code: "entry_without_host", args: { where: "group/1/later" } },
    nested,
    { code: "node_offline", args: { node: "a", why: { code: "node_offline", args: { node: "b", why: nested } } } },
  ];
  for (const coded of unknown) {
    for (const words of [en, fr]) assert.equal(words.sentence(coded, text), text, JSON.stringify(coded));
  }
});

test("a rule named like a property of objects is shown as its name", () => {
  const untold: Coded = { code: "measure_untold", args: { node: "node7", rule: "constructor" } };
  assert.equal(en.sentence(untold, ""), "node7 no longer reports constructor");
  assert.equal(fr.sentence(untold, ""), "node7 n'indique plus constructor");
});

test("a message next to its node's name omits the name", () => {
  const full = { node: "pi: a", code: "cpu_high", args: { node: "pi: a", percent: 99 }, message: "" };
  assert.equal(messageWithoutNode(full), "CPU is at 99\u00a0%");
  const shortened = (node: string | null, message: string): string => messageWithoutNode({ node, message });
  assert.equal(shortened("pi", "pi\u00a0: CPU à 99\u00a0%"), "CPU à 99\u00a0%");
  assert.equal(shortened("pi", "pi is online again"), "online again");
  assert.equal(shortened("pi", "pi is offline: no answer"), "offline: no answer");
  assert.equal(shortened("pi", "pi est hors ligne\u00a0: pas de réponse"), "hors ligne\u00a0: pas de réponse");
  assert.equal(shortened("pi", "pi n'est plus une cible"), "n'est plus une cible");
  assert.equal(shortened("pi", "pi2 is offline"), "pi2 is offline");
  assert.equal(shortened("pi", "other: CPU"), "other: CPU");
  assert.equal(shortened("", ": x"), ": x");
  assert.equal(shortened(null, "the alert log starts here"), "the alert log starts here");
});

test("messages of the golden examples use their codes, and messages without codes use their texts", () => {
  const [alert] = ALERTS.active_alerts as [Alert];
  const { code: _, args: __, ...older } = alert;
  const changed = { ...alert, message: "other words" };
  assert.equal(messageText(changed).replaceAll("\u00a0", " "), alert.message);
  assert.equal(messageText({ ...older, message: "other words" }), "other words");
  assert.deepEqual(issueTexts({ ...HEALTH, issues: ["other words"] }), HEALTH.issues);
  assert.deepEqual(issueTexts({ issues: ["a", "b"] }), ["a", "b"]);
  const offline = SNAPSHOT.nodes.find((node) => node.status === "offline")!;
  assert.equal(errorText({ ...offline, error: "other words" }), offline.error);
  assert.equal(errorText({ error: "other words" }), "other words");
  assert.equal(errorText({ error: null, error_coded: null }), "");
});

test("a word of a later release is shown unchanged", () => {
  assert.equal(wordFor(en.transition, "resolved"), "Resolved");
  assert.equal(wordFor(en.transition, "silenced"), "silenced");
  assert.equal(wordFor(en.transition, "constructor"), "constructor");
});
