/** The links to the same page in another language: they keep the state that the address carries. */

/** `start()` keeps the links right; the server remembers the choice. */
export class LanguageSwitch {
  readonly #links = [...document.querySelectorAll<HTMLAnchorElement>("a[data-language]")];
  /** What the server wrote into each, such as where to go after signing in: the address of the page may lack it. */
  readonly #serverParameters = new Map(this.#links.map((link) => [link, new URL(link.href).searchParams]));
  readonly #updateLink = (event: Event): void => {
    const link = event.currentTarget as HTMLAnchorElement;
    const address = new URL(location.href);
    for (const [name, value] of this.#serverParameters.get(link) ?? []) address.searchParams.set(name, value);
    link.href = address.href;
  };

  start(): void {
    for (const link of this.#links)
      for (const event of ["click", "auxclick", "focus"]) link.addEventListener(event, this.#updateLink);
    // Chosen and remembered: a link to this page is in the language of whoever follows it.
    const address = new URL(location.href);
    if (!address.searchParams.has("lang")) return;
    address.searchParams.delete("lang");
    history.replaceState(history.state, "", address.href);
  }

  stop(): void {
    for (const link of this.#links)
      for (const event of ["click", "auxclick", "focus"]) link.removeEventListener(event, this.#updateLink);
  }
}
