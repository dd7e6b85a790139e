/** The page: connects what is seen with the studio that does the work. */

import { loadConfig, type KaraokeConfig } from "./app/config";
import { keepOffline } from "./app/offline";
import { explain, missingFeature, Problem } from "./app/problems";
import { Page } from "./ui/page";
import { showStatus } from "./ui/status";

async function start(): Promise<void> {
  const missing = missingFeature();
  if (missing !== null) {
    document.body.classList.add("unusable");
    showStatus({ text: missing, bad: true });
    return;
  }
  let config: KaraokeConfig;
  try {
    config = await loadConfig();
  } catch (error) {
    const problem = error instanceof Problem ? error : explain(error);
    showStatus({ text: problem.message, bad: true, retry: true });
    document.getElementById("retry")!.onclick = () => location.reload();
    return;
  }
  const page = new Page(config, new URLSearchParams(location.search));
  page.start(keepOffline);
}

void start();
