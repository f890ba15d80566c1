/** How each measure is drawn. */

import type { Measure } from "../contract.ts";
import * as format from "../format.ts";
import type { Scale } from "./scale.ts";

export interface MeasureStyle {
  /** Text of a value on the axis. */
  readonly format: (value: number | null) => string;
  /** Text of the current value, in the same form as elsewhere on the page. */
  readonly formatNow: (value: number | null) => string;
  /** CSS custom property of the line's colour. */
  readonly color: string;
  readonly scale: Scale;
}

const rate = {
  format: format.bytesPerSecond,
  formatNow: format.bytesPerSecond,
  scale: { kind: "from_zero", high: 1000 },
} as const;
const share = {
  format: format.wholePercent,
  formatNow: format.percent,
  scale: { kind: "fixed", low: 0, high: 100 },
} as const;

export const MEASURE_STYLES: Readonly<Record<Measure, MeasureStyle>> = {
  cpu_usage: { ...share, color: "--line-cpu" },
  memory_usage: { ...share, color: "--line-memory" },
  disk_usage: { ...share, color: "--line-disk" },
  temperature: {
    format: format.wholeCelsius,
    formatNow: format.celsius,
    color: "--line-temperature",
    // From a cool room to the temperature at which a processor throttles or shuts down.
    scale: { kind: "usual", low: 20, high: 100, step: 10 },
  },
  load1: { format: format.load, formatNow: format.load, color: "--line-cpu", scale: { kind: "from_zero", high: 1 } },
  network_receive_bytes_per_second: { ...rate, color: "--line-network" },
  network_transmit_bytes_per_second: { ...rate, color: "--line-network" },
  disk_read_bytes_per_second: { ...rate, color: "--line-disk" },
  disk_written_bytes_per_second: { ...rate, color: "--line-disk" },
  iowait: { ...share, color: "--line-disk" },
  swap_usage: { ...share, color: "--line-memory" },
  pressure_io: { ...share, formatNow: format.wholePercent, color: "--line-disk" },
  pressure_memory: { ...share, formatNow: format.wholePercent, color: "--line-memory" },
};
