/** How each measure is drawn. */

import type { Measure } from "../contract.ts";
import * as format from "../format.ts";

export interface Drawing {
  /** Text of a value on the axis. */
  readonly format: (value: number | null) => string;
  /** Text of the value of now, as the page writes it elsewhere. */
  readonly formatNow: (value: number | null) => string;
  /** Custom property of its colour. */
  readonly color: string;
  /** Top of the scale; `null`: as high as the data. */
  readonly ceiling: number | null;
}

const rate = { format: format.bytesPerSecond, formatNow: format.bytesPerSecond, ceiling: null };
const share = { format: format.wholePercent, formatNow: format.percent, ceiling: 100 };

export const DRAWINGS: Readonly<Record<Measure, Drawing>> = {
  cpu_usage: { ...share, color: "--line-cpu" },
  memory_usage: { ...share, color: "--line-memory" },
  disk_usage: { ...share, color: "--line-disk" },
  temperature: { format: format.celsius, formatNow: format.celsius, color: "--line-temperature", ceiling: null },
  load1: { format: format.load, formatNow: format.load, color: "--line-cpu", ceiling: null },
  network_receive_bytes_per_second: { ...rate, color: "--line-network" },
  network_transmit_bytes_per_second: { ...rate, color: "--line-network" },
  disk_read_bytes_per_second: { ...rate, color: "--line-disk" },
  disk_written_bytes_per_second: { ...rate, color: "--line-disk" },
  iowait: { ...share, color: "--line-disk" },
  swap_usage: { ...share, color: "--line-memory" },
  pressure_io: { ...share, formatNow: format.wholePercent, color: "--line-disk" },
  pressure_memory: { ...share, formatNow: format.wholePercent, color: "--line-memory" },
};
