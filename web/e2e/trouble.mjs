// What can go wrong around the page, made to happen.

import * as tab from "./browser.mjs";

/** Models that do not arrive, browsers that lack something, full storage. */
export async function trouble({ chromium, url, file }) {
  return tab.withBrowser(chromium, async (browser) => {
    const said = {};
    said.missing = await withModel(browser, url, (route) => route.fulfill({ status: 404 }));
    said.cut = await withModel(browser, url, async (route) => {
      const response = await route.fetch();
      const body = (await response.body()).subarray(0, 100_000);
      await route.fulfill({ status: 200, body });
    });
    const cutOff = (route) => route.abort("connectionreset");
    said.broken = await withModel(browser, url, cutOff, async (page) => {
      await tab.choose(page, file); // a song tries again, too
      await tab.separated(page);
    });
    said.old = await withoutSimd(browser, url);
    said.full = await fullStorage(browser, url, file);
    said.hidden = await hiddenTab(browser, url, file);
    return said;
  });
}

/** Returns what the page says, and makes sure that trying again helps. */
async function withModel(browser, url, answer, again = (page) => page.click("#retry")) {
  const page = await tab.openPage(browser, url, {
    serviceWorkers: "block",
    before: (opened) => opened.route("**/*.tflite", answer),
  });
  await page.waitForSelector("#retry:not([hidden])");
  const message = await tab.message(page);
  await page.unroute("**/*.tflite");
  await again(page);
  await tab.ready(page);
  await page.context().close();
  return message;
}

async function withoutSimd(browser, url) {
  const page = await tab.openPage(browser, url, {
    before: (opened) =>
      opened.addInitScript(() => {
        WebAssembly.validate = () => false;
      }),
  });
  await page.waitForSelector("#status.bad");
  const message = await tab.message(page);
  await page.context().close();
  return message;
}

async function fullStorage(browser, url, file) {
  const page = await tab.openPage(browser, `${url}?store=disk`);
  await tab.ready(page);
  const session = await page.context().newCDPSession(page);
  const quota = { origin: new URL(url).origin, quotaSize: 1000 };
  await session.send("Storage.overrideQuotaForOrigin", quota);
  await tab.choose(page, file);
  await page.waitForSelector("#status.bad");
  const message = await tab.message(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: quota.origin });
  await tab.choose(page, file);
  await tab.separated(page);
  const place = await page.evaluate(() => document.body.dataset.place);
  await page.context().close();
  return { message, place };
}

/** A hidden tab gets no animation frames: nothing but drawing may need them. */
async function hiddenTab(browser, url, file) {
  const page = await tab.openPage(browser, url, {
    before: (opened) =>
      opened.addInitScript(() => {
        globalThis.requestAnimationFrame = () => 0;
      }),
  });
  const finished = page.waitForEvent("console", (entry) => entry.text() === "all stems");
  await page.evaluate(() => {
    new MutationObserver(() => {
      const text = document.querySelector("#message").textContent;
      if (text.includes("All stems are ready")) console.log("all stems");
    }).observe(document.querySelector("#message"), { childList: true });
  });
  await tab.choose(page, file);
  await finished;
  await page.context().close();
  return "finished";
}
