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

const SIZES = {
  phone: { width: 360, height: 740 },
  desktop: { width: 1280, height: 800 },
};

/** Pictures for the documentation: before and after, small and large, light and dark. */
export async function pictures({ chromium, url, out, file, looks }) {
  mkdirSync(out, { recursive: true });
  return tab.withBrowser(chromium, async (browser) => {
    const overflow = {};
    for (const [size, colorScheme] of looks) {
      const options = { viewport: SIZES[size], colorScheme };
      const page = await tab.openPage(browser, url, options);
      const name = (state) => join(out, `karaoke-${size}-${colorScheme}-${state}.png`);
      await tab.ready(page);
      await page.waitForSelector("#offline:not([hidden])");
      await page.screenshot({ path: name("start") });
      if (file) await tab.choose(page, file);
      else await page.click("#demo");
      await tab.separated(page);
      await page.click(".presets button[data-level='25']");
      await page.click("#play");
      await page.waitForSelector("#play.playing");
      await tab.seek(page, 0.4);
      await page.evaluate(() => scrollTo(0, 0));
      await tab.sounding(page);
      await page.screenshot({ path: name("song") });
      overflow[`${size} ${colorScheme}`] = await page.evaluate(
        () => document.documentElement.scrollWidth - innerWidth,
      );
      await page.context().close();
    }
    return { overflow };
  });
}

/** Plays, pauses, seeks, mutes, solos and turns the voice down, by mouse and by key. */
export async function play({ chromium, url, file, out }) {
  mkdirSync(out, { recursive: true });
  return tab.withBrowser(chromium, async (browser) => {
    const page = await tab.openPage(browser, url);
    await tab.ready(page);
    await tab.choose(page, file);
    await page.waitForSelector("#play:not([disabled])");
    const seen = { early: await tab.message(page) };
    await page.click("#play");
    await tab.reached(page, 0.5);
    await tab.sounding(page, "vocals");
    await tab.separated(page);
    await page.keyboard.press("Space");
    await page.waitForSelector("#play:not(.playing)");
    seen.paused = await tab.position(page);
    await tab.seek(page, 0.5);
    await tab.reached(page, seen.paused + 1);
    seen.sought = await tab.position(page);
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(
      (before) =>
        Number(document.querySelector("#waveform").getAttribute("aria-valuenow")) < before,
      seen.sought,
    );
    seen.back = await tab.position(page);
    seen.clock = await page.textContent("#time");
    Object.assign(seen, await mixing(page, out));
    await tab.seek(page, 0.99);
    await page.waitForSelector("#play:not(.playing)"); // the song ends
    seen.ended = await tab.position(page);
    seen.labels = await unlabelled(page);
    return { ...seen, problems: page.problems };
  });
}

/** With the song playing: the controls of the mix, and what the meters show. */
async function mixing(page, out) {
  const silent = (name) =>
    page.waitForFunction(
      (stem) => Number(document.querySelector(`#stems [data-stem=${stem}]`).dataset.level) === 0,
      name,
    );
  const pressed = (label) => page.getAttribute(`[aria-label="${label}"]`, "aria-pressed");
  const again = () => page.keyboard.press("Home"); // the song must not end meanwhile
  await again();
  await page.keyboard.press("Space");
  await tab.sounding(page, "vocals");
  await page.click('[aria-label="Mute Vocals"]');
  await silent("vocals");
  await tab.sounding(page, "accompaniment");
  await again();
  const muted = await pressed("Mute Vocals");
  await page.keyboard.press("1");
  await tab.sounding(page, "vocals");
  await page.keyboard.press("Shift+Digit1");
  await silent("accompaniment");
  await again();
  const solo = await pressed("Solo Vocals");
  await page.keyboard.press("Shift+Digit1");
  await page.keyboard.press("k");
  await silent("vocals");
  const karaoke = await page.textContent("#vocals-percent");
  await tab.save(page, "#download-mix", join(out, "karaoke.wav"));
  await tab.save(page, "[data-stem=accompaniment] .save", join(out, "accompaniment.wav"));
  return { muted, solo, karaoke };
}

/** Controls that a screen reader could not name. */
function unlabelled(page) {
  return page.$$eval("button, input, [role=slider]", (elements) =>
    elements
      .filter((element) => {
        const labels = [...(element.labels ?? [])].map((label) => label.textContent).join("");
        return !(element.ariaLabel || element.textContent.trim() || labels.trim());
      })
      .map((element) => element.outerHTML),
  );
}

/** Gives the page files that are no songs, or odd ones; returns what it says. */
export async function odd({ chromium, url, refused, accepted, long }) {
  return tab.withBrowser(chromium, async (browser) => {
    const page = await tab.openPage(browser, url);
    await tab.ready(page);
    const messages = {};
    for (const [name, file] of Object.entries(refused)) {
      await tab.choose(page, file);
      await page.waitForSelector("#status.bad");
      messages[name] = await tab.message(page);
    }
    const lengths = {};
    for (const [name, file] of Object.entries(accepted)) {
      await tab.choose(page, file);
      await tab.separated(page);
      lengths[name] = await page.getAttribute("#waveform", "aria-valuemax");
    }
    await tab.choose(page, long);
    await page.waitForSelector("#play:not([disabled])");
    lengths.long = await page.getAttribute("#waveform", "aria-valuemax");
    const place = await page.evaluate(() => document.body.dataset.place);
    await page.click("#cancel");
    messages.cancelled = await tab.waitForMessage(page, "Cancelled");
    await tab.choose(page, Object.values(accepted)[0]); // and on it goes
    await tab.separated(page);
    return { messages, lengths, place, problems: page.problems };
  });
}

/** Visits the page, cuts the network, and separates a song with what is kept. */
export async function offline({ chromium, url, out }) {
  mkdirSync(out, { recursive: true });
  return tab.withBrowser(chromium, async (browser) => {
    const page = await tab.openPage(browser, url);
    await tab.ready(page);
    await page.waitForSelector("#offline:not([hidden])");
    await page.context().setOffline(true);
    const asked = [];
    page.on("requestfailed", (request) => {
      if (request.url().startsWith("http")) asked.push(request.url());
    });
    await page.reload();
    await tab.ready(page);
    await page.click("#demo");
    await tab.separated(page);
    await tab.save(page, "[data-stem=vocals] .save", join(out, "vocals.wav"));
    const cached = await page.evaluate(() => navigator.serviceWorker.controller !== null);
    const isolated = await page.evaluate(() => globalThis.crossOriginIsolated);
    return { cached, isolated, failed: asked, problems: page.problems };
  });
}
