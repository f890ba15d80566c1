/** The figures of the cluster in elements with `data-figure`, and the issues of its health. */

import type { Health, Snapshot } from "./contract.ts";
import { write } from "./fields.ts";
import * as format from "./format.ts";
import { issueTexts } from "./message_texts.ts";

const FIGURES: Readonly<Record<string, (snapshot: Snapshot) => string>> = {
  total_nodes: ({ cluster_stats }) => format.count(cluster_stats.total_nodes),
  online_nodes: ({ cluster_stats }) => format.count(cluster_stats.online_nodes),
  avg_cpu: ({ cluster_stats }) => format.percent(cluster_stats.avg_cpu),
  avg_memory: ({ cluster_stats }) => format.percent(cluster_stats.avg_memory),
  avg_disk: ({ cluster_stats }) => format.percent(cluster_stats.avg_disk),
  avg_temperature: ({ cluster_stats }) => format.celsius(cluster_stats.avg_temperature),
};

/** Fill every figure of the page from `snapshot`. */
export function showFigures(snapshot: Snapshot): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-figure]")) {
    const text = FIGURES[element.dataset["figure"] ?? ""]?.(snapshot) ?? format.UNKNOWN;
    write(element, text);
  }
}

/** Fill every list with `data-issues` from `health`. */
export function showIssues(health: Health): void {
  for (const list of document.querySelectorAll<HTMLElement>("[data-issues]")) {
    const shown = [...list.children].map((item) => item.textContent);
    const issues = issueTexts(health);
    const isShown = shown.length === issues.length && issues.every((text, index) => text === shown[index]);
    if (isShown) continue;
    list.replaceChildren(
      ...issues.map((issue) => {
        const item = document.createElement("li");
        item.textContent = issue;
        return item;
      }),
    );
  }
}

/**
 * Set `data-nodes` of `<main>` to `none`, `offline` (all nodes are offline) or `some`. The attribute is missing before
 * the first snapshot.
 */
export function markNodes({ nodes }: Snapshot): void {
  const main = document.querySelector("main");
  if (main === null) return;
  if (nodes.length === 0) main.dataset["nodes"] = "none";
  else main.dataset["nodes"] = nodes.every((node) => node.status === "offline") ? "offline" : "some";
}
