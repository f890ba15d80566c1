/** How each measure is drawn. */

import type { Measure } from "../contract.ts";
import * as format from "../format.ts";

export interface Drawing {
  readonly format: (value: number | null) => string;
  /** Custom property of its colour. */
  readonly color: string;
  /** Top of the scale; `null`: as high as the data. */
  readonly ceiling: number | null;
  /** Top where there are no values, or only 0. */
  readonly topOfNothing: number;
}

const percent = { format: format.wholePercent, ceiling: 100, topOfNothing: 100 };
const rate = { format: format.bytesPerSecond, ceiling: null, topOfNothing: 1000 };

export const DRAWINGS: Readonly<Record<Measure, Drawing>> = {
  cpu_usage: { ...percent, color: "--line-cpu" },
  memory_usage: { ...percent, color: "--line-memory" },
  disk_usage: { ...percent, color: "--line-disk" },
  temperature: { format: format.celsius, color: "--line-temperature", ceiling: null, topOfNothing: 100 },
  load1: { format: format.load, color: "--line-cpu", ceiling: null, topOfNothing: 1 },
  network_receive_bytes_per_second: { ...rate, color: "--line-network" },
  network_transmit_bytes_per_second: { ...rate, color: "--line-network" },
  disk_read_bytes_per_second: { ...rate, color: "--line-disk" },
  disk_written_bytes_per_second: { ...rate, color: "--line-disk" },
  iowait: { ...percent, color: "--line-disk" },
  swap_usage: { ...percent, color: "--line-memory" },
  pressure_io: { ...percent, color: "--line-disk" },
  pressure_memory: { ...percent, color: "--line-memory" },
};
