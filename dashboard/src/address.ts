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

/** The query of the address as this page wrote it last; `null` before `followParameter()`. */
let shownQuery: string | null = null;

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
 * Call `onChange` with the parameter `name` when the reader goes back or forward. The other parameters keep the values
 * that the page shows. The returned function ends this.
 */
export function followParameter(name: string, onChange: (value: string) => void): () => void {
  shownQuery = location.search;
  const onPop = (): void => {
    if (location.search === shownQuery) return;
    const value = parameter(name, "");
    const parameters = new URLSearchParams(shownQuery ?? "");
    if (value === "") parameters.delete(name);
    else parameters.set(name, value);
    write(parameters);
    onChange(value);
  };
  window.addEventListener("popstate", onPop);
  return () => window.removeEventListener("popstate", onPop);
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
