/** Reloads a page that is older than the server, once for each version of the server, but not in full screen. */

const STORAGE_KEY = "reloaded-for";

/** Reload if `server` differs from `page` and this tab has not yet reloaded for this version. */
export function reloadOnce(page: string | null, server: string | null, reload = () => location.reload()): void {
  if (page === null || server === null || page === server || globalThis.document?.fullscreenElement) return;
  const key = `${STORAGE_KEY} ${server}`;
  try {
    // During an upgrade, an older server may send the page again. The page then stays and shows a message.
    if (sessionStorage.getItem(key) !== null) return;
    sessionStorage.setItem(key, "");
  } catch {
    return; // Without storage, the page would reload forever.
  }
  reload();
}
