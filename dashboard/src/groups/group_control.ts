/** The control that chooses the label of the groups. The address keeps the label. */

import { parameter, setParameters } from "../address.ts";
import type { Node } from "../contract.ts";
import { byId } from "../fields.ts";
import { wording } from "../wording.ts";
import { groupsOf, labelNamesOf, type NodeGroup } from "./node_groups.ts";

const PARAMETER = "group";

/**
 * The list `group-by` in its label `group-control`, which is hidden while no node has a label. A label in the address
 * that no node has takes effect when a node gets the label.
 */
export class GroupControl {
  readonly #control = byId("group-control", HTMLElement);
  readonly #choice = byId("group-by", HTMLSelectElement);
  readonly #onChange: () => void;
  #wanted = parameter(PARAMETER, "");
  #names: readonly string[] = [];

  /** `onChange` is called when the reader chooses a label. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** The label of the groups; empty without groups. */
  get label(): string {
    return this.#names.includes(this.#wanted) ? this.#wanted : "";
  }

  start(): void {
    this.#choice.onchange = () => {
      this.#wanted = this.#choice.value;
      setParameters({ [PARAMETER]: this.#wanted });
      this.#onChange();
    };
  }

  stop(): void {
    this.#choice.onchange = null;
  }

  /** Offer the labels of `nodes`. */
  offer(nodes: readonly Node[]): void {
    const names = labelNamesOf(nodes);
    // Replacing the options would close the list under the reader's finger.
    if (names.join("\n") === this.#names.join("\n")) return;
    this.#names = names;
    this.#choice.replaceChildren(optionOf("", wording.noGroups), ...names.map((name) => optionOf(name, name)));
    this.#choice.value = this.label;
    this.#control.hidden = names.length === 0;
  }

  /** Return the groups of `nodes` by the chosen label; `null` without groups. */
  groupsOf(nodes: readonly Node[]): NodeGroup[] | null {
    return this.label === "" ? null : groupsOf(nodes, this.label);
  }
}

function optionOf(value: string, text: string): HTMLOptionElement {
  const option = document.createElement("option");
  option.value = value;
  option.textContent = text;
  return option;
}
