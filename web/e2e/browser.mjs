// Starts Chromium, opens the page, and does on it what a person would.

import { chromium } from "playwright-core";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Generous: the machine may be busy. Nothing waits for a time, all for conditions. */
export const PATIENCE = 180_000;

/** Runs `use(browser)` in a fresh Chromium. */
export async function withBrowser(path, use, args = []) {
  const browser = await chromium.launch({ executablePath: path, args: [...ARGS, ...args] });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

/** Opens the page and notes what goes wrong in it. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({
    acceptDownloads: true,
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
  page.on("crash", () => page.problems.push("the tab crashed"));
  page.on("console", (message) => {
    const text = message.text();
    // LiteRT logs its INFO lines as errors; a refused policy must not pass.
    if (/Content Security Policy/.test(text)) page.problems.push(text);
  });
  if (options.before) await options.before(page, context);
  await page.goto(url);
  return page;
}

/** Waits until the model is there. */
export async function ready(page) {
  await page.waitForFunction(() => document.body.dataset.threads !== undefined);
}

export async function message(page) {
  return (await page.textContent("#message")).trim();
}

/** Waits for a message on the page that matches. */
export async function waitForMessage(page, pattern) {
  await page.waitForFunction(
    ([source]) => new RegExp(source).test(document.querySelector("#message").textContent),
    [pattern],
  );
  return message(page);
}

/** Gives the page a song through its file input. */
export async function choose(page, file) {
  await page.setInputFiles("#file", file);
}

/** Waits until all stems of the song are there. */
export async function separated(page) {
  await waitForMessage(page, "All stems are ready");
}

/** Presses a button and saves what the browser downloads. */
export async function save(page, selector, path) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
  await download.saveAs(path);
  return download.suggestedFilename();
}

/** Waits until the player is at `seconds` or later. */
export async function reached(page, seconds) {
  await page.waitForFunction(
    (wanted) =>
      Number(document.querySelector("#waveform").getAttribute("aria-valuenow")) >= wanted,
    seconds,
  );
}

/** Waits until some stem's meter is up. */
export async function sounding(page, stem = "") {
  await page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll("#stems li")].some(
        (row) => (!wanted || row.dataset.stem === wanted) && Number(row.dataset.level) > 0.3,
      ),
    stem,
  );
}

/** Clicks at a share of the waveform's width. */
export async function seek(page, share) {
  await page.locator("#waveform").scrollIntoViewIfNeeded();
  const box = await page.locator("#waveform").boundingBox();
  await page.mouse.click(box.x + box.width * share, box.y + box.height / 2);
}

/** The position of the player, in seconds. */
export async function position(page) {
  return Number(await page.getAttribute("#waveform", "aria-valuenow"));
}
