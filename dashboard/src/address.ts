/** The state of a page that its address carries, so that a link leads to it. */

/** The parameter of that name, or `otherwise`; of `allowed` values only, where these are given. */
export function parameter(name: string, otherwise: string, allowed?: readonly string[]): string {
  const value = new URLSearchParams(location.search).get(name);
  return value === null || (allowed !== undefined && !allowed.includes(value)) ? otherwise : value;
}

/** The parameters that are not empty. */
export function nonEmpty(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

/** Write parameters into the address; an empty one is left out. Makes no entry in the history of the browser. */
export function setParameters(values: Readonly<Record<string, string>>): void {
  const parameters = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === "") parameters.delete(name);
    else parameters.set(name, value);
  }
  const query = parameters.toString();
  history.replaceState(history.state, "", query === "" ? location.pathname : `${location.pathname}?${query}`);
}

/** This page, with the state that its address carries. */
export function currentAddress(): string {
  return `${location.pathname}${location.search}`;
}

/** Address of the page where one signs in, which leads back to `page`. */
export function signInAddress(page: string): string {
  return `/login?${new URLSearchParams({ next: page })}`;
}

/** Address of the page of one node. */
export function nodeAddress(node: string): string {
  return `/nodes/${encodeURIComponent(node)}`;
}
