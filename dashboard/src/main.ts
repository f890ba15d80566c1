/** Connects the classes of the page. */

import "uplot/dist/uPlot.min.css";
import { Admission } from "./access/admission.ts";
import { admittedFetch } from "./access/admitted_fetch.ts";
import { SessionClient } from "./access/session_client.ts";
import { SessionRenewal } from "./access/session_renewal.ts";
import { SignOut } from "./access/sign_out.ts";
import { Toasts } from "./alerts/toasts.ts";
import { HistoryClient } from "./charts/history_client.ts";
import type { Alerts, Health } from "./contract.ts";
import { ErrorFunnel } from "./errors.ts";
import { byId } from "./fields.ts";
import { LanguageSwitch } from "./language_switch.ts";
import { Connection } from "./live/connection.ts";
import { readInitial, receivedAtSeconds } from "./live/initial.ts";
import { withoutAlertIssues } from "./live/issues.ts";
import { LiveData } from "./live/live_data.ts";
import { PageTitle } from "./live/page_title.ts";
import { RefreshHook } from "./live/refresh_hook.ts";
import { reloadOnce } from "./live/reload_once.ts";
import { StatusLine } from "./live/status_line.ts";
import { VerdictView } from "./live/verdict_view.ts";
import { retryWaitOf } from "./login/retry_wait.ts";
import { PageHeader } from "./page_header.ts";
import { AlertsPage } from "./pages/alerts.ts";
import { ComparePage } from "./pages/compare.ts";
import { DashboardPage } from "./pages/dashboard.ts";
import { LivePage } from "./pages/live.ts";
import { MonitoringPage } from "./pages/monitoring.ts";
import { NodePage } from "./pages/node.ts";
import { NodesPage } from "./pages/nodes.ts";
import type { Page } from "./pages/page.ts";
import { WebsocketTestPage } from "./pages/websocket_test.ts";
import { ThemeSwitch } from "./theme.ts";

const PAGES: Readonly<Record<string, () => Page>> = {
  dashboard: () => new DashboardPage(),
  nodes: () => new NodesPage(),
  node: () => new NodePage(),
  compare: () => new ComparePage(),
  monitoring: () => new MonitoringPage(),
  alerts: () => new AlertsPage(),
  live: () => new LivePage(),
  "websocket-test": () => new WebsocketTestPage(),
};

function main(): void {
  const page = PAGES[document.body.dataset["page"] ?? ""]?.() ?? null;
  const initial = readInitial(document);
  const state = new PageTitle();
  const simulated = byId("simulated", HTMLElement);
  const verdict = new VerdictView((now) => state.showVerdict(now));
  const toasts = new Toasts(byId("toasts", HTMLElement));
  const hook = new RefreshHook((snapshot) => page?.showSnapshot(snapshot), funnel);
  let health: Health | null = null;
  let alerts: Alerts | null = null;
  const data = new LiveData(monotonicSeconds, {
    showSnapshot: (snapshot) => {
      // Until the first snapshot, the server decided whether this element is visible.
      simulated.hidden = snapshot.simulated !== true;
      verdict.showSnapshot(snapshot);
      hook.call(snapshot);
      connection.onChange();
    },
    showHealth: (news) => {
      health = news;
      verdict.showHealth(news);
      page?.showHealth(withoutAlertIssues(news, alerts));
    },
    showAlerts: (news) => {
      alerts = news;
      verdict.showAlerts(news);
      toasts.showAlerts(news);
      page?.showAlerts(news);
      if (health !== null) page?.showHealth(withoutAlertIssues(health, news));
    },
  });
  const session = new SessionClient();
  const admission = new Admission(() => session.fetchState(), monotonicSeconds, document);
  const fetcher = admittedFetch(admission);
  const connection = new Connection({
    data,
    clock: monotonicSeconds,
    funnel,
    admission,
    fetcher,
    redisDownSince: initial.redis_down_since,
    tap: page instanceof WebsocketTestPage ? page.tap : null,
  });

  connection.push.subscribe(page?.scope ?? null);
  page?.start({ push: connection.push, fetcher, history: new HistoryClient(fetcher), funnel, title: state });
  hook.start();
  funnel.guard("initial data", () => data.acceptInitial(initial, receivedAtSeconds()));
  new StatusLine(connection, initial.version, (now) => {
    state.showFreshness(now.freshness);
    reloadOnce(initial.version, now.serverVersion);
  }).start();
  connection.start();
  if ("signedIn" in document.body.dataset) new SessionRenewal(admission).start();
}

function monotonicSeconds(): number {
  return performance.now() / 1000;
}

const funnel = new ErrorFunnel();
funnel.start();
new PageHeader().start();
new ThemeSwitch(byId("theme", HTMLButtonElement)).start();
new LanguageSwitch().start();
const signOut = document.getElementById("sign-out");
if (signOut instanceof HTMLFormElement) new SignOut(signOut).start();
retryWaitOf(document, monotonicSeconds)?.start();
if (document.getElementById("freshness") !== null) main();
