/** The golden examples of the contract. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Alerts, Coded, Delta, Health, Snapshot } from "../src/contract.ts";

const FOLDER = join(import.meta.dirname, "../../contract/golden");

/** A step of the contract's delta examples; `delta` is `null` where only a full snapshot can say it. */
export interface DeltaCase {
  readonly base: Snapshot;
  readonly next: Snapshot;
  readonly delta: Delta | null;
}

export function golden(name: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"));
}

/** Names of the examples in a folder, without their ending. */
export function goldenNames(folder: string): string[] {
  return readdirSync(join(FOLDER, folder))
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

export const SNAPSHOT = golden("messages/metrics") as Snapshot;
export const HEALTH = golden("messages/health") as Health;
/** Every code of the collector, with the English text that the collector makes of it. */
export const CODES = golden("codes") as readonly (Coded & { readonly text: string })[];
export const ALERTS = golden("messages/alerts") as Alerts;

/** The golden snapshot at another place in the order. */
export function snapshotAt(epoch: number, seq: number): Snapshot {
  return { ...SNAPSHOT, epoch, seq };
}
