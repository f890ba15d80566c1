/** The groups that the reader has folded. The tab keeps them. */

import { readTabValue, writeTabValue } from "../tab_storage.ts";
import type { NodeGroup } from "./node_groups.ts";

type GroupName = Pick<NodeGroup, "label" | "value">;

/** `storageKey`: name in the tab's storage. */
export class FoldedGroups {
  readonly #storageKey: string;
  #folded: Set<string>;

  constructor(storageKey: string) {
    this.#storageKey = storageKey;
    this.#folded = new Set(read(storageKey));
  }

  has(group: GroupName): boolean {
    return this.#folded.has(keyOf(group));
  }

  /** Fold or unfold groups. */
  set(groups: readonly GroupName[], isFolded: boolean): void {
    for (const group of groups) {
      if (isFolded) this.#folded.add(keyOf(group));
      else this.#folded.delete(keyOf(group));
    }
    writeTabValue(this.#storageKey, JSON.stringify([...this.#folded]));
  }
}

/** The names of labels contain no "=". */
function keyOf({ label, value }: GroupName): string {
  return `${label}=${value}`;
}

/** Return the stored names. Another version of the page may have stored something else. */
function read(storageKey: string): string[] {
  try {
    const stored: unknown = JSON.parse(readTabValue(storageKey) ?? "[]");
    return Array.isArray(stored) ? stored.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
