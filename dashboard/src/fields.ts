/**
 * A piece of a page whose `data-field` and `data-bar` elements are filled by name, and whose `data-link` ones lead where
 * `link()` says; only what changed is written.
 */

/** Makes text of a value. */
export type Format<V> = (value: V) => string;

interface Slots {
  readonly texts: Element[];
  readonly bars: HTMLElement[];
}

/** The fields below `root`. A name that the template does not have is passed over. */
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

  /** A copy of the single element in `template`. */
  static of(template: HTMLTemplateElement): Fields {
    const root = template.content.firstElementChild?.cloneNode(true);
    if (!(root instanceof HTMLElement)) throw new Error(`template ${template.id} has no element`);
    return new Fields(root);
  }

  /** Show `value` wherever `name` stands: as text, and as the length of a bar where it is a percentage. */
  show<V extends string | number | null>(name: string, value: V, format: Format<V>): void {
    const slots = this.#slots.get(name);
    if (slots === undefined || (this.#shown.has(name) && this.#shown.get(name) === value)) return;
    this.#shown.set(name, value);
    const text = format(value);
    for (const element of slots.texts) {
      write(element, text);
      // Where there may be too little room for all of it.
      if (element.hasAttribute("data-full")) attribute(element, "title", text);
    }
    for (const bar of slots.bars) bar.style.setProperty("--share", typeof value === "number" ? `${value / 100}` : "0");
  }

  /** Let the links of this piece lead to `address`. */
  setLinks(address: string): void {
    for (const link of this.#links) attribute(link, "href", address);
  }

  /** Set `data-<mark>` on the texts of `name`; remove it where `value` is `null`. */
  setFieldData(name: string, mark: string, value: string | null): void {
    for (const element of this.#slots.get(name)?.texts ?? []) {
      if (value === null) element.removeAttribute(`data-${mark}`);
      else attribute(element, `data-${mark}`, value);
    }
  }

  /** Set an attribute of the texts of `name`. */
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

/** The element of that id, which the page's template must have. */
export function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} with id ${id}`);
  return element;
}

/** Set the text of `element`. What stays as it is is not read out again, where changes are. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute of `element` where it differs. */
export function attribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Text as it is. */
export function asIs(text: string | null): string {
  return text ?? "";
}
