// Files from outside: a stranger's ViT is pruned, anything else gets a sentence and changes nothing.
import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { family, golden, launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

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

for (const [kind, file, withConfig] of [
  ["vit", "f32", true],
  ["bare", "f16", false],
  ["deit", "f16", true],
]) {
  test(`${kind} ${file}${withConfig ? "" : " without a config"}`, async () => {
    const name = `${kind}-${file}.safetensors`;
    const files = [{ name, bytes: await golden(`${kind}/${file}.safetensors`) }];
    if (withConfig) files.push({ name: "config.json", bytes: await golden(`${kind}/config.json`) });
    await it.drop(files);
    await it.until(async () => (await it.at("model").inputValue()) === name, async () => `${name} was not opened`);
    assert.match(await it.text("verdict"), /ViT|DeiT/i);
    await it.drag(0.7);
    await it.settled();
    assert.ok((await it.count("zeros")) > 0);
  });
}

const tensor = (header, data = Buffer.alloc(0)) => {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
};
const four = (from) => ({ dtype: "F32", shape: [1], data_offsets: [from, from + 4] });

test("a language model is cut, and there are no digits to show it", async () => {
  await it.drop(await family("gpt2"));
  await it.until(async () => /GPT-2/.test(await it.text("verdict")), async () => "gpt2.safetensors was not opened");
  // Its texts still grow and push the slider about: it is set, not dragged.
  await it.at("slider").fill("0.6");
  await it.settled();
  assert.ok((await it.count("zeros")) > 0);
  assert.equal(await it.at("digit-0").count(), 0);
  await it.until(async () => /%/.test(await it.text("accuracy-pruned")), async () => "nothing was measured");
  assert.deepEqual(await it.at("error").allInnerTexts(), []);
});

test("an architecture that nobody knows is looked at and cut", async () => {
  const data = Buffer.from(new Float32Array([1, -6, 3, -4, 5, 2]).buffer);
  const bytes = tensor({ "who.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] } }, data);
  await it.drop([{ name: "who.safetensors", bytes }]);
  await it.until(async () => /unknown architecture/.test(await it.text("verdict")), async () => "it was not opened");
  await it.drag(0.5);
  await it.settled();
  assert.equal(await it.count("zeros"), 3);
  assert.deepEqual(await it.at("error").allInnerTexts(), []);
});

const BROKEN = {
  "not a safetensors file": async () => Buffer.from("<!doctype html><title>404</title>"),
  "an oversized header": async () => Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), Buffer.alloc(64)]),
  "a truncated file": async () => (await golden("vit/f32.safetensors")).subarray(0, 40_000),
  "overlapping tensors": async () => tensor({ a: four(0), b: four(2) }, Buffer.alloc(6)),
  "duplicate tensors": async () => tensor(`{"a":${JSON.stringify(four(0))},"a":${JSON.stringify(four(4))}}`, Buffer.alloc(8)),
  "an unknown dtype": async () => tensor({ a: { ...four(0), dtype: "F31" } }, Buffer.alloc(4)),
  "NaN weights": async () => {
    const bytes = Buffer.from(await golden("vit/f32.safetensors"));
    bytes.writeUInt32LE(0x7fc00000, bytes.length - 4);
    return bytes;
  },
};

for (const [what, make] of Object.entries(BROKEN)) {
  test(`${what}: a sentence, and the session is untouched`, async () => {
    const session = async () => [await it.at("model").inputValue(), await it.digest(), await it.text("verdict")];
    const before = await session();
    await it.drop([{ name: "broken.safetensors", bytes: await make() }]);
    const sentence = await it.error();
    assert.match(sentence, /\w+ .*\w+/);
    assert.doesNotMatch(sentence, /panicked|RuntimeError|unreachable|undefined|JsValue/);
    assert.deepEqual(await session(), before);
    await it.at("error-dismiss").first().click();
  });
}

test("two gigabytes are recognised by their header alone", async () => {
  const path = join(folder, "huge.safetensors");
  const bytes = 2 ** 31;
  const header = tensor({ huge: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } });
  const file = await open(path, "w");
  await file.write(header);
  await file.truncate(header.length + bytes); // sparse: takes no space
  await file.close();
  const start = Date.now();
  await it.at("drop").setInputFiles(path);
  assert.match(await it.error(), /huge.*2,147 MB.*does not fit/);
  assert.ok(Date.now() - start < 10_000, "without reading it");
  await it.at("error-dismiss").first().click();
});
