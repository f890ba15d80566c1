/** How each measure is drawn. */

import type { Measure } from "../contract.ts";
import * as format from "../format.ts";

export interface Drawing {
  readonly format: (value: number | null) => string;
  /** Custom property of its colour. */
  readonly color: string;
  /** Top of the scale; `null`: as high as the data. */
  readonly ceiling: number | null;
}

const rate = { format: format.bytesPerSecond, ceiling: null };

export const DRAWINGS: Readonly<Record<Measure, Drawing>> = {
  cpu_usage: { format: format.wholePercent, color: "--line-cpu", ceiling: 100 },
  memory_usage: { format: format.wholePercent, color: "--line-memory", ceiling: 100 },
  disk_usage: { format: format.wholePercent, color: "--line-disk", ceiling: 100 },
  temperature: { format: format.celsius, color: "--line-temperature", ceiling: null },
  load1: { format: format.load, color: "--line-cpu", ceiling: null },
  network_receive_bytes_per_second: { ...rate, color: "--line-network" },
  network_transmit_bytes_per_second: { ...rate, color: "--line-network" },
  disk_read_bytes_per_second: { ...rate, color: "--line-disk" },
  disk_written_bytes_per_second: { ...rate, color: "--line-disk" },
  iowait: { format: format.wholePercent, color: "--line-disk", ceiling: 100 },
  swap_usage: { format: format.wholePercent, color: "--line-memory", ceiling: 100 },
  pressure_io: { format: format.wholePercent, color: "--line-disk", ceiling: 100 },
  pressure_memory: { format: format.wholePercent, color: "--line-memory", ceiling: 100 },
};
