// Whole units: what goes together is shown, a cut by hand is the command line's, and each group can be swept.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cli, launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";
import { safetensors, unzip } from "./zip.mjs";

let browser, server, it;
before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
  it = await Playground.live(browser, server.url, "method=magnitude&model=builtin:digits-vit&device=cpu");
  await it.at("units-heads").check();
});
after(async () => {
  await it.close();
  await browser.close();
  server.close();
});

const prune = (...sets) => {
  const settings = ["pattern=unit", "sparsity=0", ...sets].flatMap((set) => ["--set", set]);
  return cli("prune", "builtin:digits-vit", "--device=cpu", "--method=magnitude", ...settings);
};

/// The places of the groups on screen, in the graph's list.
const groups = () => it.page.locator("[data-testid^=wall-]").evaluateAll((walls) => walls.map((wall) => Number(wall.dataset.testid.slice(5))));

/// Clicks the middle of a unit's cell.
async function pick(group, unit) {
  const wall = it.at(`wall-${group}`);
  await wall.scrollIntoViewIfNeeded();
  const { width, height } = await wall.boundingBox();
  const [columns, units] = await wall.evaluate((wall) => [Number(wall.dataset.columns), Number(wall.ariaValueMax) + 1]);
  const rows = Math.ceil(units / columns);
  const middle = (at, n, size) => ((at + 0.5) / n) * size;
  await wall.click({ position: { x: middle(unit % columns, columns, width), y: middle(Math.floor(unit / columns), rows, height) } });
}

test("a head's slices light up on the map, in the layers and in words", async () => {
  const [first] = await groups();
  await pick(first, 1);
  assert.match(await it.text("unit-words"), /^head 1 of .*: rows .* of .*query.*; columns .* of .*output/);
  // Rows of query, key and value, columns of what reads them.
  await it.page.locator(".plot .band").first().waitFor();
  assert.deepEqual([await it.page.locator(".plot .band.rows").count(), await it.page.locator(".plot .band.cols").count()], [3, 1]);
  assert.equal(await it.page.locator(".bar.touched").count(), 4);
  await it.at(`wall-${first}`).press("ArrowRight");
  assert.match(await it.text("unit-words"), /^head 2 of /);
});

test("a unit is removed by hand, and protected, as the command line does it", async () => {
  const [first, second] = await groups();
  await pick(first, 1);
  await it.at("unit-remove").click();
  const want = await prune("units=heads", `remove=${first}:1`);
  await it.digestIs(want.masks_digest);
  assert.match(await it.text(`gone-${first}`), /^1 of /);
  assert.equal(await it.count("params-left"), want.params_left);
  assert.equal(await it.count("macs-left"), want.macs_left);
  assert.ok((await it.page.locator(".plot.smaller").count()) >= 4, "the map shows the smaller matrices");
  await pick(second, 0);
  await it.page.keyboard.press("p");
  await it.until(async () => (await it.page.url()).includes("protect="), () => "the link has no protect");
  assert.equal(await it.digest(), want.masks_digest, "nobody wanted that one");
  await it.at("unit-clear").click();
});

test("a group's slider stops at legal counts and cuts by score", async () => {
  const [first, second] = await groups();
  const slider = it.at(`count-${second}`);
  const stops = Number(await slider.getAttribute("max"));
  assert.equal(stops, Number(await it.at(`wall-${second}`).getAttribute("aria-valuemax")), "one head has to stay");
  await slider.focus();
  await slider.press("ArrowRight");
  await slider.press("ArrowRight");
  const want = await prune("units=heads", `remove=${first}:1`, `counts=${second}:2`);
  await it.digestIs(want.masks_digest);
  assert.match(await it.text(`gone-${second}`), /^2 of /);
  await it.at("undo").click();
  await it.until(async () => (await it.text(`gone-${second}`)).startsWith("0 of") || (await it.text(`gone-${second}`)).startsWith("1 of"), () =>
    "undo did not bring units back",
  );
  await it.at("redo").click();
  await it.digestIs(want.masks_digest);
});

