// The first minute: something real at once, the engine soon after.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FLAGS, launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

let browser, server;
before(async () => ([browser, server] = await Promise.all([launch(), serve()])));
after(async () => {
  await browser.close();
  server.close();
});

test("a recorded run is on screen before the engine is there, and follows the slider", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await context.route("**/*worker*", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(server.url);
  const it = new Playground({ context, page, complaints: [] });
  await it.at("recorded").waitFor({ state: "attached" });
  assert.equal(await it.at("status").getAttribute("data-phase"), "starting");
  await it.at("digit-0").waitFor();
  await page.locator("[data-testid^=map-tile-]").first().waitFor();
  const [zeros, digest] = [await it.count("zeros"), await it.digest()];
  assert.ok(zeros > 0, "the recorded run shows a cut");
  await it.drag(0.95);
  await it.until(async () => (await it.count("zeros")) > zeros, () => "the recorded zeros did not grow");
  assert.notEqual(await it.digest(), digest);
  release();
  await it.ready();
  assert.equal(await it.at("recorded").count(), 0);
  await context.close();
});

test("an adapter that is only software is offered, not taken", async () => {
  const it = await Playground.live(browser, server.url);
  assert.match(await it.text("adapter"), /CPU/);
  assert.match(await it.text("status"), /software/i, "and the page says why");
  await it.close();
});

test("without WebGPU everything works on the CPU", async () => {
  const plain = await launch(FLAGS.filter((flag) => !flag.includes("webgpu")));
  const it = await Playground.live(plain, server.url);
  assert.match(await it.text("adapter"), /CPU/);
  const digest = await it.settled();
  await it.drag(0.3);
  assert.notEqual(await it.settled(), digest);
  await it.close();
  await plain.close();
});

test("the keyboard is enough", async () => {
  const it = await Playground.live(browser, server.url);
  const { page } = it;
  const focused = () => page.evaluate(() => document.activeElement?.dataset?.testid);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // the skip link
  assert.equal(await focused(), "slider");
  assert.deepEqual(await it.at("error").allInnerTexts(), []);
  const before = await it.settled();
  await page.keyboard.press("PageUp");
  const cut = await it.settled();
  assert.notEqual(cut, before);
  await page.keyboard.press("Control+z");
  await it.digestIs(before);
  await page.keyboard.press("Control+Shift+z");
  await it.digestIs(cut);
  const reached = new Set();
  do {
    reached.add(await focused());
    await page.keyboard.press("Tab");
  } while ((await focused()) !== "slider");
  for (const id of ["undo", "device", "share", "export", "theme", "model", "open", "seed", "draw"]) {
    assert.ok(reached.has(id), `${id} is reached by Tab`);
  }
  await it.close();
});

test("a link that cannot be followed gets a sentence and a working page", async () => {
  const it = await Playground.live(browser, server.url, "method=astrology&seed=0");
  assert.match(await it.error(), /link could not be followed.*astrology/);
  await it.drag(0.6);
  await it.settled();
  await it.close();
});

test("light and dark", async () => {
  const it = await Playground.visit(browser, server.url, "", { colorScheme: "dark" });
  await it.at("recorded").waitFor({ state: "attached" });
  const background = () => it.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await it.at("theme").click();
  await it.until(async () => (await background()) !== dark, () => `the background stayed ${dark}`);
  await it.close();
});

test("nothing sticks out of a phone's screen, not even progress", async () => {
  const width = 390;
  const it = await Playground.live(browser, server.url, "", { viewport: { width, height: 844 } });
  await it.settled();
  await it.at("field-samples").fill("1000");
  await it.at("field-samples").press("Enter");
  await it.at("cancel").waitFor();
  const out = await it.page.evaluate((width) => {
    const visible = [...document.querySelectorAll("button, select, input:not([hidden]), [data-testid]")];
    const right = (element) => element.getBoundingClientRect().right;
    return visible.filter((element) => right(element) > width).map((element) => element.outerHTML.slice(0, 80));
  }, width);
  assert.deepEqual(out, []);
  await it.close();
});
