/** The state of a page that is kept in its address, so that a link reproduces the state. */

/** Return the query parameter `name`, or `otherwise` if the parameter is missing or not in `allowed`. */
export function parameter(name: string, otherwise: string, allowed?: readonly string[]): string {
  const value = new URLSearchParams(location.search).get(name);
  return value === null || (allowed !== undefined && !allowed.includes(value)) ? otherwise : value;
}

/** Return all values of the query parameter `name`. */
export function parameterList(name: string): string[] {
  return new URLSearchParams(location.search).getAll(name);
}

/** Return the parameters that are not empty. */
export function nonEmpty(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

interface Follower {
  readonly names: readonly string[];
  readonly onChange: () => void;
}

/** One listener serves all of them: each rewrites the address, and the next would no longer see where the reader went. */
const followers = new Set<Follower>();
/** The query of the address as this page wrote it last. */
let shownQuery = "";

/**
 * Write parameters into the address and remove the empty ones. Only `isNewEntry` adds an entry to the browser's
 * history.
 */
export function setParameters(values: Readonly<Record<string, string>>, isNewEntry = false): void {
  const parameters = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === "") parameters.delete(name);
    else parameters.set(name, value);
  }
  write(parameters, isNewEntry);
}

/** Write all values of one parameter into the address. */
export function setParameterList(name: string, values: readonly string[]): void {
  const parameters = new URLSearchParams(location.search);
  parameters.delete(name);
  for (const value of values) parameters.append(name, value);
  write(parameters);
}

function write(parameters: URLSearchParams, isNewEntry = false): void {
  const query = parameters.toString();
  const address = query === "" ? location.pathname : `${location.pathname}?${query}`;
  if (isNewEntry) history.pushState(history.state, "", address);
  else history.replaceState(history.state, "", address);
  shownQuery = location.search;
}

/**
 * Call `onChange` when the reader goes back or forward to other values of the parameters `names`. The parameters that
 * nothing follows keep the values that the page shows. The returned function ends this.
 */
export function followParameters(names: readonly string[], onChange: () => void): () => void {
  if (followers.size === 0) {
    shownQuery = location.search;
    window.addEventListener("popstate", onPop);
  }
  const follower = { names, onChange };
  followers.add(follower);
  return () => {
    followers.delete(follower);
    if (followers.size === 0) window.removeEventListener("popstate", onPop);
  };
}

function onPop(): void {
  if (location.search === shownQuery) return;
  const asked = new URLSearchParams(location.search);
  const parameters = new URLSearchParams(shownQuery);
  const isOther = (name: string): boolean => (asked.get(name) ?? "") !== (parameters.get(name) ?? "");
  const changed = [...followers].filter(({ names }) => names.some(isOther));
  for (const name of changed.flatMap(({ names }) => names)) {
    const value = asked.get(name) ?? "";
    if (value === "") parameters.delete(name);
    else parameters.set(name, value);
  }
  write(parameters);
  for (const { onChange } of changed) onChange();
}

/** Address of this page with its state. */
export function currentAddress(): string {
  return `${location.pathname}${location.search}`;
}

/** Address of the sign-in page, which leads back to `page`. */
export function signInAddress(page: string): string {
  return `/login?${new URLSearchParams({ next: page })}`;
}

/** Address of a node's page. */
export function nodeAddress(node: string): string {
  return `/nodes/${encodeURIComponent(node)}`;
}

/** Address of a comparison. */
export function compareAddress(nodes: readonly string[], others: Readonly<Record<string, string>> = {}): string {
  const parameters = new URLSearchParams(nodes.map((node) => ["node", node]));
  for (const [name, value] of Object.entries(nonEmpty(others))) parameters.set(name, value);
  return `/compare?${parameters}`;
}
