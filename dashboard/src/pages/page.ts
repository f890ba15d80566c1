/** What every page can do. */

import type { Audience } from "../live_data.ts";

/** `start()` takes hold of the page's elements, `stop()` lets go; in between it is shown what arrives. */
export interface Page extends Audience {
  start(): void;
  stop(): void;
}
