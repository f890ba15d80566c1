/** A page that is older than the server reloads itself, once for each version of the server. Not out of the full screen. */

const KEY = "reloaded-for";

/** Reload where `server` is another version than `page` and this tab has not yet reloaded for it. */
export function reloadOnce(page: string | null, server: string | null, reload = () => location.reload()): void {
  if (page === null || server === null || page === server || globalThis.document?.fullscreenElement) return;
  const key = `${KEY} ${server}`;
  try {
    // During an upgrade the page may come from an older server once more: then it says so and stays.
    if (sessionStorage.getItem(key) !== null) return;
    sessionStorage.setItem(key, "");
  } catch {
    return; // Without a memory it would reload for ever.
  }
  reload();
}
