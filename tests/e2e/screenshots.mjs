// node screenshots.mjs FOLDER: the page wide and narrow, light and dark, recorded and live, to be looked at.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launch, serve } from "./browser.mjs";
import { Playground } from "./playground.mjs";

const folder = process.argv[2] ?? "screenshots";
await mkdir(folder, { recursive: true });
const [browser, server] = await Promise.all([launch(), serve()]);
for (const width of [1440, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    const look = { viewport: { width, height: width > 1000 ? 900 : 844 }, colorScheme, deviceScaleFactor: width > 1000 ? 1 : 2 };
    const it = await Playground.visit(browser, server.url, "", look);
    const shoot = (name, fullPage) => it.page.screenshot({ path: join(folder, `${width}-${colorScheme}-${name}.png`), fullPage });
    await it.at("digit-0").waitFor();
    await shoot("recorded", false);
    await it.ready();
    await it.drag(0.8);
    await it.settled();
    await it.page.waitForTimeout(4000); // accuracy, times and importance follow once the slider rests
    await shoot("live", false);
    await shoot("whole", true);
    const across = await it.page.evaluate(() => document.documentElement.scrollWidth);
    if (across > width) console.log(`${width} ${colorScheme}: the page is ${across} px wide`);
    await it.page.locator("[data-testid^=map-tile-]").nth(2).click();
    await it.at("zoom").waitFor();
    await it.page.waitForTimeout(1500);
    await shoot("zoom", false);
    await it.at("zoom-close").click();
    await it.at("units-heads").check();
    const wall = it.page.locator("[data-testid^=wall-]").first();
    await wall.press("ArrowRight");
    await it.at("unit-remove").click();
    await it.settled();
    await wall.press("ArrowRight");
    await it.page.locator("[data-testid^=count-]").nth(2).press("ArrowRight");
    await it.at("units-neurons").check();
    await it.page.locator("[data-testid^=wall-]").nth(1).press("End");
    await it.page.locator("[data-testid^=count-]").nth(1).press("End");
    await it.settled();
    await it.page.waitForTimeout(4000);
    await shoot("units", true);
    await it.at("export").click();
    await it.page.locator(".readers .opens").first().waitFor();
    await shoot("export", false);
    await it.at("export-close").click();
    await it.at("model").selectOption("builtin:story-lm");
    await it.at("continue").click();
    await it.at("parting").waitFor();
    await it.page.waitForTimeout(4000);
    await it.at("continue").scrollIntoViewIfNeeded();
    await shoot("story-lm", true);
    await it.at("model").selectOption("builtin:digits-unet");
    await it.at("paint").click();
    await it.at("step-words").waitFor();
    await it.page.waitForTimeout(4000);
    await shoot("digits-unet", true);
    for (const [name, recipe] of [
      ["learning-digits", "method=l0&steps=5000&batch=16&model=builtin:digits-cnn&device=cpu"],
      ["learning-text", "method=l0&steps=5000&batch=2&length=32&model=builtin:story-lm&device=cpu"],
      ["learning-pictures", "method=ecodiff&steps=500&model=builtin:digits-unet&device=cpu"],
    ]) {
      await it.page.evaluate((fragment) => (location.hash = fragment), recipe);
      await it.at("learn").waitFor();
      await it.until(async () => await it.at("learn").isEnabled(), () => "it cannot begin");
      await it.at("learn").click();
      await it.at("trial").waitFor();
      await it.page.waitForTimeout(8000);
      await it.at("learn").scrollIntoViewIfNeeded();
      await shoot(name, false);
      await it.at("learn-drop").click();
      await it.until(async () => await it.at("learn").isEnabled(), () => "it goes on");
    }
    await it.context.close();
    for (const complaint of it.complaints) console.log(complaint);
  }
}
await browser.close();
server.close();
