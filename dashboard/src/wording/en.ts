/** English. The other languages have the same keys. */

import type { Coded, NodeStatus, OverallStatus, Severity, Transition } from "../contract.ts";
import { bytes, duration, moment } from "../format.ts";
import type { ShownFreshness } from "../live/freshness.ts";
import { SEARCH_EN } from "./search_en.ts";
import { compose } from "./sentences.ts";
import { SENTENCES_EN } from "./sentences_en.ts";

export const en = {
  freshness: {
    live: "Live",
    reconnecting: "Reconnecting",
    polling: "Polling",
    stale: "Stale",
    signed_out: "Signed out",
  } as Readonly<Record<ShownFreshness, string>>,

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
    changed: "Severity changed",
    resolved: "Resolved",
    pended: "Came and went",
  } as Readonly<Record<Transition, string>>,

  /** Names of measures, in charts and on the wall. */
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
  /** First choice of the label that makes the groups. */
  noGroups: "none",
  withoutLabel: (label: string): string => `without ${label}`,
  foldAll: "Fold all",
  unfoldAll: "Unfold all",
  nodeCount: (count: number): string => `${count} ${count === 1 ? "node" : "nodes"}`,
  /** The online nodes of a group on the wall, in a small place. */
  onlineOf: (online: number, total: number): string => `${online}/${total}`,
  /** Number of charts on the page, of all possible charts. */
  chartsShown: (shown: number, total: number): string => `${shown} of ${total} charts`,
  /** The total, next to a percentage. */
  ofTotal: (total: number | null): string => (total === null ? "" : `of ${bytes(total)}`),
  forDuration: (span: string): string => `for ${span}`,

  redisDown: (since: string): string =>
    `Redis has been unavailable since ${moment(since)}. ` +
    "The page shows the last known data and continues automatically when Redis is back.",
  collectorDown:
    "The collector is not running, so there are no new measurements. " +
    "The page continues automatically when the collector is back.",
  dataOld: (seconds: number): string =>
    Number.isFinite(seconds) ? `The data is ${duration(seconds)} old.` : "The age of the data is unknown.",
  dataOldUnexplained: (seconds: number): string =>
    Number.isFinite(seconds)
      ? `The data is ${duration(seconds)} old: the collector or Redis may be down.`
      : "The age of the data is unknown: the collector or Redis may be down.",
  originRefused: (origin: string): string =>
    `The push service refuses this page's origin ${origin}. Set WS_ALLOWED_ORIGINS=${origin} (or PUBLIC_URL) ` +
    "for the ws service and restart it.",
  connectionEnded: (reason: string | null): string =>
    `The push service has closed this page's connection${reason === null ? "" : ` (${reason})`}. ` +
    "Reload the page to connect again.",
  signInRequired: "Please sign in: the session has ended, and this page shows no new data.",
  signIn: "Sign in",
  signInAfter: (span: string): string => `Sign in (in ${span})`,
  signInNow: "You can try again now.",
  tooManyConnections:
    "The push service accepts no more connections from you for now. Close other pages that you do not need. " +
    "This page tries again about every half minute.",
  pushDown: "The push connection is down: the ws service does not answer.",
  meanwhilePolling: (intervalSeconds: number): string =>
    `Until then, the page requests the data every ${intervalSeconds} s.`,
  noServerAnswer: (reason: string): string => `The server does not answer (${reason}). The page keeps trying.`,
  scriptFailed: (what: string): string =>
    `Something on this page failed (${what}). Reload the page; the browser's console has details.`,
  newerServer: (page: string, server: string): string =>
    `The server runs version ${server}, but this page is from version ${page}. Reload the page.`,
  httpStatus: (status: number): string => `HTTP status ${status}`,
  noAnswer: "no answer",
  notSignedIn: "not signed in",
  notAllowed: "this user has no access",

  moreCharacters: (count: number): string => `… ${count} more ${count === 1 ? "character" : "characters"}`,
  hiddenWhilePaused: (count: number): string => (count === 0 ? "" : `${count} not shown while paused`),
  pause: "Pause",
  resume: "Resume",
  connected: "Connected",
  disconnected: "Not connected",
  connectedTo: (replica: string, transport: string): string => `Connected to replica ${replica} by ${transport}`,

  theme: { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" },
  dismiss: "Dismiss",
  moreAlerts: (count: number): string => `and ${count} more`,

  /** Parts of the sentence about the state of the cluster. Counts are above 0. */
  headline: {
    well: (total: number): string => (total === 1 ? "The node is healthy" : `All ${total} nodes are healthy`),
    allOffline: (total: number): string => `All ${total} nodes offline`,
    offline: (count: number): string => `${count} ${count === 1 ? "node" : "nodes"} offline`,
    critical: (count: number): string => `${count} critical ${count === 1 ? "alert" : "alerts"}`,
    warning: (count: number): string => `${count} ${count === 1 ? "warning" : "warnings"}`,
    info: (count: number): string => `${count} info ${count === 1 ? "alert" : "alerts"}`,
    notYetScraped: (count: number): string => `${count} ${count === 1 ? "node" : "nodes"} not yet scraped`,
    noNodes: "No nodes",
    nothingFires: "no alert is firing",
  },

  /** Counts before the title of the page, as shapes and numbers. */
  titleFiring: (counts: string): string => `(${counts})`,

  /** Mean of a chart's step, which holds many rounds. */
  meanOfStep: (mean: string): string => `mean ${mean}`,
  timesIn: (zone: string): string => `Times are in ${zone}`,
  /** Why a node has no values of a measure, in place of its line. */
  noValueReasons: {
    temperature: "No temperature sensor",
    swap_usage: "No swap",
    pressure_io: "The node's kernel or exporter does not report this",
    pressure_memory: "The node's kernel or exporter does not report this",
  },
  /** A rounded time of day. */
  about: (time: string): string => `about ${time}`,
  dataSince: (time: string): string => `data since ${time}`,
  averageOnly: "average only",
  averageOnlyBefore: (time: string): string => `average only before ${time}`,
  thresholdAt: (value: string): string => `Alert from ${value}`,
  medianOfNodes: (median: string): string => `median ${median}`,
  /** From the 10th to the 90th percentile of all nodes. */
  percentileRange: (span: string): string => `10–90 %: ${span}`,
  highestNode: (value: string, node: string): string => `highest ${value}${node === "" ? "" : `, ${node}`}`,
  averageOfNodes: (value: string): string => `average ${value}`,
  /** The average, above a chart whose line is the median. */
  averageNow: (value: string): string => `avg. ${value}`,
  noHistory: "No history in this range yet.",
  historyFailed: (why: string): string => `The history could not be read (${why}).`,
  chartSummary: (name: string, low: string, high: string, last: string): string =>
    `${name}: from ${low} to ${high}, now ${last}`,

  /** In place of `chartSummary` for a part of the history. */
  chartPartSummary: (name: string, low: string, high: string, mean: string): string =>
    `${name}: from ${low} to ${high}, mean ${mean}`,

  /** `parts`: each node with its last value. */
  compareSummary: (name: string, parts: readonly string[]): string => `${name}: ${parts.join(", ")}`,
  compareMissing: (names: readonly string[]): string =>
    `No node is named ${names.join(", ")} at present. Its history may still be shown.`,
  compareFull: (most: number, left: readonly string[]): string =>
    `A chart has at most ${most} nodes. Left out: ${left.join(", ")}. Remove a node first.`,
  unknownNode: "unknown",
  removeNode: (node: string): string => `Remove ${node}`,
  compare: "Compare",
  compareNode: (node: string): string => `Compare ${node}`,
  compareNodes: (count: number): string => `Compare ${count} ${count === 1 ? "node" : "nodes"}`,
  compareThese: (count: number): string => `Compare these ${count} nodes`,
  ticksFull: (most: number): string => `A comparison has at most ${most} nodes.`,

  /** `at`: when the peak was; empty if unknown. */
  rankedPeak: (value: string, at: string): string => `peak ${value}${at === "" ? "" : `, ${at}`}`,
  rankedAverage: (value: string): string => `average ${value}`,
  rankingComputed: (start: string, end: string, at: string): string => `From ${start} to ${end}, computed at ${at}.`,
  rankingFailed: (why: string): string =>
    `The ranking could not be read (${why}). The list is in the order of the current values, or of the last ranking.`,

  /** The charts show `span`, a part of the history. */
  zoomed: (span: string): string => `Part of the history: ${span}. Live updates of the charts pause.`,
  zoomInvalid: "Enter two moments, the earlier one first.",
  eventsShown: (count: number): string => `${count} ${count === 1 ? "event" : "events"}`,
  eventsFailed: (why: string): string => `The events could not be read (${why}).`,
  newestEventsOnly: (count: number): string => `This list has the ${count} newest events of the range.`,
  alertBegan: (message: string): string => `Alert: ${message}`,
  alertEnded: (message: string): string => `Alert ended: ${message}`,
  nodeEvent: {
    offline: (node: string): string => `${node} went offline`,
    online: (node: string): string => `${node} came online`,
    reboot: (node: string): string => `${node} started again (reboot)`,
  },

  nodeGone: (node: string): string => `No node is named ${node} at present. Its history may still be shown below.`,
  wallCell: (node: string, status: string, value: string): string => `${node}: ${status}, ${value}`,
  nodesInTrouble: (count: number): string => (count === 1 ? "1 node in trouble" : `${count} nodes in trouble`),
  noNodeInTrouble: "No node in trouble",
  wallSummary: (total: number, offline: number, alerting: number): string =>
    `${total} ${total === 1 ? "node" : "nodes"}: ${offline} offline, ${alerting} with an alert`,
  /** The wall at a past moment. */
  pastTitle: (at: string): string => `Past: ${at}`,
  pastMoment: (at: string): string => `The cluster at ${at}.`,
  pastStep: (seconds: number): string => `Averages of ${duration(seconds)}.`,
  pastWithoutData: (without: number, total: number): string => `${without} of ${total} nodes have no data then.`,
  historyKnownSince: (at: string): string => `The history begins at ${at}.`,
  pastFailed: (why: string): string => `This moment could not be read (${why}). Choose it again, or another moment.`,
  momentInvalid: "The address has no valid moment: a moment in UTC is written 2026-11-30T03:00:00Z.",
  noDataThen: "No data at that moment",
  wallTimestamp: (timestamp: string): string => `as of ${moment(timestamp)}`,
  andMore: (count: number): string => `… and ${count} more`,
  fullScreen: "Full screen",
  leaveFullScreen: "Leave full screen",

  alertsShown: (shown: number, total: number): string =>
    shown === total ? `${total} ${total === 1 ? "alert" : "alerts"}` : `${shown} of ${total} alerts`,
  entriesShown: (shown: number, total: number): string =>
    shown === total ? `${total} ${total === 1 ? "entry" : "entries"}` : `${shown} of ${total} entries`,
  /** Added to the message of an alert that repeatedly fires and resolves. */
  flapping: (count: number): string => `flapping, ${count}\u00a0×`,
  timesFired: (count: number): string => (count === 0 ? "" : `${count}\u00a0×`),
  incidentsShown: (active: number, ended: number): string => `${active} active, ${ended} ended`,
  incidentsKnownSince: (timestamp: string): string => `Incidents have been recorded since ${moment(timestamp)}.`,
  incidentsFailed: (why: string, againSeconds: number): string =>
    `The incidents could not be read (${why}). The page tries again every ${againSeconds} s.`,
  noIncident: "No alert fired in this period.",
  noIncidentMatches: "No alert in this period matches the filters.",
  noNodeOnline: "No node is online.",
  noNodeWithSensor: "No node has a temperature sensor.",
  noAlertActive: "No alert is active.",
  noAlertMatches: "No active alert matches the filters.",
  noEntryMatches: "No entry of the log matches the filters.",
  logEmpty: "The log is empty.",
  logFailed: (why: string, againSeconds: number): string =>
    `The log could not be read completely (${why}). The page tries again every ${againSeconds} s.`,
  newestEntriesMissing: "the server does not have the newest entries",

  search: SEARCH_EN,

  /** The collector's sentence for a code, or `text` if the code is missing or unknown. */
  sentence: (coded: Coded | null | undefined, text: string): string => compose(SENTENCES_EN, coded, text),
};

/** The texts of every language. */
export type Wording = typeof en;
