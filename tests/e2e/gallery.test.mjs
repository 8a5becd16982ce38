// The gallery: every method is filed, found, laid beside another, and shown on its demo model; then two cuts beside each
// other and results by size.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

/// Methods that are shown on WebGPU too, as far as time allows: what is emulated in software takes long.
const ON_GPU = ["magnitude", "random", "wanda", "taylor"];

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

const cards = () =>
  it.page.locator("[data-testid^=card-]").evaluateAll((all) => [...new Set(all.map((card) => card.dataset.testid.slice(5)))]);
const faded = () => it.page.locator("[data-testid^=card-][data-faded=true]").count();
const recipe = (page = it) => page.at("digest").first().getAttribute("data-recipe");

/// Opens all groups, as a visitor does who wants to see everything.
async function unfold(page) {
  const folded = page.page.locator(".gallery-group:not([open]) > summary");
  while ((await folded.count()) > 0) await folded.first().click();
}

/// Presses the demo and waits for its cut: seconds. A sentence of the engine's ends it.
async function demo(page, id) {
  const began = Date.now();
  await page.at(`demo-${id}`).first().click();
  const done = async () => {
    const errors = await page.at("error").allInnerTexts();
    assert.deepEqual(errors, [], `${id} failed`);
    const idle = (await page.page.locator("[data-testid=learn-stop]:enabled").count()) === 0;
    return idle && (await recipe(page))?.startsWith(`method=${id}&`);
  };
  await page.until(done, async () => `${id} never cut: ${await recipe(page)}`);
  return { seconds: (Date.now() - began) / 1000 };
}

test("cards are grouped by any axis, faded by words, found by search", async () => {
  const all = await cards();
  assert.ok(all.length >= 3, "there are methods");
  const axes = await it.page.locator("[data-testid=gallery-axis] option").count();
  for (let axis = 0; axis < axes; axis++) {
    await it.at("gallery-axis").selectOption(String(axis));
    assert.deepEqual((await cards()).sort(), all.toSorted(), "every card stands somewhere on every axis");
  }
  await it.at("gallery-axis").selectOption("0");
  assert.equal(await faded(), 0);
  await it.at("word-0-N:M").first().check({ force: true });
  assert.ok((await faded()) > 0);
  assert.equal(await it.at("card-wanda").first().getAttribute("data-faded"), "false");
  await it.at("word-0-N:M").first().uncheck({ force: true });
  await it.at("gallery-search").fill("mingjie SUN");
  assert.ok(await it.at("card-wanda").last().isVisible(), "groups with what was found open by themselves");
  assert.match(await it.text("gallery-found"), new RegExp(`^\\d+ of ${all.length} `));
  assert.ok((await it.count("gallery-found")) < all.length);
  await it.until(() => it.page.url().includes("gallery-search=mingjie"), () => "the search is not in the link");
  await it.at("gallery-search").fill("");
  const groups = await it.page.locator(".gallery-group").evaluateAll((all) => all.map((group) => group.open));
  assert.deepEqual(groups, groups.map((_, at) => at === 0), "only the first group is open again");
});

test("two cards lie side by side, and what differs is marked", async () => {
  for (const id of ["magnitude", "wanda"]) await it.at(`beside-${id}`).first().click();
  const table = it.at("beside");
  await table.waitFor();
  const row = (name) => table.locator("tr", { has: it.page.getByRole("rowheader", { name }) });
  assert.match(await row("data").first().getAttribute("class"), /differs/);
  assert.match(await row("data").innerText(), /free\s+unlabelled/);
  assert.equal((await row("rounds").getAttribute("class")) ?? "", "");
  await it.at("beside-clear").click();
  assert.equal(await table.count(), 0);
});

const words = () => it.at("contrast-words").textContent();

/// Waits until both cuts are made and told of.
const contrasted = (wanted) =>
  it.until(
    async () => wanted.test(await words()) && (await it.at("contrast").isEnabled()),
    async () => `it says ${await words()} ${await it.at("error").allInnerTexts()}`,
  );

