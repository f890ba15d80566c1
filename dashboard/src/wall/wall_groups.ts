/** The groups of the wall: the choice of a label, the blocks of the map, and their heads. */

import type { Node } from "../contract.ts";
import { byId } from "../fields.ts";
import { GroupControl } from "../groups/group_control.ts";
import { groupNameOf } from "../groups/group_name.ts";
import type { Box } from "./grid.ts";
import { GroupHeads, shownValue } from "./group_heads.ts";
import type { HeatMapView } from "./heat_map.ts";
import type { FiringAlerts } from "./troubled_nodes.ts";

/** Works between `start()` and `stop()`. `onChange` is called when the reader chooses a label. */
export class WallGroups {
  readonly #control: GroupControl;
  readonly #heads = new GroupHeads(byId("wall-groups", HTMLElement), byId("wall-group", HTMLTemplateElement));

  constructor(onChange: () => void) {
    this.#control = new GroupControl(onChange);
  }

  start(): void {
    this.#control.start();
  }

  stop(): void {
    this.#control.stop();
  }

  /** Return `view` with its nodes in groups. `place()` shows the heads after the drawing. */
  grouped(view: HeatMapView, firing: FiringAlerts): HeatMapView {
    this.#control.offer(view.nodes);
    const groups = this.#control.groupsOf(view.nodes);
    this.#heads.set(groups ?? [], firing, view.measure);
    if (groups === null) return view;
    return {
      ...view,
      nodes: groups.flatMap(({ nodes }) => nodes),
      groups: groups.map((group) => ({ count: group.nodes.length, letters: shownValue(group).length })),
    };
  }

  /** Show the heads. `boxes`: their places, in pixels of the page; empty if there is no room. */
  place(boxes: readonly Box[]): void {
    this.#heads.place(boxes);
  }

  /** Return the name of a node's group; `null` without groups. */
  nameOf(node: Node): string | null {
    return this.#control.label === "" ? null : groupNameOf(node, this.#control.label);
  }
}
