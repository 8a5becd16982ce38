// A language model of the user's own: what it lacks is said, both models go on with a prompt, and a cut shows in it.
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

/// A byte-pair encoding of letters, small enough for the golden Llama's 53 entries.
function tokenizer() {
  const letters = ["?", "<s>", "</s>", " ", ..."abcdefghijklmnopqrstuvwxyz.,!'0123456789"];
  const vocab = Object.fromEntries([...letters, "th", "he", "an"].map((token, id) => [token, id]));
  const merges = [["t", "h"], ["h", "e"], ["a", "n"]];
  const model = { type: "BPE", unk_token: "?", vocab, merges };
  const none = { truncation: null, padding: null, normalizer: null, pre_tokenizer: null, post_processor: null };
  const file = { version: "1.0", ...none, added_tokens: [], decoder: { type: "Fuse" }, model };
  return { name: "tokenizer.json", bytes: Buffer.from(JSON.stringify(file)) };
}

const tokens = (part) => it.page.locator(`[data-testid=written-${part}] [data-token]`);
const ids = (part) => tokens(part).evaluateAll((all) => all.map((token) => Number(token.dataset.token)));
const told = (id, words) => it.until(async () => words.test(await it.text(id)), async () => `${id} says ${await it.text(id)}`);

test("without its tokenizer it says what to drop, and the tokenizer may come later", async () => {
  await it.drop(await family("llama"));
  await told("verdict", /Llama.*parameters.*needs 0\.1 MB here for each of dense and pruned and fits/);
  assert.match(await it.text("text-missing"), /tokenizer\.json/);
  assert.equal(await it.at("continue").count(), 0);
  await it.drop([tokenizer()]);
  await it.at("prompt").waitFor();
  assert.equal(await it.at("digit-0").count(), 0, "and there is nothing to look at");
});

test("both models go on with a prompt, alike until something is cut", async () => {
  await it.drag(0);
  await it.settled();
  await it.at("prompt").fill("the cat and");
  await it.at("length").fill("12");
  await it.at("greedy").check();
  await it.at("continue").click();
  await tokens("dense").first().waitFor();
  const [prompt, dense, pruned] = [await ids("prompt"), await ids("dense"), await ids("pruned")];
  assert.equal((await tokens("prompt").allInnerTexts()).join(""), "the cat and");
  assert.ok(prompt.length < "the cat and".length, "merged tokens");
  assert.equal(dense.length, 12);
  assert.deepEqual(pruned, dense);
  assert.match(await it.text("parting"), /the same/);
  assert.match(await it.text("likelihood"), /1\.00 times as likely/);
  assert.match(await it.text("speed"), /tokens a second/);
});

test("after a cut it is asked again by itself, and the texts part", async () => {
  const before = await ids("dense");
  await it.drag(0.9);
  await it.settled();
  await told("parting", /part (at|after)/);
  const [dense, pruned] = [await ids("dense"), await ids("pruned")];
  assert.deepEqual(dense, before, "the dense model is what it was");
  assert.notDeepEqual(pruned, dense);
  assert.equal(await it.page.locator("[data-testid^=written-] .parting").count(), 2);
  assert.ok((await it.page.locator("[data-testid=written-dense] :is([class*=less], [class*=more])").count()) > 0);
});

test("questions say what was forgotten", async () => {
  await it.at("ask").click();
  const known = async (kind) => (await it.at(`known-${kind}`).locator("td").allInnerTexts()).map((share) => parseInt(share));
  await it.at("known-grammar").waitFor();
  const all = await Promise.all(["name-recall", "object-recall", "number-agreement", "grammar"].map(known));
  assert.ok(all.flat().every((share) => share >= 0 && share <= 100), `${all}`);
  assert.ok(all.some(([dense, pruned]) => pruned !== dense), `nine tenths are gone: ${all}`);
});

test("a token tells how likely both models found it, by pointer and by keyboard", async () => {
  await tokens("dense").nth(2).click();
  const [first, second] = (await ids("dense")).slice(2);
  assert.match(await it.text("token-readout"), new RegExp(`[Tt]oken ${first}\\b.*dense .*%, pruned .*%`));
  await it.at("written-dense").focus();
  await it.page.keyboard.press("ArrowRight");
  assert.match(await it.text("token-readout"), new RegExp(`[Tt]oken ${second}\\b`));
});

test("perplexity is no percentage", async () => {
  assert.equal(await it.page.locator(".figure h3").first().innerText(), "perplexity");
  for (const model of ["dense", "pruned"]) await told(`accuracy-${model}`, /^[\d.,e]+$/);
});

test("the same link, the same settings", async () => {
  await it.settled();
  const link = it.page.url();
  assert.match(link, /text=the%20cat%20and/);
  const again = await Playground.visit(browser, server.url, link.split("#")[1].replace(/model=[^&]*/, "model=builtin:digits-vit"));
  await again.ready();
  await again.drop([...(await family("llama")), tokenizer()]);
  await again.at("prompt").waitFor();
  assert.equal(await again.at("prompt").inputValue(), "the cat and");
  assert.equal(await again.at("length").inputValue(), "12");
  assert.ok(await again.at("greedy").isChecked());
  await again.close();
});

test("numbers out of range and a prompt that is too long get a sentence", async () => {
  await it.at("length").fill("0");
  await it.at("length").press("Tab");
  assert.match(await it.error(), /tokens = 0: wanted a whole number from 1 to 1000/);
  await it.at("error-dismiss").first().click();
  await it.at("prompt").fill("the cat ".repeat(20));
  await it.at("continue").click();
  assert.match(await it.error(), /reads at most 48; shorten it/);
  await it.at("error-dismiss").first().click();
});
