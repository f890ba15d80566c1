/** The measured fields of a node in sentences about the operator's own rules. */

import { entryOf, type SentenceArguments, type Unit } from "./sentences.ts";

/** The unit of each field. */
const UNITS: Readonly<Record<string, Unit>> = {
  cpu_usage: "percent",
  cpu_count: "number",
  load1: "number",
  memory_usage: "percent",
  memory_total_bytes: "bytes",
  disk_usage: "percent",
  disk_total_bytes: "bytes",
  temperature: "celsius",
  network_receive_bytes_per_second: "bytes_per_second",
  network_transmit_bytes_per_second: "bytes_per_second",
  disk_read_bytes_per_second: "bytes_per_second",
  disk_written_bytes_per_second: "bytes_per_second",
  iowait: "percent",
  swap_usage: "percent",
  pressure_io: "percent",
  pressure_memory: "percent",
};

/** The unit of a field; `null` if `metric` is not a field. */
export function unitOf(metric: unknown): Unit | null {
  return typeof metric === "string" && Object.hasOwn(UNITS, metric) ? entryOf(UNITS, metric) : null;
}

/** The argument `name` with the unit of the sentence's metric. */
export function figure(a: SentenceArguments, name: string): string {
  return a.measure(name, entryOf(UNITS, a.text("metric")));
}
