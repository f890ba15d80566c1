/** The groups of a list of nodes: sections below heads that fold. */

import type { Node, Severity } from "../contract.ts";
import { asIs, attribute, byId, type Fields, write } from "../fields.ts";
import type { ElementKind, ListSection } from "../nodes/virtual_list.ts";
import { wording } from "../wording.ts";
import { FoldedGroups } from "./folded_groups.ts";
import { GroupControl } from "./group_control.ts";
import { groupName } from "./group_name.ts";
import { stateText, worstState } from "./group_state.ts";
import type { NodeGroup } from "./node_groups.ts";

const STORAGE_KEY = "folded-groups";

export interface ListGroupsOptions {
  /** The lists. A click on a head folds its group. */
  readonly containers: readonly HTMLElement[];
  /** Highest severity of a node's firing alerts. */
  readonly severityOf: (node: Node) => Severity | null;
  /** Fill the averages in the head of a group of `nodes`. */
  readonly fillAverages: (fields: Fields, nodes: readonly Node[]) => void;
  /** The groups, or the folded groups, have changed. */
  readonly onChange: () => void;
}

/** `offer()` takes each snapshot, between `start()` and `stop()`. Without labels, the list has one section. */
export class ListGroups {
  readonly #options: ListGroupsOptions;
  readonly #control: GroupControl;
  readonly #foldAll = byId("fold-all", HTMLButtonElement);
  readonly #folded = new FoldedGroups(STORAGE_KEY);
  readonly #onClick = ({ target }: MouseEvent): void => {
    const head = target instanceof Element ? target.closest<HTMLElement>("[data-group]") : null;
    if (head !== null) this.#toggle(head.dataset["group"] ?? "");
  };
  #groups: readonly NodeGroup[] = [];

  constructor(options: ListGroupsOptions) {
    this.#options = options;
    this.#control = new GroupControl(options.onChange);
  }

  /** The label of the groups; empty without groups. */
  get label(): string {
    return this.#control.label;
  }

  start(): void {
    this.#control.start();
    for (const container of this.#options.containers) container.addEventListener("click", this.#onClick);
    this.#foldAll.onclick = () => {
      this.#folded.set(this.#groups, !this.#areAllFolded());
      this.#options.onChange();
    };
  }

  stop(): void {
    this.#control.stop();
    for (const container of this.#options.containers) container.removeEventListener("click", this.#onClick);
    this.#foldAll.onclick = null;
  }

  /** Offer the labels of `nodes` in the control. */
  offer(nodes: readonly Node[]): void {
    this.#control.offer(nodes);
  }

  /** Return the sections of `nodes`, each with at most `limit` nodes in the order of `nodes`. */
  sectionsOf(nodes: readonly Node[], limit = Number.POSITIVE_INFINITY): ListSection<Node, NodeGroup>[] {
    const groups = this.#control.groupsOf(nodes);
    this.#groups = groups ?? [];
    this.#foldAll.hidden = groups === null;
    write(this.#foldAll, this.#areAllFolded() ? wording.unfoldAll : wording.foldAll);
    if (groups === null) return [{ head: null, items: nodes.slice(0, limit) }];
    return groups.map((group) => ({ head: group, items: this.#folded.has(group) ? [] : group.nodes.slice(0, limit) }));
  }

  /** Return how groups become heads: copies of `template`. */
  heads(template: HTMLTemplateElement): ElementKind<NodeGroup> {
    return { template, keyOf: ({ value }) => value, fill: (fields, group) => this.#fill(fields, group) };
  }

  #fill(fields: Fields, group: NodeGroup): void {
    const state = worstState(group.nodes, this.#options.severityOf);
    fields.setData("group", group.value);
    fields.setData("status", state.severity === null || state.mark === "offline" ? state.mark : "");
    fields.setData("severity", state.severity ?? "");
    fields.show("group", groupName(group), asIs);
    fields.show("count", group.nodes.length, wording.nodeCount);
    fields.show("state", state.mark, () => stateText(state));
    this.#options.fillAverages(fields, group.nodes);
    const button = fields.root.querySelector("button");
    if (button !== null) attribute(button, "aria-expanded", `${!this.#folded.has(group)}`);
  }

  #areAllFolded(): boolean {
    return this.#groups.length > 0 && this.#groups.every((group) => this.#folded.has(group));
  }

  #toggle(value: string): void {
    const group = { label: this.label, value };
    this.#folded.set([group], !this.#folded.has(group));
    this.#options.onChange();
  }
}
