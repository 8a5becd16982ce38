// A method that learns: watched, paused, stepped, steered, stopped and kept; the page stays awake meanwhile.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

/// A task of the main thread that takes longer blocks it.
const BLOCKED_MS = 50;
const RECIPE = "method=l0&seed=0&batch=16&steps=5000&model=builtin:digits-cnn&device=cpu";

let browser, server, it;
before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
  it = await Playground.live(browser, server.url, RECIPE);
});
after(async () => {
  await it.close();
  await browser.close();
  server.close();
});

const step = async () => Number(((await it.text("training-words")).match(/tep ([\d,]+) of/)?.[1] ?? "0").replaceAll(",", ""));
const reaches = (wanted) => it.until(async () => (await step()) >= wanted, async () => `it says ${await it.text("training-words")}`);
const says = (words) => it.until(async () => words.test(await it.text("training-words")), async () => `it says ${await it.text("training-words")}`);

test("a link to a method that learns waits for somebody to begin", async () => {
  await it.at("learn").waitFor();
  assert.equal(await it.at("digest").first().getAttribute("data-recipe"), null, "nothing is cut yet");
  assert.match(await it.text("training-words"), /will stand here/);
});

test("curves and gates stream while it learns", async () => {
  await it.at("learn").click();
  await reaches(3);
  for (const curve of ["loss", "mean-gate"]) {
    const points = () => it.page.locator(`[data-testid=curve-${curve}] polyline`).getAttribute("points");
    const first = await points();
    await it.until(async () => (await points()) !== first, () => `${curve} stands still`);
  }
  assert.ok((await it.page.locator("[data-testid^=gates-]").count()) > 0, "there are walls of gates");
  const before = await it.page.locator(".gate-wall canvas").first().evaluate((canvas) => canvas.toDataURL());
  await it.at("learn-penalty").fill("1.5");
  await it.until(
    async () => (await it.page.locator(".gate-wall canvas").first().evaluate((canvas) => canvas.toDataURL())) !== before,
    () => "no gate moved",
  );
});

test("what the model answers as it stands changes on screen", async () => {
  await it.at("trial-digits").waitFor();
  assert.equal(await it.page.locator("[data-testid=trial-digits] .card").count(), 12);
  const bars = () => it.page.locator("[data-testid=trial-digits] .verdict-line.pruned i").evaluateAll((all) => all.map((bar) => bar.getAttribute("style")).join());
  const first = await bars();
  await it.until(async () => (await bars()) !== first, () => "the same answers stand there");
  await it.at("learn-sample").uncheck();
  // One that was on its way still arrives.
  await it.page.waitForTimeout(2000);
  const last = await bars();
  await it.page.waitForTimeout(2000);
  assert.equal(await bars(), last, "nobody wants to see more");
  await it.at("learn-sample").check();
  await it.until(async () => (await bars()) !== last, () => "it does not come back");
});

test("the page stays awake meanwhile", async () => {
  // Others may hold the processor for a moment: one window of three has to be free of long tasks.
  const windows = [];
  for (let at = 0; at < 3; at++) {
    windows.push(
      await it.page.evaluate(async () => {
        const tasks = [];
        const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration)));
        observer.observe({ type: "longtask" });
        let [gap, last] = [0, performance.now()];
        const end = last + 2000;
        await new Promise((done) => {
          const frame = (now) => {
            [gap, last] = [Math.max(gap, now - last), now];
            if (now < end) requestAnimationFrame(frame);
            else done();
          };
          requestAnimationFrame(frame);
        });
        observer.disconnect();
        return { longest: Math.max(0, ...tasks), gap };
      }),
    );
  }
  const told = windows.map(({ longest, gap }) => `longest task ${longest ? `${longest.toFixed(0)} ms` : `under ${BLOCKED_MS} ms`}, longest gap between frames ${gap.toFixed(0)} ms`);
  console.log(`while learning: ${told.join("; ")}`);
  assert.ok(windows.some(({ longest }) => longest <= BLOCKED_MS), "the main thread is never blocked");
});

test("pause holds, one step is one step", async () => {
  await it.at("learn-pause").click();
  await says(/paused/);
  // Steps that were told before still arrive.
  let held = -1;
  await it.until(async () => {
    const before = held;
    held = await step();
    await it.page.waitForTimeout(500);
    return held === before;
  }, () => "it goes on");
  await it.page.waitForTimeout(1000);
  assert.equal(await step(), held);
  await it.at("learn-single").click();
  await reaches(held + 1);
  await it.page.waitForTimeout(1000);
  assert.equal(await step(), held + 1);
  await it.at("learn-pause").click();
  await reaches(held + 3);
});

test("stopped, what is learnt is kept as a step of the history", async () => {
  const dense = await it.digest();
  await it.at("learn-stop").click();
  await it.until(async () => (await it.at("digest").first().getAttribute("data-recipe"))?.startsWith("method=l0&"), () => "nothing was kept");
  assert.match(await it.text("notes"), /Stopped by hand/);
  assert.match(await it.text("training-words"), /ended/);
  assert.notEqual(await it.digest(), dense);
  await it.at("undo").click();
  await it.digestIs(dense);
});

test("a loss above the line ends it by itself", async () => {
  // After the undo the controls stand where the dense model has them.
  await it.page.evaluate((recipe) => (location.hash = recipe), `${RECIPE}&target=0.9`);
  await it.at("learn-line").fill("0");
  await it.at("learn-line").press("Tab");
  await it.at("learn").click();
  await reaches(20);
  const losses = await it.page.locator("[data-testid=curve-loss] .limit").count();
  assert.equal(losses, 1, "the line is drawn");
  assert.ok(await it.at("learn-stop").isEnabled(), "it has never been below that line");
  const box = await it.page.locator("[data-testid=curve-loss] svg").boundingBox();
  await it.page.mouse.click(box.x + box.width / 2, box.y + box.height * 0.97);
  assert.ok(Number(await it.at("learn-line").inputValue()) > 0, "a click draws it");
  await it.until(async () => (await it.page.locator("[data-testid=learn-stop]:enabled").count()) === 0, () => "it goes on");
  await says(/ended/);
  await it.at("learn-line").fill("");
  await it.at("learn-line").press("Tab");
});

test("a tab that is closed in the middle is remembered", async () => {
  await it.page.evaluate((recipe) => (location.hash = recipe), RECIPE);
  await it.at("learn").click();
  await reaches(12);
  await it.page.reload();
  await it.ready();
  assert.match(await it.text("unfinished"), /L0 hard concrete was learning at step \d+ of 5,000/);
  await it.at("learn-again").click();
  await reaches(2);
  assert.equal(await it.at("unfinished").count(), 0);
  await it.at("learn-drop").click();
  await it.until(async () => await it.at("learn").isEnabled(), () => "it goes on");
  assert.equal(await it.at("digest").first().getAttribute("data-recipe"), null, "nothing is kept");
});
