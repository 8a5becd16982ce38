// Cancelling, and an engine that dies: the page stays, the session comes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

let browser, server;
before(async () => ([browser, server] = await Promise.all([launch(), serve()])));
after(async () => {
  await browser.close();
  server.close();
});

test("a long job is cancelled and leaves everything as it was", async () => {
  const it = await Playground.live(browser, server.url, "method=magnitude&seed=0&sparsity=0.5&model=builtin:story-lm");
  const digest = await it.settled();
  await it.until(async () => /\d/.test(await it.text("accuracy-pruned")), async () => "nothing was measured");
  await it.at("progress").waitFor({ state: "hidden" });
  await it.at("method-wanda").check(); // runs 128 texts through the model: seconds, on any machine
  await it.at("progress").filter({ hasText: "Cutting" }).waitFor(); // not what the cut before it is followed by
  await it.at("cancel").click();
  await it.at("progress").waitFor({ state: "hidden" });
  await it.page.waitForTimeout(2000);
  assert.equal(await it.digest(), digest);
  await it.drag(0.2); // and the engine still works
  await it.settled();
  await it.close();
});

test("a worker that dies is replaced, and the masks come back", async () => {
  const it = await Playground.live(browser, server.url, "method=random&seed=11&sparsity=0.7");
  const digest = await it.settled();
  const [worker] = it.page.workers();
  await worker.evaluate(() => {
    setTimeout(() => {
      self.close();
      throw new Error("killed by the test");
    });
  });
  assert.match(await it.error(), /engine stopped.*killed by the test/);
  await it.ready();
  await it.digestIs(digest);
  await it.at("error-dismiss").first().click();
  await it.drag(0.2);
  await it.settled();
  it.complaints.splice(0); // the crash is on the console, as it should be
  await it.close();
});
