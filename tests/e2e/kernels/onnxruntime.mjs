// onnxruntime-web on one linear layer.
import { linear } from "./onnx.mjs";

export class OnnxRuntime {
  /// `wasm` with one thread, or `webgpu`. A build for each: what WebGPU needs would slow the other down.
  static async load(provider) {
    const ort = await import(`../onnxruntime/ort.${provider}.bundle.min.mjs`);
    ort.env.wasm.numThreads = 1; // more would take a page that is isolated from other origins, which ours is not
    return Object.assign(new OnnxRuntime(), { ort, provider });
  }

  /// Takes a layer of this size, of random numbers, and makes sure that it is multiplied as it should be.
  async take({ samples, inputs, outputs }) {
    const [x, w] = [random(samples * inputs), random(outputs * inputs)];
    await this.session?.release();
    this.session = await this.ort.InferenceSession.create(linear(samples, inputs, outputs, w), {
      executionProviders: [this.provider],
      preferredOutputLocation: this.provider === "webgpu" ? "gpu-buffer" : "cpu",
      extra: { session: { disable_cpu_ep_fallback: this.provider === "webgpu" ? "1" : "0" } },
    });
    this.x = await this.given(x, [samples, inputs]);
    const last = (await this.run(1)).at(-1);
    const want = x.slice(-inputs).reduce((sum, value, at) => sum + value * w.at(at - inputs), 0);
    if (!(Math.abs(last - want) < 1e-3)) throw new Error(`onnxruntime-web: wanted ${want} as the last of y, got ${last}`);
  }

  /// Multiplies `runs` times and waits for the numbers.
  async run(runs) {
    let y;
    for (let run = 0; run < runs; run++) {
      y?.dispose();
      ({ y } = await this.session.run({ x: this.x }));
    }
    const values = await y.getData();
    y.dispose();
    return values;
  }

  /// x where the product needs it, so that uploading is not measured; ours lies there too.
  async given(x, dims) {
    const { Tensor, env } = this.ort;
    if (this.provider !== "webgpu") return new Tensor("float32", x, dims);
    const device = await env.webgpu.device;
    this.buffer?.destroy();
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    this.buffer = device.createBuffer({ size: x.byteLength, usage: STORAGE | COPY_DST | COPY_SRC });
    device.queue.writeBuffer(this.buffer, 0, x);
    return Tensor.fromGpuBuffer(this.buffer, { dataType: "float32", dims });
  }
}

/// Numbers from -1 to 1.
const random = (count) => Float32Array.from({ length: count }, () => 2 * Math.random() - 1);
