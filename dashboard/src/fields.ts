/**
 * A part of a page whose elements with `data-field` or `data-bar` are filled by name. `setLinks()` sets the address of
 * the elements with `data-link`. Only changes are written.
 */

/** Converts a value to text. */
export type Format<V> = (value: V) => string;

interface Slots {
  readonly texts: Element[];
  readonly bars: HTMLElement[];
}

/** The fields below `root`. Names that the template lacks are ignored. */
export class Fields {
  readonly root: HTMLElement;
  readonly #slots = new Map<string, Slots>();
  readonly #links: HTMLAnchorElement[] = [];
  readonly #shown = new Map<string, unknown>();

  constructor(root: HTMLElement) {
    this.root = root;
    for (const element of withDescendants(root)) {
      const { field, bar } = element.dataset;
      if (field !== undefined) this.#slotsOf(field).texts.push(element);
      if (bar !== undefined) this.#slotsOf(bar).bars.push(element);
      if (element instanceof HTMLAnchorElement && "link" in element.dataset) this.#links.push(element);
    }
  }

  /** Return the fields of a copy of the only element in `template`. */
  static of(template: HTMLTemplateElement): Fields {
    const root = template.content.firstElementChild?.cloneNode(true);
    if (!(root instanceof HTMLElement)) throw new Error(`template ${template.id} has no element`);
    return new Fields(root);
  }

  /** Show `value` in the elements named `name`: as text, and as the length of a bar if the value is a percentage. */
  show<V extends string | number | null>(name: string, value: V, format: Format<V>): void {
    const slots = this.#slots.get(name);
    if (slots === undefined || (this.#shown.has(name) && this.#shown.get(name) === value)) return;
    this.#shown.set(name, value);
    const text = format(value);
    for (const element of slots.texts) {
      write(element, text);
      // The element may be too small for the whole text.
      if (element.hasAttribute("data-full")) attribute(element, "title", text);
    }
    for (const bar of slots.bars) bar.style.setProperty("--share", typeof value === "number" ? `${value / 100}` : "0");
  }

  /** Set the address of all links to `address`. */
  setLinks(address: string): void {
    for (const link of this.#links) attribute(link, "href", address);
  }

  /** Set `data-<mark>` on the text elements of `name`; remove the attribute if `value` is `null`. */
  setFieldData(name: string, mark: string, value: string | null): void {
    for (const element of this.#slots.get(name)?.texts ?? []) {
      if (value === null) element.removeAttribute(`data-${mark}`);
      else attribute(element, `data-${mark}`, value);
    }
  }

  /** Set an attribute of the text elements of `name`. */
  attribute(name: string, key: string, value: string): void {
    for (const element of this.#slots.get(name)?.texts ?? []) attribute(element, key, value);
  }

  /** Set `data-<name>` on `root`. */
  setData(name: string, value: string): void {
    if (this.root.dataset[name] !== value) this.root.dataset[name] = value;
  }

  #slotsOf(name: string): Slots {
    let slots = this.#slots.get(name);
    if (slots === undefined) {
      slots = { texts: [], bars: [] };
      this.#slots.set(name, slots);
    }
    return slots;
  }
}

function withDescendants(root: HTMLElement): HTMLElement[] {
  return [root, ...root.querySelectorAll<HTMLElement>("[data-field], [data-bar], [data-link]")];
}

/** Return the element with this id, which the template must have. */
export function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} with id ${id}`);
  return element;
}

/** Set the text of `element` if different, because live regions read out every write. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute of `element` if different. */
export function attribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Return the text unchanged, or the empty string for `null`. */
export function asIs(text: string | null): string {
  return text ?? "";
}
