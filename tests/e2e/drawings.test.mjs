// A diffusion model of the user's own: both models draw from the same noise, and every step can be looked at.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { family, launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

let browser, server, it;
before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
  it = await Playground.live(browser, server.url, "method=magnitude&seed=0&sparsity=0.5");
});
after(async () => {
  await it.close();
  await browser.close();
  server.close();
});

const SCHEDULE = {
  _class_name: "DDPMScheduler",
  num_train_timesteps: 50,
  beta_start: 0.0001,
  beta_end: 0.02,
  beta_schedule: "linear",
  prediction_type: "epsilon",
  variance_type: "fixed_small",
  clip_sample: true,
};
const schedule = { name: "scheduler_config.json", bytes: Buffer.from(JSON.stringify(SCHEDULE)) };

const canvases = (model) => it.page.locator(`[data-testid=painted-${model}] canvas`);
const pictures = (model) => canvases(model).evaluateAll((all) => all.map((canvas) => canvas.toDataURL()));
const told = (id, words) => it.until(async () => words.test(await it.text(id)), async () => `${id} says ${await it.text(id)}`);

async function set(id, value) {
  await it.at(id).fill(value);
  await it.at(id).press("Tab");
}

/// The step that is shown, once its pictures are on the canvases.
async function shown(words) {
  await told("step-words", words);
  await it.page.waitForTimeout(200);
  return [await pictures("dense"), await pictures("pruned")];
}

test("without its schedule it says what to drop, and the schedule may come later", async () => {
  await it.drop(await family("unet2d-ddpm"));
  await told("verdict", /U-Net.*fits/);
  assert.match(await it.text("drawing-missing"), /scheduler_config\.json/);
  await it.drop([schedule]);
  await it.at("paint").waitFor();
});

test("both models draw, and the slider goes back through the steps", async () => {
  await set("count", "2");
  await set("steps", "3");
  await it.at("paint").click();
  const [dense, pruned] = await shown(/step 3 of 3/);
  assert.deepEqual([dense.length, pruned.length], [2, 2]);
  assert.notEqual(dense[0], dense[1], "each picture has noise of its own");
  assert.notDeepEqual(pruned, dense, "half of the weights are cut");
  const sides = await canvases("dense").first().evaluate((canvas) => [canvas.width, canvas.height]);
  assert.deepEqual(sides, [12, 8]);
  await it.at("step").focus();
  await it.page.keyboard.press("ArrowLeft");
  const [before] = await shown(/step 2 of 3/);
  assert.notDeepEqual(before, dense);
  await it.page.keyboard.press("End");
  assert.deepEqual(await shown(/step 3 of 3/), [dense, pruned]);
});

test("after a cut they draw again by themselves, from the same noise", async () => {
  const [dense, pruned] = await shown(/step 3 of 3/);
  await it.drag(0.9);
  await it.settled();
  await it.until(async () => (await pictures("pruned"))[0] !== pruned[0], () => "the pruned pictures stayed the same");
  const [again] = await shown(/step 3 of 3/);
  assert.deepEqual(again, dense);
});

test("a model with classes has one chip for each", async () => {
  await it.drop([...(await family("dit")), schedule]);
  await it.at("class-6").waitFor();
  assert.deepEqual([await it.at("class-7").count(), await it.at("class-none").count()], [0, 1]);
  await it.at("class-2").check();
  await set("count", "1");
  await set("steps", "2");
  await set("guidance", "2");
  await it.at("paint").click();
  const [dense] = await shown(/step 2 of 2/);
  assert.equal(dense.length, 1);
  assert.deepEqual(await it.at("error").allInnerTexts(), []);
});

test("a model that listens to a text says why it cannot draw", async () => {
  await it.drop([...(await family("unet2d-condition")), schedule]);
  await told("drawing-missing", /what a text says/);
  assert.equal(await it.at("paint").count(), 0);
  assert.deepEqual(await it.at("error").allInnerTexts(), []);
});
