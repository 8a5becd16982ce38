// What every script here needs: the page served, a browser that watches itself, and our command line.
//
// SECATEUR_URL  a running server's address, or
// SECATEUR_DIST the built page to serve (default: dist/ at the top of the repository)
// SECATEUR_CLI  the built command line; without it `cargo run` builds it
// CHROME        the browser (default: /usr/bin/chromium)
// NODE_PATH     where the npm package playwright-core lies
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { promisify } from "node:util";

// Through require: an import does not look into NODE_PATH.
const { chromium } = createRequire(import.meta.url)("playwright-core");

export const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];

export const top = new URL("../..", import.meta.url).pathname;

/// A file of tests/golden.
export const golden = (name) => readFile(join(top, "tests/golden", name));

/// The weights and the config of a golden of tests/golden/families, to be dropped.
export async function family(name) {
  const of = (file) => golden(`families/${name}/${file}`);
  return [
    { name: `${name}.safetensors`, bytes: await of("model.safetensors") },
    { name: "config.json", bytes: await of("config.json") },
  ];
}

export function launch(flags = FLAGS) {
  return chromium.launch({
    executablePath: process.env.CHROME ?? "/usr/bin/chromium",
    args: flags,
    ignoreDefaultArgs: ["--headless", "--disable-gpu"],
  });
}

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/// A static server, as plain as the plainest host: no headers that a user's host might lack.
export async function serve(dist = process.env.SECATEUR_DIST ?? join(top, "dist")) {
  if (process.env.SECATEUR_URL) return { url: process.env.SECATEUR_URL, close() {} };
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const file = join(dist, path.endsWith("/") ? `${path}index.html` : path);
    try {
      const body = await readFile(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/// A fresh profile on the page. `complaints` fills with console errors, exceptions and requests that leave the machine.
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints = [];
  const local = new URL(url).origin;
  page.on("console", (line) => line.type() === "error" && complaints.push(`console: ${line.text()}`));
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== local && !["data:", "blob:"].includes(protocol)) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { context, page, complaints };
}

/// The last line of the command line's `--json` output.
export async function cli(...args) {
  const [program, ...first] = process.env.SECATEUR_CLI
    ? [process.env.SECATEUR_CLI]
    : ["cargo", "run", "--quiet", "--package=secateur-cli", "--"];
  const all = [...first, ...args, "--json"];
  const { stdout } = await promisify(execFile)(program, all, { cwd: top, maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
