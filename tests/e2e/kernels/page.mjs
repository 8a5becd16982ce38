// What kernels.mjs runs in the page.
import { Engine } from "./engine.mjs";
import { OnnxRuntime } from "./onnxruntime.mjs";

/// Products follow each other for so long between two looks at the clock, as in the engine.
const LASTS_MS = { cpu: 5, gpu: 300 };
/// Weights that the score kernel goes over.
const ENTRIES = 5 << 20;

/// Our kernels and onnxruntime-web's on the same layers.
export async function measure({ url, version, device, provider, turns, layers }) {
  const engine = await Engine.start(url, version, device);
  const onnxruntime = await OnnxRuntime.load(provider);
  const score = await engine.ask({ Bench: { entries: ENTRIES, repeats: turns } }, "Bandwidth");
  const measured = [];
  for (const { layer, ...size } of layers) {
    console.info(`${layer} ...`);
    measured.push({ layer, products: await products(engine, onnxruntime, size, turns, LASTS_MS[device]) });
  }
  return { score, layers: measured };
}

/// The protocol's `Products`, with onnxruntime-web's time as one more, of which half was taken before and half after them.
async function products(engine, onnxruntime, size, turns, lasts_ms) {
  await onnxruntime.take(size);
  const runs = await enoughRuns(onnxruntime, lasts_ms);
  const times_ms = [];
  const time = async () => times_ms.push((await clockedMs(onnxruntime, runs)) / runs);
  for (let turn = 0; turn < turns; turn += 2) await time();
  const told = await engine.ask({ BenchProducts: { ...size, repeats: turns } }, "Products");
  while (times_ms.length < turns) await time();
  const times = [...told.times, { kernel: "onnxruntime-web", density: 1, ms: spread(times_ms) }];
  return { ...told, times };
}

/// How often a product has to run for the clock to be exact enough.
async function enoughRuns(onnxruntime, lasts_ms) {
  let runs = 1;
  while ((await clockedMs(onnxruntime, runs)) < lasts_ms) runs *= 2;
  return runs;
}

async function clockedMs(onnxruntime, runs) {
  const start_ms = performance.now();
  await onnxruntime.run(runs);
  return performance.now() - start_ms;
}

/// Median and quartiles, between neighbours by straight lines.
function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (quantile) => {
    const place = quantile * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return low + (high - low) * (place % 1);
  };
  return { q1: at(0.25), median: at(0.5), q3: at(0.75) };
}
