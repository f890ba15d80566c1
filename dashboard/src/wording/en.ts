/** English. The other languages have exactly these. */

import type { Coded, NodeStatus, OverallStatus, Severity, Transition } from "../contract.ts";
import { bytes, duration, moment } from "../format.ts";
import type { Standing } from "../live/freshness.ts";
import { compose } from "./sentences.ts";
import { SENTENCES_EN } from "./sentences_en.ts";

export const en = {
  freshness: {
    live: "Live",
    reconnecting: "Reconnecting",
    polling: "Polling",
    stale: "Stale",
    signed_out: "Signed out",
  } as Readonly<Record<Standing, string>>,

  nodeStatus: {
    online: "Online",
    offline: "Offline",
    unknown: "Not yet scraped",
  } as Readonly<Record<NodeStatus, string>>,

  overallStatus: {
    healthy: "Healthy",
    warning: "Warning",
    critical: "Critical",
    unknown: "Unknown",
  } as Readonly<Record<OverallStatus, string>>,

  severity: {
    info: "Info",
    warning: "Warning",
    critical: "Critical",
  } as Readonly<Record<Severity, string>>,

  transition: {
    started: "Log begins",
    pending: "Pending",
    firing: "Firing",
    resolved: "Resolved",
    pended: "Came and went",
  } as Readonly<Record<Transition, string>>,

  /** Names of what is measured, in charts and on the wall. */
  measure: {
    cpu_usage: "CPU",
    memory_usage: "Memory",
    disk_usage: "Disk",
    temperature: "Temperature",
    load1: "Load",
    network_receive_bytes_per_second: "Network in",
    network_transmit_bytes_per_second: "Network out",
    disk_read_bytes_per_second: "Disk read",
    disk_written_bytes_per_second: "Disk written",
    iowait: "I/O wait",
    swap_usage: "Swap",
    pressure_io: "I/O pressure",
    pressure_memory: "Memory pressure",
    status: "Status",
  },

  noDataYet: "no data yet",
  ageUnknown: "age unknown",
  age: (seconds: number): string => (Number.isFinite(seconds) ? `${duration(seconds)} ago` : en.ageUnknown),
  nodesOnline: (online: number, total: number): string =>
    `${online} of ${total} ${total === 1 ? "node" : "nodes"} online`,
  nodesShown: (shown: number, total: number): string =>
    shown === total ? `${total} ${total === 1 ? "node" : "nodes"}` : `${shown} of ${total} nodes`,
  /** How many of the charts that there could be are on the page. */
  chartsShown: (shown: number, total: number): string => `${shown} of ${total} charts`,
  /** Beside a percentage: of how much. */
  ofTotal: (total: number | null): string => (total === null ? "" : `of ${bytes(total)}`),
  forDuration: (span: string): string => `for ${span}`,

  redisAway: (since: string): string =>
    `Redis is away since ${moment(since)}. The page shows what was last known, and goes on by itself when Redis is back.`,
  collectorDown:
    "The collector is not running, so nothing new is measured. The page goes on by itself when it is back.",
  dataOld: (seconds: number): string =>
    Number.isFinite(seconds) ? `The data is ${duration(seconds)} old.` : "Nobody knows how old the data is.",
  dataOldUnexplained: (seconds: number): string =>
    Number.isFinite(seconds)
      ? `The data is ${duration(seconds)} old: the collector or Redis may be down.`
      : "Nobody knows how old the data is: the collector or Redis may be down.",
  originRefused: (origin: string): string =>
    `The push service refuses this page's origin ${origin}. Set WS_ALLOWED_ORIGINS=${origin} (or PUBLIC_URL) ` +
    "for the ws service and restart it.",
  connectionEnded: (reason: string | null): string =>
    `The push service has ended this page's connection${reason === null ? "" : ` (${reason})`}. ` +
    "Reload the page to connect again.",
  signInRequired: "Please sign in: the session has ended, and this page shows nothing new.",
  signIn: "Sign in",
  signInAfter: (span: string): string => `Sign in (in ${span})`,
  signInNow: "You can try again now.",
  tooManyConnections:
    "The push service takes no more connections from here for now: closing other pages helps. " +
    "This page tries again every half minute.",
  pushDown: "The push connection is down: the ws service does not answer.",
  meanwhilePolling: (intervalSeconds: number): string => `Meanwhile the page asks every ${intervalSeconds} s.`,
  serverSilent: (reason: string): string => `The server does not answer (${reason}). The page keeps trying.`,
  scriptFailed: (what: string): string =>
    `Something on this page failed (${what}). Reload the page; the browser's console says more.`,
  newerServer: (page: string, server: string): string =>
    `The server runs version ${server}, this page is of version ${page}. Reload the page.`,
  httpStatus: (status: number): string => `HTTP status ${status}`,
  noAnswer: "no answer",
  notSignedIn: "not signed in",
  notAllowed: "this user may not see it",

  moreCharacters: (count: number): string => `… ${count} more ${count === 1 ? "character" : "characters"}`,
  held: (count: number): string => (count === 0 ? "" : `${count} not shown while paused`),
  pause: "Pause",
  resume: "Resume",
  connected: "Connected",
  disconnected: "Not connected",
  connectedTo: (replica: string, transport: string): string => `Connected to replica ${replica} by ${transport}`,

  theme: { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" },
  dismiss: "Dismiss",
  moreAlerts: (count: number): string => `and ${count} more`,

  /** The parts of the sentence that says how the cluster is; counts are above 0. */
  headline: {
    well: (total: number): string => (total === 1 ? "The node is well" : `All ${total} nodes are well`),
    allOffline: (total: number): string => `All ${total} nodes offline`,
    offline: (count: number): string => `${count} ${count === 1 ? "node" : "nodes"} offline`,
    critical: (count: number): string => `${count} critical ${count === 1 ? "alert" : "alerts"}`,
    warning: (count: number): string => `${count} ${count === 1 ? "warning" : "warnings"}`,
    info: (count: number): string => `${count} info ${count === 1 ? "alert" : "alerts"}`,
    notYetScraped: (count: number): string => `${count} ${count === 1 ? "node" : "nodes"} not yet scraped`,
    noNodes: "No nodes",
    nothingFires: "no alert fires",
  },

  /** Before the title of the page: what is wrong, as shapes and figures. */
  titleFiring: (counts: string): string => `(${counts})`,

  /** Of a step of a chart, which holds many rounds. */
  meanOfStep: (mean: string): string => `mean ${mean}`,
  timesIn: (zone: string): string => `Times are in ${zone}`,
  /** What a chart says in place of a line that cannot be, by measure. */
  absent: {
    temperature: "No temperature sensor",
    swap_usage: "No swap",
    pressure_io: "Its kernel or exporter does not tell it",
    pressure_memory: "Its kernel or exporter does not tell it",
  },
  /** A time of day that is rounded. */
  about: (time: string): string => `about ${time}`,
  dataSince: (time: string): string => `data since ${time}`,
  averageAlone: "average only",
  averageAloneBefore: (time: string): string => `average only before ${time}`,
  thresholdAt: (value: string): string => `Alert from ${value}`,
  medianOfNodes: (median: string): string => `median ${median}`,
  /** From the 10th to the 90th percentile of all nodes. */
  mostNodes: (span: string): string => `10–90 %: ${span}`,
  highestNode: (value: string, node: string): string => `highest ${value}${node === "" ? "" : `, ${node}`}`,
  averageOfNodes: (value: string): string => `average ${value}`,
  /** Above a chart whose line is something else. */
  averageNow: (value: string): string => `avg. ${value}`,
  noHistory: "No history in this range yet.",
  historyFailed: (why: string): string => `The history could not be read (${why}).`,
  chartSummary: (name: string, low: string, high: string, last: string): string =>
    `${name}: from ${low} to ${high}, now ${last}`,

  nodeGone: (node: string): string => `No node is called ${node} now. Its history may still be below.`,
  wallCell: (node: string, status: string, value: string): string => `${node}: ${status}, ${value}`,
  wallTrouble: (count: number): string => (count === 1 ? "1 node in trouble" : `${count} nodes in trouble`),
  wallWell: "No node in trouble",
  wallSummary: (total: number, offline: number, alerting: number): string =>
    `${total} ${total === 1 ? "node" : "nodes"}: ${offline} offline, ${alerting} with an alert`,
  wallTakenAt: (timestamp: string): string => `as of ${moment(timestamp)}`,
  andMore: (count: number): string => `… and ${count} more`,
  fullScreen: "Full screen",
  leaveFullScreen: "Leave full screen",

  alertsShown: (shown: number, total: number): string =>
    shown === total ? `${total} ${total === 1 ? "alert" : "alerts"}` : `${shown} of ${total} alerts`,
  entriesShown: (shown: number, total: number): string =>
    shown === total ? `${total} ${total === 1 ? "entry" : "entries"}` : `${shown} of ${total} entries`,
  /** Beside what an alert says that begins and ends again and again. */
  flapping: (count: number): string => `flapping, ${count}\u00a0×`,
  timesFired: (count: number): string => (count === 0 ? "" : `${count}\u00a0×`),
  incidentsShown: (active: number, ended: number): string => `${active} active, ${ended} ended`,
  incidentsKnownSince: (timestamp: string): string => `Incidents are recorded since ${moment(timestamp)}.`,
  incidentsFailed: (why: string, againSeconds: number): string =>
    `What has ended could not be read (${why}). The page tries again every ${againSeconds} s.`,
  /** In which texts the table of incidents searches; empty where it is those of the page. */
  tableSearches: "",
  noIncident: "Nothing has happened in this period.",
  noIncidentMatches: "Nothing in this period matches the filters.",
  noNodeOnline: "No node is online.",
  noNodeWithSensor: "No node has a temperature sensor.",
  noAlertActive: "No alert is active.",
  noAlertMatches: "No active alert matches the filters.",
  noEntryMatches: "No entry of the log matches the filters.",
  logEmpty: "The log is empty.",
  logFailed: (why: string, againSeconds: number): string =>
    `The log could not be read to its end (${why}). The page tries again every ${againSeconds} s.`,
  newestNotThere: "the server does not have its newest entries",

  /** What the collector says as a code; `text` where the code is absent or of another version. */
  sentence: (coded: Coded | null | undefined, text: string): string => compose(SENTENCES_EN, coded, text),
};

/** What every language says. */
export type Wording = typeof en;