test("two cuts are held beside each other and neither is kept", async () => {
  await it.at("model").selectOption("builtin:digits-vit");
  await it.at("method-wanda").check();
  const digest = await it.settled();
  await it.at("contrast-other").selectOption("magnitude");
  await it.at("contrast").click();
  await contrasted(/wanda and magnitude remove/);
  const overlap = Number((await words()).match(/([\d.]+)\s*% of these/)[1]);
  assert.ok(overlap > 10 && overlap < 99, `${overlap} % in both`);
  const rows = await it.page.locator("[data-testid=contrast-table] tbody tr").count();
  assert.ok(rows > 10, "every layer has a row");
  await it.at("contrast-samples").check({ force: true });
  await it.at("contrast-count").fill("4");
  await it.at("contrast-count").press("Tab");
  await it.at("contrast").click();
  await contrasted(/samples 4 remove/);
  const closer = Number((await words()).match(/([\d.]+)\s*% of these/)[1]);
  assert.ok(closer > overlap && closer < 100, `other samples change fewer sides: ${closer} %`);
  assert.equal(await it.digest(), digest, "the masks are what they were");
});

test("another text changes sides too, and the text stays here", async () => {
  await it.at("model").selectOption("builtin:story-lm");
  await it.at("contrast-text").waitFor();
  await it.settled();
  await it.at("contrast-text").fill("The cat and the dog sat on the mat in the sun. ".repeat(200));
  await it.at("contrast").click();
  await contrasted(/text-[0-9a-f]{16}\.txt remove/);
});

test("cuts that were measured stand by their size, and a sweep's file takes their place", async () => {
  await it.at("measure").click();
  await it.at("results-story-lm-perplexity").waitFor();
  const report = (metric) => ({
    metric_name: "accuracy", metric_dense: 0.98, metric_pruned: metric, params_left: 10, params_total: 10,
    sparsity_prunable: 0.5, seconds: 1,
  });
  const line = (name, seed, metric) =>
    JSON.stringify({ id: "0", name, model: "builtin:m", settings: { sparsity: 0.5 }, seed, report: report(metric), error: null });
  const text = [line("a", 0, 0.9), line("a", 1, 0.8), line("b", 0, 0.7), ""].join("\n");
  await it.drop([{ name: "results.jsonl", bytes: Buffer.from(text) }]);
  await it.at("results-m-accuracy").waitFor();
  assert.match(await it.text("results-words"), /^results\.jsonl: 3 runs\.$/);
  assert.match(await it.text("results-m-accuracy"), /85\.0\s*%\s+80\.0\s*% to 90\.0\s*%\s+2/);
  await it.at("results-close").click();
  assert.equal(await it.at("results-m-accuracy").count(), 0);
  await it.drop([{ name: "results.jsonl", bytes: Buffer.from("{}\n") }]);
  assert.match(await it.error(), /line 1: wanted a run of secateur sweep/);
  await it.at("error-dismiss").first().click();
});

test("every method's demo cuts, and can be undone", { timeout: 600_000 }, async () => {
  const took = [];
  await unfold(it);
  const shown = await it.page.locator("[data-testid^=demo-]").evaluateAll((all) => all.map((one) => one.dataset.testid.slice(5)));
  assert.deepEqual([...new Set(shown)].toSorted(), [...new Set(await cards())].toSorted());
  for (const id of new Set(shown)) {
    const { seconds } = await demo(it, id);
    took.push([id, seconds]);
    assert.ok((await it.at(`came-of-${id}`).first().textContent()).startsWith("Now on screen"), id);
    await it.at("undo").click();
    await it.until(async () => !(await recipe())?.startsWith(`method=${id}&`), () => `${id} was not undone`);
  }
  const seconds = took.reduce((sum, [, seconds]) => sum + seconds, 0);
  console.log(`${took.length} demos took ${seconds.toFixed(0)} s: ${took.map(([id, s]) => `${id} ${s.toFixed(1)}`).join(", ")}`);
});

test("demos run on WebGPU too", { timeout: 240_000 }, async () => {
  const gpu = await Playground.live(browser, server.url, "method=magnitude&seed=0&sparsity=0.5&device=gpu");
  await unfold(gpu);
  const began = Date.now();
  const took = [];
  for (const id of ON_GPU) {
    const { seconds } = await demo(gpu, id);
    took.push(`${id} ${seconds.toFixed(1)}`);
  }
  console.log(`on WebGPU in ${((Date.now() - began) / 1000).toFixed(0)} s: ${took.join(", ")}`);
  await gpu.close();
});
