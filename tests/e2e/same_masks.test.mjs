// One recipe, one set of masks: in this browser on the CPU and on WebGPU, and on the command line.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cli, launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";
import { safetensors, unzip } from "./zip.mjs";

const RECIPES = [
  ["random", { sparsity: 0.8, seed: 3 }],
  ["magnitude", { sparsity: 0.8, allocation: "lamp" }],
  // Few samples: software WebGPU is slow.
  ["wanda", { sparsity: 0.5, samples: 16 }],
];

let browser, server, folder;
before(async () => ([browser, server, folder] = await Promise.all([launch(), serve(), mkdtemp(join(tmpdir(), "secateur-"))])));
after(async () => {
  await browser.close();
  server.close();
  await rm(folder, { recursive: true });
});

for (const device of ["cpu", "gpu"]) {
  test(`on the ${device}`, { timeout: 600_000 }, async (t) => {
    let it;
    for (const [method, { seed = 0, ...values }] of RECIPES) {
      const sets = Object.entries(values).map(([key, value]) => `${key}=${value}`);
      const out = join(folder, `${device}-${method}`);
      const want = await cli("prune", "builtin:digits-vit", "--device=cpu", "--method", method, "--seed", `${seed}`, ...sets.flatMap((set) => ["--set", set]), "-o", out);
      const fragment = [`method=${method}`, `seed=${seed}`, ...sets.sort(), `device=${device}`].join("&");
      it = await Playground.live(browser, server.url, fragment);
      if (device === "gpu") assert.match(await it.text("adapter"), /webgpu/i, "WebGPU is really used");
      await it.until(async () => (await it.text("zeros")).includes(want.prunable_zero.toLocaleString("en")), async () =>
        `wanted ${want.prunable_zero} zeros, got ${await it.text("zeros")}`,
      );
      if (!(await it.digest()).includes(want.masks_digest)) {
        assert.fail(`${method}: masks differ\n${await differing(it, join(out, "masks.safetensors"))}`);
      }
      t.diagnostic(`${method}: ${want.masks_digest} on ${await it.text("adapter")}`);
      await it.close();
    }
  });
}

/// The indexes at which the page's masks are not the command line's.
async function differing(it, path) {
  const here = safetensors(unzip(await it.export())["masks.safetensors"]);
  const there = safetensors(await readFile(path));
  return Object.entries(there)
    .map(([name, { data }]) => [name, [...data.keys()].filter((at) => data[at] !== here[name].data[at])])
    .filter(([, at]) => at.length > 0)
    .map(([name, at]) => `${name}: ${at.length} entries, ${at.slice(0, 20).join(" ")}`)
    .join("\n");
}
