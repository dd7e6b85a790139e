// Times and memory of one song, for benchmarks/browser.py.

import { readFileSync } from "node:fs";

import * as tab from "./browser.mjs";

const SAMPLE_MS = 200;

/** Loads the page, separates a song, and returns seconds and bytes. */
export async function measure({ chromium, url, file, threads }) {
  return tab.withBrowser(chromium, async (browser) => {
    const memory = await watchMemory(browser);
    const clock = stopwatch();
    const page = await tab.openPage(browser, `${url}?threads=${threads}`);
    await tab.ready(page);
    const loaded = clock();
    const before = memory.peak();
    await tab.choose(page, file);
    const chosen = stopwatch();
    await page.waitForSelector("#play:not([disabled])");
    const playable = chosen();
    await page.click("#play");
    await tab.sounding(page);
    const heard = chosen();
    await tab.separated(page);
    const separated = chosen();
    const duration = Number(await page.getAttribute("#waveform", "aria-valuemax"));
    const weight = await fetched(page);
    memory.stop();
    return { loaded, playable, heard, separated, duration, weight, before, peak: memory.peak() };
  });
}

function stopwatch() {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}

/** Follows the memory of the largest tab process (proportional set size, bytes). */
async function watchMemory(browser) {
  const session = await browser.newBrowserCDPSession();
  let peak = 0;
  const sample = async () => {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    for (const { type, id } of processInfo) {
      if (type === "renderer") peak = Math.max(peak, proportionalSize(id));
    }
  };
  await sample();
  const timer = setInterval(() => sample().catch(() => undefined), SAMPLE_MS);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}

function proportionalSize(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf-8");
    return Number(/^Pss:\s+(\d+)/m.exec(text)[1]) * 1024;
  } catch {
    return 0; // the process has gone
  }
}

/** Bytes that a first visit brings, by kind: without and with the model. */
async function fetched(page) {
  return page.evaluate(async () => {
    let model = 0;
    let rest = 0;
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const size = (await (await cache.match(request)).arrayBuffer()).byteLength;
        if (request.url.endsWith(".tflite")) model += size;
        else rest += size;
      }
    }
    return { model, rest };
  });
}

/** A long song: memory until its first `seconds` are there; then it is cancelled. */
export async function partly({ chromium, url, file, seconds }) {
  return tab.withBrowser(chromium, async (browser) => {
    const memory = await watchMemory(browser);
    const page = await tab.openPage(browser, url);
    await tab.ready(page);
    await tab.choose(page, file);
    await page.waitForSelector("#play:not([disabled])");
    await page.click("#play");
    await tab.seek(page, (seconds - 3) / Number(await page.getAttribute("#waveform", "aria-valuemax")));
    await tab.reached(page, seconds - 2);
    const place = await page.evaluate(() => document.body.dataset.place);
    await page.click("#cancel");
    const said = await tab.waitForMessage(page, "Cancelled");
    memory.stop();
    return { peak: memory.peak(), place, said, problems: page.problems };
  });
}
