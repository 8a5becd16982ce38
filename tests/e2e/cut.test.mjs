// Cutting by hand: every number on screen is the one the command line gives for the same recipe.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cli, launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";
import { safetensors, unzip } from "./zip.mjs";

let browser, server, it, folder;
before(async () => {
  [browser, server, folder] = await Promise.all([launch(), serve(), mkdtemp(join(tmpdir(), "secateur-"))]);
  it = await Playground.live(browser, server.url);
});
after(async () => {
  await it.close();
  await browser.close();
  server.close();
  await rm(folder, { recursive: true });
});

let runs = 0;
const pruneModel = (model, method, ...sets) => {
  const settings = sets.flatMap((set) => ["--set", set]);
  return cli("prune", model, "--device=cpu", "--method", method, ...settings, "-o", join(folder, `${runs++}`));
};
const prune = (method, ...sets) => pruneModel("builtin:digits-vit", method, ...sets);

test("dragging the slider cuts exactly what it says", async () => {
  const before = await it.settled();
  await it.drag(0.8);
  assert.notEqual(await it.settled(), before);
  const sparsity = await it.at("slider").inputValue();
  assert.match(await it.text("sparsity"), new RegExp(`${Math.round(sparsity * 100)}`));
  const want = await prune("wanda", `sparsity=${sparsity}`);
  await it.digestIs(want.masks_digest);
  assert.equal(await it.count("zeros"), want.prunable_zero);
});

test("accuracy, dense and pruned, is the command line's", async () => {
  const shown = async (id) => parseFloat(await it.text(id));
  const want = await prune("wanda", `sparsity=${await it.at("slider").inputValue()}`);
  await it.until(async () => Math.abs((await shown("accuracy-pruned")) - want.metric_pruned * 100) < 0.11, async () =>
    `wanted ${want.metric_pruned}, got ${await it.text("accuracy-pruned")}`,
  );
  assert.ok(Math.abs((await shown("accuracy-dense")) - want.metric_dense * 100) < 0.11);
});

test("another method, another cut; undo and redo walk between them", async () => {
  const wanda = await it.digest();
  const want = await prune("magnitude", `sparsity=${await it.at("slider").inputValue()}`);
  await it.at("method-magnitude").check();
  await it.digestIs(want.masks_digest);
  await it.at("undo").click();
  await it.digestIs(wanda);
  assert.ok(await it.at("method-wanda").isChecked(), "the controls follow");
  await it.at("redo").click();
  await it.digestIs(want.masks_digest);
});

test("N of M", async () => {
  const want = await prune("magnitude", "pattern=n:m", "n=2", "m=4");
  await it.at("field-pattern").selectOption("n:m");
  await it.digestIs(want.masks_digest);
  assert.equal(await it.count("zeros"), want.prunable_zero);
  await it.at("field-pattern").selectOption("unstructured");
});

test("the link brings the same masks into another browser", async () => {
  await it.at("seed").fill("7");
  await it.at("seed").press("Enter");
  await it.at("method-random").check();
  const digest = await it.settled();
  await it.at("share").click();
  const link = it.page.url();
  const other = await Playground.live(browser, link);
  await other.digestIs(digest);
  await other.close();
});

test("a drawn digit is read by both models", async () => {
  const draw = it.at("draw");
  await draw.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await draw.boundingBox();
  const { mouse } = it.page;
  await mouse.move(x + width * 0.52, y + height * 0.2);
  await mouse.down();
  await mouse.move(x + width * 0.5, y + height * 0.8, { steps: 15 });
  await mouse.up();
  await it.until(async () => /^1\b/.test(await it.text("drawn-dense")), async () =>
    `a downstroke is a 1; the dense model says ${await it.text("drawn-dense")}`,
  );
  assert.match(await it.text("drawn-pruned"), /\d/);
  await it.at("draw-clear").click();
  await it.until(async () => !/\d/.test(await it.text("drawn-dense").catch(() => "")), () => "the canvas was not cleared");
});

test("a matrix opens from the map and closes again", async () => {
  const tile = it.page.locator("[data-testid^=map-tile-]").nth(1);
  await tile.scrollIntoViewIfNeeded();
  await tile.click();
  await it.at("zoom").waitFor();
  await it.page.keyboard.press("Escape");
  await it.at("zoom").waitFor({ state: "hidden" });
});

test("export is the command line's five files", async () => {
  await it.at("method-magnitude").check();
  await it.at("seed").fill("0");
  await it.at("seed").press("Enter");
  const want = await prune("magnitude", `sparsity=${await it.at("slider").inputValue()}`);
  await it.digestIs(want.masks_digest);
  const files = unzip(await it.export());
  const names = ["config.json", "masks.safetensors", "model.safetensors", "recipe.json", "report.json"];
  assert.deepEqual(Object.keys(files).map((name) => name.split("/").at(-1)).sort(), names);
  const written = (name) => readFile(join(folder, `${runs - 1}`, name));
  for (const name of ["model.safetensors", "masks.safetensors", "recipe.json"]) {
    assert.ok(files[name].equals(await written(name)), `${name} is byte for byte the command line's`);
  }
  const report = JSON.parse(files["report.json"]);
  assert.equal(report.bytes_out, files["model.safetensors"].length);
  const kept = Object.values(safetensors(files["masks.safetensors"])).flatMap(({ data }) => [...data]);
  assert.equal(kept.filter((bit) => bit === 0).length, report.prunable_zero);
});

test("the convolutional model too", async () => {
  const want = await pruneModel("builtin:digits-cnn", "magnitude", `sparsity=${await it.at("slider").inputValue()}`);
  await it.at("model").selectOption("builtin:digits-cnn");
  await it.digestIs(want.masks_digest);
  assert.equal(await it.count("zeros"), want.prunable_zero);
});
