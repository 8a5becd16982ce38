// Times as a table.

/// Operations of one product y = x Wᵀ.
export const work = ({ samples, inputs, outputs }) => 2 * samples * inputs * outputs;

/// What was measured on a device, as `secateur bench kernels` puts it.
export function text({ score, layers }) {
  const [scored, copied, selected] = [score.score_ms, score.copy_ms, score.select_ms].map(({ median }) => median);
  const rate = (ms) => (score.bytes / ms / 1e6).toFixed(2);
  const first =
    `score kernel: ${rate(scored)} GB/s, plain copy: ${rate(copied)} GB/s, ratio ${(copied / scored).toFixed(2)}; ` +
    `global selection: ${(selected / scored).toFixed(2)} x the time of scoring`;
  return [score.device, `  ${first}`, ...layers.map(table)].join("\n");
}

/// Each product beside burn's, our dense one and onnxruntime-web's: how many times as fast.
function table({ layer, products }) {
  const { samples, inputs, outputs, repeats, times } = products;
  const row = (kernel, density, ms, ...rest) =>
    `    ${kernel.padEnd(16)}${`${density}`.padStart(8)}  ${ms.padEnd(26)}${rest.map((cell) => cell.padStart(12)).join("")}`;
  const others = ["burn", "dense", "onnxruntime-web"].map((name) => times.find(({ kernel }) => kernel === name)?.ms.median);
  const rows = times.map(({ kernel, density, ms: { q1, median, q3 } }) => {
    const quartiles = `${median.toFixed(2)} (${q1.toFixed(2)} to ${q3.toFixed(2)})`;
    const rate = kernel === "copy" ? "-" : ((work(products) * density) / median / 1e6).toFixed(1);
    return row(kernel, density, quartiles, rate, ...others.map((than) => (than ? `${(than / median).toFixed(2)} x` : "-")));
  });
  const size = `${samples} x ${inputs} -> ${outputs}, median and quartiles of ${repeats}`;
  const head = row("kernel", "density", "ms", "GFLOP/s", "burn's", "our dense", "onnxruntime");
  return [`  ${layer}: ${size}`, head, ...rows].join("\n");
}
