// Our kernels in a browser beside onnxruntime-web's, in the same page and on the same layers.
//
//     node tests/e2e/kernels.mjs cpu|gpu [--json]
//
// With --json the last line of stdout is one JSON object. NODE_PATH has onnxruntime-web beside playwright-core. The page
// is an empty one of the same origin: ours loads nothing that does not belong to it. WebGPU is SwiftShader here.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { launch, serve, top } from "./browser.mjs";
import { text, work } from "./kernels/table.mjs";

/// `most`: operations of one product. Software WebGPU does some 0.2 GFLOP/s, and the whole should end within minutes.
const DEVICES = {
  cpu: { provider: "wasm", beside: "wasm, 1 thread", turns: 9, most: Infinity },
  gpu: { provider: "webgpu", beside: "webgpu", turns: 3, most: 2 ** 26 },
};
const ONNXRUNTIME = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

/// The layer with its samples halved until a product takes no more than `most` operations.
function within(most, { layer, samples, ...sides }) {
  let fewer = samples;
  while (fewer > 1 && work({ samples: fewer, ...sides }) > most) fewer = Math.floor(fewer / 2);
  return { layer: fewer < samples ? `${layer}, cut to ${fewer} samples` : layer, samples: fewer, ...sides };
}

/// Linear layers: onnxruntime-web is given no convolutions here.
async function layers(most) {
  const list = JSON.parse(await readFile(join(top, "crates/cli/src/commands/bench/layers.json"), "utf8"));
  return list.filter(({ window }) => !window).map((layer) => within(most, layer));
}

/// The protocol's version, which the engine wants to hear first.
async function version() {
  const source = await readFile(join(top, "crates/protocol/src/lib.rs"), "utf8");
  return Number(source.match(/pub const VERSION: u32 = (\d+);/)[1]);
}

/// An empty page at the server's address, and the files that it imports.
async function blank(browser, url) {
  const page = await browser.newPage();
  page.on("console", (line) => console.error(`  ${line.text()}`));
  const file = (route) => basename(new URL(route.request().url()).pathname);
  const folder = (name, at) => page.route(`${url}${name}/*`, (route) => route.fulfill({ path: join(at, file(route)) }));
  await folder("onnxruntime", ONNXRUNTIME);
  await folder("kernels", join(top, "tests/e2e/kernels"));
  await page.route(`${url}blank`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await page.goto(`${url}blank`);
  return page;
}

const [device, ...options] = process.argv.slice(2);
if (!(device in DEVICES)) throw new Error(`wanted cpu or gpu as the first argument, got ${device}`);
const { provider, beside, turns, most } = DEVICES[device];
const [browser, server] = await Promise.all([launch(), serve()]);
const page = await blank(browser, server.url);
const asked = { url: server.url, version: await version(), device, provider, turns, layers: await layers(most) };
const measured = await page.evaluate(async (asked) => (await import("./kernels/page.mjs")).measure(asked), asked);
const { version: release } = JSON.parse(await readFile(join(ONNXRUNTIME, "../package.json"), "utf8"));
const against = `onnxruntime-web ${release}, ${beside}; Chromium ${browser.version()}`;
const json = () => JSON.stringify({ beside: against, devices: [measured] });
console.log(options.includes("--json") ? json() : `${against}\n${text(measured)}`);
await browser.close();
server.close();
