/** Wires the page together. */

import { Connection } from "./connection.ts";
import { ErrorFunnel } from "./errors.ts";
import { readInitial, receivedAtSeconds } from "./initial.ts";
import { LiveData } from "./live_data.ts";
import { DashboardPage } from "./pages/dashboard.ts";
import { MonitoringPage } from "./pages/monitoring.ts";
import { NodesPage } from "./pages/nodes.ts";
import type { Page } from "./pages/page.ts";
import { WebsocketTestPage } from "./pages/websocket_test.ts";
import { RefreshHook } from "./refresh_hook.ts";
import { StatusLine } from "./status_line.ts";

const PAGES: Readonly<Record<string, () => Page>> = {
  dashboard: () => new DashboardPage(),
  nodes: () => new NodesPage(),
  monitoring: () => new MonitoringPage(),
  "websocket-test": () => new WebsocketTestPage(),
};

function main(): void {
  const page = PAGES[document.body.dataset["page"] ?? ""]?.() ?? null;
  const initial = readInitial(document);
  const hook = new RefreshHook((snapshot) => page?.showSnapshot(snapshot), funnel);
  const data = new LiveData(monotonicSeconds, {
    showSnapshot: (snapshot) => {
      hook.call(snapshot);
      connection.onChange();
    },
    showHealth: (health) => page?.showHealth(health),
    showAlerts: (alerts) => page?.showAlerts(alerts),
  });
  const tap = page instanceof WebsocketTestPage ? page.tap : null;
  const connection = new Connection(data, monotonicSeconds, funnel, initial.redis_down_since, tap);
  if (page instanceof WebsocketTestPage) page.use(connection.push);

  page?.start();
  hook.start();
  funnel.guard("initial data", () => data.takeInitial(initial, receivedAtSeconds()));
  new StatusLine(connection).start();
  connection.start();
}

function monotonicSeconds(): number {
  return performance.now() / 1000;
}

const funnel = new ErrorFunnel();
funnel.start();
if (document.getElementById("freshness") !== null) main();
