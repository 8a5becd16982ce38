// From navigation to the first recorded picture and to a ready engine, and how long learning a mask takes beside the command
// line on the same CPU; prints one JSON line.
import { cli, launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

const RUNS = 5;
const [LEARNT, STEPS] = ["l0", 50];

/// Milliseconds since navigation began, by the page's own clock, when the element is painted.
function painted(page, selector) {
  return page.evaluate(
    (selector) =>
      new Promise((resolve) => {
        const look = () =>
          document.querySelector(selector) ? requestAnimationFrame(() => resolve(performance.now())) : requestAnimationFrame(look);
        look();
      }),
    selector,
  );
}

/// Milliseconds from the click to the learnt mask.
async function learnt(url) {
  const it = await Playground.live(browser, url, `method=${LEARNT}&seed=0&steps=${STEPS}&model=builtin:digits-cnn&device=cpu`);
  await it.at("learn").waitFor();
  const start = Date.now();
  await it.at("learn").click();
  await it.until(async () => /ended/.test(await it.text("training-words")), () => "it never ends");
  const took = Date.now() - start;
  await it.close();
  return took;
}

async function learntNatively() {
  const set = ["--method", LEARNT, "--set", `steps=${STEPS}`, "--seed", "0", "--device", "cpu"];
  return 1000 * (await cli("prune", "builtin:digits-cnn", ...set)).seconds;
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b).map(Math.round);
  return { median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1) };
}

const [browser, server] = await Promise.all([launch(), serve()]);
const [pictures, engines] = [[], []];
for (let run = 0; run < RUNS; run++) {
  const { context, page } = await Playground.visit(browser, server.url); // a fresh profile: nothing is cached
  pictures.push(await painted(page, "[data-testid='digit-0']"));
  engines.push(await painted(page, "[data-testid='engine-ready']"));
  await context.close();
}
const [here, natively] = [[], []];
for (let run = 0; run < RUNS; run++) {
  here.push(await learnt(server.url));
  natively.push(await learntNatively());
}
console.log(
  JSON.stringify({
    browser: browser.version(),
    runs: RUNS,
    first_picture_ms: spread(pictures),
    engine_ready_ms: spread(engines),
    learn_50_steps_ms: { browser: spread(here), native: spread(natively), ratio: spread(here).median / spread(natively).median },
  }),
);
await browser.close();
server.close();
