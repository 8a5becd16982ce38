// From navigation to the first recorded picture and to a ready engine; prints one JSON line.
import { launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

const RUNS = 5;

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
console.log(
  JSON.stringify({ browser: browser.version(), runs: RUNS, first_picture_ms: spread(pictures), engine_ready_ms: spread(engines) }),
);
await browser.close();
server.close();
