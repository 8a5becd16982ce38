// How long a layer's product takes by each kernel: asked for by hand, cancelled by hand, and never in the slider's way.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

let browser, server, it;
before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
  it = await Playground.live(browser, server.url, "method=magnitude&seed=0&sparsity=0.5&device=cpu");
});
after(async () => {
  await it.close();
  await browser.close();
  server.close();
});

const table = () => it.text("speed-table").catch(() => "");
const tableOf = (words) => it.until(async () => words.test(await table()), async () => `wanted ${words}, got ${await table()}`);
const noError = async () => assert.deepEqual(await it.at("error").allInnerTexts(), []);

test("every kernel is timed for the chosen layer, and what follows is said", async () => {
  assert.equal(await it.at("speed-table").count(), 0);
  const shapes = await it.at("speed-shape").locator("option").allInnerTexts();
  assert.ok(shapes.length >= 2, `the model has layers of several sizes: ${shapes}`);
  await it.at("speed-shape").selectOption({ index: 1 });
  await it.at("speed-samples").selectOption("64");
  await it.at("speed-measure").click();
  const [size] = shapes[1].split(",");
  await tableOf(new RegExp(`${size}, 64 at once`));
  const kernels = await it.page.locator("[data-testid=speed-table] tbody").evaluateAll((all) => all.map((body) => body.dataset.kernel));
  assert.equal(kernels[0], "burn");
  assert.ok(kernels.some((kernel) => kernel.startsWith("blocks")), `${kernels}`);
  assert.match(await table(), /\d ×/);
  assert.match(await it.text("speed-verdict"), /Leaving weights out (pays|does not pay) here/);
  await noError();
});

test("a second press starts again, and the slider goes first", async () => {
  await it.at("speed-samples").selectOption("1");
  await it.at("speed-measure").click();
  await it.at("speed-measure").click();
  await it.drag(0.8);
  await it.settled();
  await tableOf(/, 1 at once/);
  await noError();
});

test("what is cancelled does not come back by itself", async () => {
  // Cancelling ends what is under way, which is to be the measurement.
  await it.idle();
  await it.at("speed-samples").selectOption("256");
  // Both in the page: on a busy machine a click from here may come after the end.
  await it.page.evaluate(async () => {
    const at = (id) => document.querySelector(`[data-testid=${id}]`);
    at("speed-measure").click();
    while (!at("cancel")?.getClientRects().length) await new Promise(requestAnimationFrame);
    at("cancel").click();
  });
  await it.at("progress").waitFor({ state: "hidden" });
  await it.drag(0.3);
  await it.settled();
  await it.page.waitForTimeout(4000);
  assert.match(await table(), /, 1 at once/);
  await noError();
});
