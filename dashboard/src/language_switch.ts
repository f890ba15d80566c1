/** The links to this page in another language. The links keep the state in the address. */

/** `start()` keeps the links up to date. The server stores the choice of the language. */
export class LanguageSwitch {
  readonly #links = [...document.querySelectorAll<HTMLAnchorElement>("a[data-language]")];
  /**
   * Query parameters that the server wrote into each link, such as the page after signing in. The page's address may
   * lack them.
   */
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
    // The server stored the language. A shared link must not set the language of another reader.
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
