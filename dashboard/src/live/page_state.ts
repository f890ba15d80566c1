/** The title of the page and its icon: they tell how the cluster is while another tab is looked at. */

import type { Alerts, Health } from "../contract.ts";
import type { Standing } from "./problems.ts";
import { wording } from "../wording.ts";

type Tone = "well" | "warning" | "critical" | "stale";

/** Told of health, alerts and freshness. */
export class PageState {
  readonly #title = document.title;
  readonly #icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  readonly #wellIcon = this.#icon?.getAttribute("href") ?? "";
  #overall: Health["overall_status"] = "unknown";
  #alerts: Alerts | null = null;
  #freshness: Standing = "live";

  showHealth(health: Health): void {
    this.#overall = health.overall_status;
    this.#show();
  }

  showAlerts(alerts: Alerts): void {
    this.#alerts = alerts;
    this.#show();
  }

  showFreshness(state: Standing): void {
    if (state === this.#freshness) return;
    this.#freshness = state;
    this.#show();
  }

  get #tone(): Tone {
    if (this.#freshness === "stale" || this.#freshness === "signed_out") return "stale";
    const firing = (this.#alerts?.active_alerts ?? []).filter((alert) => alert.state === "firing");
    if (this.#overall === "critical" || firing.some((alert) => alert.severity === "critical")) return "critical";
    return this.#overall === "warning" || firing.length > 0 ? "warning" : "well";
  }

  #show(): void {
    const firing = this.#alerts?.alert_count ?? 0;
    const state = this.#freshness === "live" ? "" : `${wording.freshness[this.#freshness]} · `;
    const title = `${firing > 0 ? `${wording.titleFiring(firing)} ` : ""}${state}${this.#title}`;
    if (document.title !== title) document.title = title;
    const tone = this.#tone;
    document.body.dataset["tone"] = tone;
    const icon = tone === "well" ? this.#wellIcon : (this.#icon?.dataset[tone] ?? this.#wellIcon);
    if (this.#icon !== null && this.#icon.getAttribute("href") !== icon) this.#icon.href = icon;
  }
}
