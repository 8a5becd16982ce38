// The page as a user meets it. Handles are the `data-testid`s listed in web/src/panels.rs.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { open } from "./browser.mjs";

/// Engine start-up compiles several megabytes of wasm; a cut on software WebGPU takes its time.
const PATIENCE_MS = 120_000;
/// The address bar follows the controls after a quarter of a second.
const FOLLOW_MS = 500;
/// What follows a cut begins within a second, and each of it soon after the one before.
const IDLE_MS = 3000;

export class Playground {
  constructor({ context, page, complaints }) {
    Object.assign(this, { context, page, complaints });
  }

  /// A fresh profile, at once; `fragment` is what follows # in a link.
  static async visit(browser, url, fragment = "", options = {}) {
    return new Playground(await open(browser, fragment ? `${url}#${fragment}` : url, options));
  }

  /// The same, once the engine is up.
  static async live(browser, url, fragment = "", options = {}) {
    const playground = await Playground.visit(browser, url, fragment, options);
    await playground.ready();
    return playground;
  }

  at(id) {
    return this.page.getByTestId(id);
  }

  async text(id) {
    return (await this.at(id).first().innerText()).trim();
  }

  /// The first number in an element's text, as an integer.
  async count(id) {
    const [digits] = (await this.text(id)).match(/\d[\d,]*/) ?? assert.fail(`${id} shows no number`);
    return Number(digits.replaceAll(",", ""));
  }

  ready() {
    return this.at("engine-ready").waitFor({ state: "attached", timeout: PATIENCE_MS });
  }

  digest() {
    return this.at("digest").first().textContent();
  }

  /// Waits until the masks are these.
  async digestIs(wanted) {
    await this.until(async () => (await this.digest())?.includes(wanted), async () => {
      const error = await this.at("error").allInnerTexts();
      return `wanted the masks ${wanted}, got ${await this.digest()} ${error.join(" ")}`;
    });
  }

  /// The masks on screen are the ones that the controls, and with them the address bar, ask for.
  async settled() {
    const asked = async () => {
      const recipe = await this.at("digest").first().getAttribute("data-recipe");
      return recipe !== null && this.page.url().split("#")[1]?.startsWith(`${recipe}&model=`);
    };
    await this.page.waitForTimeout(FOLLOW_MS);
    await this.until(asked, async () => `the masks of ${this.page.url()} never came: ${await this.at("error").allInnerTexts()}`);
    return this.digest();
  }

  /// Nothing has been under way for a while: what follows a cut by itself is over.
  async idle() {
    let since = Date.now();
    const quiet = async () => {
      if (await this.at("progress").isVisible()) since = Date.now();
      return Date.now() - since > IDLE_MS;
    };
    await this.until(quiet, async () => `still under way: ${await this.text("progress")}`);
  }

  async until(holds, otherwise, patience = PATIENCE_MS) {
    const deadline = Date.now() + patience;
    while (!(await holds())) {
      if (Date.now() > deadline) assert.fail(await otherwise());
      await this.page.waitForTimeout(50);
    }
  }

  /// Drags the slider's thumb to a fraction of its way, through places between.
  async drag(fraction) {
    const slider = this.at("slider");
    await slider.scrollIntoViewIfNeeded();
    const { x, y, width, height } = await slider.boundingBox();
    const [value, max] = await slider.evaluate((input) => [Number(input.value), Number(input.max)]);
    const mouse = this.page.mouse;
    await mouse.move(x + (width * value) / max, y + height / 2);
    await mouse.down();
    await mouse.move(x + width * fraction, y + height / 2, { steps: 12 });
    await mouse.up();
  }

  /// Lets files fall onto the page, as from a desktop.
  async drop(files) {
    const data = await this.page.evaluateHandle((files) => {
      const data = new DataTransfer();
      for (const { name, base64 } of files) {
        data.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], name));
      }
      return data;
    }, files.map(({ name, bytes }) => ({ name, base64: bytes.toString("base64") })));
    await this.page.dispatchEvent("body", "drop", { dataTransfer: data });
  }

  /// Takes a format away through the export dialog: the bytes of the zip file.
  async export(format = "zeros") {
    await this.at("export").click();
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.at(`export-${format}`).click()]);
    await this.at("export-close").click();
    return readFile(await download.path());
  }

  /// The sentence that tells what went wrong.
  async error() {
    await this.at("error").first().waitFor();
    return this.text("error");
  }

  /// Closes; what the console, the page or the network complained about fails the test.
  async close() {
    await this.context.close();
    assert.deepEqual(this.complaints, []);
  }
}
