/** French texts of the search. */

import type { SearchWording } from "./search_en.ts";

export const SEARCH_FR: SearchWording = {
  badTerm: (term, position, reason, applied) =>
    `${term} (caractère ${position})\u00a0: ${reason} ` +
    (applied === "" ? "La page montre tout." : `La page montre encore le résultat de ${applied}.`),
  reasons: {
    quote_open: () => "le guillemet fermant manque.",
    nothing_negated: () => "un terme suit le signe moins, comme dans -rack:a.",
    measure_missing: () =>
      "une mesure précède la comparaison, comme dans temp>70. Des guillemets cherchent le caractère lui-même.",
    measure_unknown: (name) =>
      `aucune mesure ne s'appelle ${name}. Les mesures sont cpu, mem, disk, temp, load, swap, iowait ` +
      "et celles de l'aide.",
    number_expected: (text) =>
      text === ""
        ? "un nombre suit la comparaison, comme dans temp>70."
        : `${text} n'est pas un nombre, comme 70 ou 0.5 (avec un point).`,
    value_missing: (key) => `une valeur suit le deux-points, comme dans ${key}:a ou ${key}:*.`,
    alternative_missing: () => "une valeur manque à côté de la virgule.",
    alternative_with_key: (alternative) =>
      `toutes les alternatives d'un terme ont la même clé. Écrivez ${alternative} comme un terme à part, ` +
      "ou entre guillemets.",
    colon_expected: (term) => `les étiquettes et les noms prennent un deux-points\u00a0: ${term}.`,
    colon_before_comparison: (term) => `une comparaison ne prend pas de deux-points\u00a0: ${term}.`,
    quotes_expected: () => "un mot avec < ou > doit être entre guillemets.",
    value_unknown: (key, allowed) => `${key} vaut ${allowed.slice(0, -1).join(", ")} ou ${allowed.at(-1)}.`,
    measure_of_alerts: (name) => `les alertes n'ont pas de mesures, donc cette page ne peut pas comparer ${name}.`,
    key_of_nodes: (key) => `les alertes n'ont pas de ${key}. Une étiquette de ce nom s'écrit labels.${key}:…`,
    key_of_alerts: (key) => `seules les alertes ont ${key}. Une étiquette de ce nom s'écrit labels.${key}:…`,
  },
};