test("each export says who opens it; the ragged one holds what is left and nothing else", async () => {
  await it.at("export").click();
  await it.page.locator("[data-testid=readers-ragged] li.opens").first().waitFor();
  for (const format of ["zeros", "uniform", "ragged", "onnx", "report"]) {
    assert.ok((await it.page.locator(`[data-testid=readers-${format}] li`).count()) > 0, `${format} has readers`);
  }
  assert.ok(await it.at("export-uniform").isDisabled(), "layers have different numbers of heads");
  await it.at("export-close").click();
  const [ragged, onnx] = [unzip(await it.export("ragged")), unzip(await it.export("onnx"))];
  // For `tests/golden/onnx_cut.py --kept`, which asks onnxruntime.
  const keep = process.env.SECATEUR_KEEP;
  for (const [name, bytes] of Object.entries(keep ? onnx : {})) await writeFile(join(keep, name), bytes);
  const bytes = Object.values(safetensors(ragged["model.safetensors"])).reduce((sum, { data }) => sum + data.length, 0);
  assert.equal(bytes, 4 * (await it.count("params-left")));
  assert.ok(onnx["model.onnx"].length > bytes);
});

test("the report opens by itself and tells what the page tells", async () => {
  await it.at("measure").click();
  const measured = async () => /\d/.test(await it.text("milliseconds")) && !(await it.page.locator(".figure.stale").count());
  await it.until(measured, () => "accuracy and times were not measured");
  const [params, macs, zeros] = [await it.count("params-left"), await it.count("macs-left"), await it.count("zeros")];
  const accuracy = parseFloat(await it.text("accuracy-pruned"));
  const files = unzip(await it.export("report"));
  assert.deepEqual(Object.keys(files).sort(), ["masks.safetensors", "recipe.json", "report.html", "report.json", "report.md"]);
  // A page of its own, which must not ask for anything.
  const context = await browser.newContext({ viewport: { width: 390, height: 800 } });
  const asked = [];
  context.on("request", (request) => request.url().startsWith("data:") || asked.push(request.url()));
  const page = await context.newPage();
  await page.setContent(files["report.html"].toString());
  const row = (name) => page.locator("tbody tr", { has: page.getByText(name) }).first().innerText();
  for (const [name, wanted] of [["Parameters", params], ["Multiply-accumulates", macs]]) {
    assert.ok((await row(name)).includes(wanted.toLocaleString("en")), `${name}: ${wanted}`);
  }
  assert.ok((await row("Milliseconds")).includes("middle half"));
  assert.ok(Math.abs((await row("Accuracy")).match(/([\d.]+) %\s*$/)[1] - accuracy) < 0.06, "accuracy");
  const masks = safetensors(files["masks.safetensors"]);
  const cut = Object.entries(masks).filter(([, { data }]) => data.includes(0));
  for (const [name, { data }] of cut) {
    const left = data.filter((kept) => kept === 1).length.toLocaleString("en");
    assert.ok((await row(name)).includes(`${left} of ${data.length.toLocaleString("en")}`), name);
  }
  assert.equal(zeros, JSON.parse(files["report.json"]).prunable_zero);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it fits a phone");
  assert.equal(await page.locator("img").evaluateAll((pictures) => pictures.filter((one) => !one.naturalWidth).length), 0);
  assert.deepEqual(asked, []);
  await context.close();
});

test("a sweep draws curves point by point and can be stopped", async () => {
  const [first] = await groups();
  await it.at("sweep").click();
  const points = () => it.at(`curve-${first}`).getAttribute("data-points").catch(() => "0");
  await it.at(`curve-${first}`).waitFor();
  await it.until(async () => Number(await points()) > 0, () => "no point arrived");
  await it.at("sweep").click();
  await it.until(async () => (await it.text("sweep")).startsWith("Sweep"), () => "the sweep goes on");
  await it.at(`curve-${first}`).click();
  assert.ok((await it.at(`group-${first}`).getAttribute("class")).includes("open"));
});

test("another model brings its own units and nothing that was decided for this one", async () => {
  await it.at("model").selectOption("builtin:digits-cnn");
  await it.at("units-channels").waitFor({ timeout: 120_000 });
  const digest = await it.settled();
  assert.ok(!it.page.url().includes("remove="), "what was removed by hand is forgotten");
  const [first] = await groups();
  await pick(first, 0);
  assert.equal(await it.text("unit-words"), "neuron 0: row 0 of fc1; column 0 of fc2");
  await it.at("unit-remove").click();
  await it.until(async () => (await it.digest()) !== digest, () => "nothing was cut");
  assert.match(await it.text(`gone-${first}`), /^1 of /);
});
