/** The golden examples of the contract. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Alerts, Coded, Delta, Health, Snapshot } from "../src/contract.ts";

const FOLDER = join(import.meta.dirname, "../../contract/golden");

/** A case of the contract's delta examples. `delta` is `null` if only a full snapshot can express the change. */
export interface DeltaCase {
  readonly base: Snapshot;
  readonly next: Snapshot;
  readonly delta: Delta | null;
}

export function golden(name: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"));
}

/** Return the names of the examples in a folder, without their suffix. */
export function goldenNames(folder: string): string[] {
  return readdirSync(join(FOLDER, folder))
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

export const SNAPSHOT = golden("messages/metrics") as Snapshot;
export const HEALTH = golden("messages/health") as Health;
/** Every code of the collector, with its English text. */
export const CODES = golden("codes") as readonly (Coded & { readonly text: string })[];
export const ALERTS = golden("messages/alerts") as Alerts;

/** Return the golden snapshot with another position. */
export function snapshotAt(epoch: number, seq: number): Snapshot {
  return { ...SNAPSHOT, epoch, seq };
}
