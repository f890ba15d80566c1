/** The heads of the wall's blocks: the name, the worst state and the average of a group. */

import type { Severity } from "../contract.ts";
import { asIs, attribute, type Fields } from "../fields.ts";
import { groupName } from "../groups/group_name.ts";
import { type GroupState, stateText, worstState } from "../groups/group_state.ts";
import { averageOf, type NodeGroup } from "../groups/node_groups.ts";
import { KeyedList } from "../keyed_list.ts";
import { wording } from "../wording.ts";
import type { Box } from "./grid.ts";
import { type FiringAlerts, mostSevere } from "./troubled_nodes.ts";
import { measureText, type WallMeasure } from "./wall_measure.ts";

interface Head {
  readonly group: NodeGroup;
  readonly state: GroupState;
  /** In few characters. */
  readonly average: string;
  readonly box: Box;
}

/** `set()` takes the data, and `place()` shows the heads at their places, after each drawing of the map. */
export class GroupHeads {
  readonly #container: HTMLElement;
  readonly #list: KeyedList<Head>;
  #heads: readonly Omit<Head, "box">[] = [];

  constructor(container: HTMLElement, template: HTMLTemplateElement) {
    this.#container = container;
    this.#list = new KeyedList(
      container,
      template,
      ({ group }) => group.value,
      (fields, head) => fill(fields, head),
    );
  }

  set(groups: readonly NodeGroup[], firing: FiringAlerts, measure: WallMeasure): void {
    const severityOf = (name: string): Severity | null => {
      const alerts = firing.get(name);
      return alerts === undefined ? null : mostSevere(alerts);
    };
    this.#heads = groups.map((group) => ({
      group,
      state: worstState(group.nodes, ({ node }) => severityOf(node)),
      average: averageText(group, measure),
    }));
  }

  /** `boxes`: a place for each head, in pixels of the page; empty if there is no room. */
  place(boxes: readonly Box[]): void {
    this.#container.hidden = boxes.length === 0;
    this.#list.show(this.#heads.flatMap((head, index) => (boxes[index] ? [{ ...head, box: boxes[index] }] : [])));
  }
}

/** Return the value of the label, or the name of the group without the label. */
export function shownValue(group: NodeGroup): string {
  return group.value === "" ? groupName(group) : group.value;
}

function averageText({ nodes }: NodeGroup, measure: WallMeasure): string {
  if (measure === "status") {
    return wording.onlineOf(nodes.filter(({ status }) => status === "online").length, nodes.length);
  }
  return measureText(averageOf(nodes, measure), measure);
}

function fill(fields: Fields, { group, state, average, box }: Head): void {
  const { label, value, nodes } = group;
  fields.setData("group", value);
  fields.setData("status", state.severity === null || state.mark === "offline" ? state.mark : "");
  fields.setData("severity", state.severity ?? "");
  fields.show("label", value === "" ? "" : label, asIs);
  fields.show("value", shownValue(group), asIs);
  fields.show("state", stateText(state), asIs);
  fields.show("average", average, asIs);
  const title = [groupName(group), wording.nodeCount(nodes.length), stateText(state), average].join(" · ");
  attribute(fields.root, "title", title);
  const transform = `translate(${box.x}px, ${box.y}px)`;
  if (fields.root.style.transform !== transform) fields.root.style.transform = transform;
  if (fields.root.style.width !== `${box.width}px`) fields.root.style.width = `${box.width}px`;
  if (fields.root.style.height !== `${box.height}px`) fields.root.style.height = `${box.height}px`;
}
