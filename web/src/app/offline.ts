/** Registers the service worker that lets the page open without a network. */

/** Calls `onReady` once the page's own files are kept on the device. */
export async function keepOffline(onReady: () => void): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("sw.js");
    await navigator.serviceWorker.ready;
    onReady();
  } catch {
    // A page that cannot be kept still works with a network.
  }
}
