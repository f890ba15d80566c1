/** Checks whether the push service refuses this page's origin. A failed WebSocket does not show the reason. */

const TIMEOUT_MS = 5000;
/** Text with which python-engineio refuses an origin, status 400. */
const REFUSED_ORIGIN_TEXT = "Not an accepted origin";

/**
 * Return whether the origin is refused. The request is a POST, because browsers send no `Origin` with a GET to their
 * own origin.
 */
export async function isOriginRefused(): Promise<boolean> {
  try {
    const response = await fetch("/socket.io/?EIO=4&transport=polling", {
      method: "POST",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return !response.ok && (await response.text()).includes(REFUSED_ORIGIN_TEXT);
  } catch {
    return false;
  }
}
