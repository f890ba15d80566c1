/** The title and the icon of the page, which show the state of the cluster while the reader is in another tab. */

import { wording } from "../wording.ts";
import type { ShownFreshness } from "./freshness.ts";
import { countsText, type Verdict } from "./verdict.ts";

type Tone = "well" | "warning" | "critical" | "stale";

/** Receives the verdict and the freshness. */
export class PageTitle {
  readonly #title = document.title;
  readonly #icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  readonly #wellIcon = this.#icon?.getAttribute("href") ?? "";
  #verdict: Verdict | null = null;
  #freshness: ShownFreshness = "live";
  /** What the title says in place of the state, while the page shows a past moment. */
  #past: string | null = null;

  showVerdict(verdict: Verdict): void {
    this.#verdict = verdict;
    this.#show();
  }

  showFreshness(state: ShownFreshness): void {
    if (state === this.#freshness) return;
    this.#freshness = state;
    this.#show();
  }

  /** Name a past moment in place of the current state; `null`: the page is live. */
  showPast(text: string | null): void {
    this.#past = text;
    this.#show();
  }

  get #tone(): Tone {
    if (this.#past !== null) return "stale";
    if (this.#freshness === "stale" || this.#freshness === "signed_out") return "stale";
    const tone = this.#verdict?.tone;
    return tone === "critical" || tone === "warning" ? tone : "well";
  }

  #show(): void {
    const counts = this.#verdict?.counts ?? null;
    const firing = counts === null ? "" : countsText(counts);
    const state = this.#freshness === "live" ? "" : `${wording.freshness[this.#freshness]} · `;
    const current = `${firing === "" ? "" : `${wording.titleFiring(firing)} `}${state}${this.#title}`;
    const title = this.#past === null ? current : `${this.#past} · ${this.#title}`;
    if (document.title !== title) document.title = title;
    const tone = this.#tone;
    document.body.dataset["tone"] = tone;
    const icon = tone === "well" ? this.#wellIcon : (this.#icon?.dataset[tone] ?? this.#wellIcon);
    if (this.#icon !== null && this.#icon.getAttribute("href") !== icon) this.#icon.href = icon;
  }
}
