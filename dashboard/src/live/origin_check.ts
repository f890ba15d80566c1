/** Find out whether the push service refuses this page's origin, which a failed WebSocket does not tell. */

const TIMEOUT_MS = 5000;
/** What python-engineio answers, status 400, to an origin that it does not accept. */
const REFUSAL = "Not an accepted origin";

/** A POST, since browsers send no `Origin` with a GET to their own origin. */
export async function isOriginRefused(): Promise<boolean> {
  try {
    const response = await fetch("/socket.io/?EIO=4&transport=polling", {
      method: "POST",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return !response.ok && (await response.text()).includes(REFUSAL);
  } catch {
    return false;
  }
}
