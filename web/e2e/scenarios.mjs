// What the browser tests do. Each takes its settings and returns what it saw.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import * as tab from "./browser.mjs";

/** Separates files one after the other and downloads all that can be downloaded. */
export async function separate({ chromium, url, files, out }) {
  return tab.withBrowser(chromium, async (browser) => {
    const page = await tab.openPage(browser, url);
    await tab.ready(page);
    const songs = [];
    for (const file of files) {
      songs.push(await separateOne(page, file, join(out, String(songs.length))));
    }
    const facts = await page.evaluate(() => ({
      isolated: globalThis.crossOriginIsolated,
      threads: Number(document.body.dataset.threads),
    }));
    return { ...facts, songs, problems: page.problems };
  });
}

async function separateOne(page, file, out) {
  mkdirSync(out, { recursive: true });
  await tab.choose(page, file);
  await tab.separated(page);
  const names = await page.$$eval("#stems li", (rows) => rows.map((row) => row.dataset.stem));
  const downloads = {};
  for (const name of names) {
    const path = join(out, `${name}.wav`);
    downloads[name] = await tab.save(page, `#stems li[data-stem=${name}] .save`, path);
  }
  downloads.mix = await tab.save(page, "#download-mix", join(out, "mix.wav"));
  return { names, downloads, place: await page.evaluate(() => document.body.dataset.place) };
}
