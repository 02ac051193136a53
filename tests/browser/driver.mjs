// One Chromium with one page, driven by lines of JSON: each line in is a command, each line out
// its answer, `{"value": ...}` or `{"error": "..."}`. When the input ends, the browser goes.
//
//   node driver.mjs CHROMIUM PROFILE_DIR '{"width":1280,"height":800,"scale":1,"phone":false,
//                                          "locale":"zh-CN"}'

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, profile, screenText] = process.argv.slice(2);
const screen = JSON.parse(screenText);
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
  viewport: { width: screen.width, height: screen.height },
  deviceScaleFactor: screen.scale,
  isMobile: screen.phone,
  hasTouch: screen.phone,
  locale: screen.locale,
  timezoneId: "Asia/Shanghai",
});
const page = context.pages()[0] ?? (await context.newPage());

// How often a document was loaded, what went wrong in it, whom it talked to, and everything that
// went through it. No script of ours runs in the page: its security policy stays as it is.
let loads = 0;
const errors = [];
const hosts = new Set();
const exchanged = [];

page.on("load", () => (loads += 1));
page.on("pageerror", (error) => errors.push(String(error)));
page.on("console", (message) => {
  if (message.type() === "error") errors.push(message.text());
});
context.on("request", (request) => {
  const { protocol, hostname } = new URL(request.url());
  if (protocol.startsWith("http")) hosts.add(hostname);
  exchanged.push(request.url(), JSON.stringify(request.headers()), request.postData() ?? "");
});
context.on("response", async (response) => {
  exchanged.push(JSON.stringify(response.headers()));
  const isStream = (response.headers()["content-type"] ?? "").startsWith("text/event-stream");
  // The body of a stream ends only with the stream; its views are also read by plain calls.
  if (!isStream) exchanged.push(await response.text().catch(() => ""));
});

const commands = {
  open: ({ url }) => page.goto(url).then(() => null),
  click: ({ selector, timeout }) => page.locator(selector).first().click({ timeout }),
  text: ({ selector }) => page.locator(selector).first().innerText(),
  attribute: ({ selector, name }) => page.locator(selector).first().getAttribute(name),
  wait: ({ selector, timeout }) => page.locator(selector).first().waitFor({ timeout }),
  screenshot: ({ path, whole }) => page.screenshot({ path, fullPage: whole }).then(() => null),
  detail: ({ selector, path }) => page.locator(selector).screenshot({ path }).then(() => null),
  press: ({ selector, key }) => page.locator(selector).first().press(key).then(() => null),
  evaluate: ({ code }) => page.evaluate(code),
  // From the next page on: another screen, and a finger on it or not.
  hold: async ({ width, height, scale, phone, userAgent }) => {
    const session = await context.newCDPSession(page);
    await page.setViewportSize({ width, height });
    const metrics = { width, height, deviceScaleFactor: scale, mobile: phone };
    await session.send("Emulation.setDeviceMetricsOverride", metrics);
    await session.send("Emulation.setTouchEmulationEnabled", { enabled: phone });
    await session.send("Emulation.setUserAgentOverride", { userAgent });
  },
  // What the visitor's system asks for: `{"colorScheme":"dark","forcedColors":"active"}`.
  media: ({ media }) => page.emulateMedia(media).then(() => null),
  // What axe-core finds wrong on the page, a line for each kind.
  axe: async () => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    return violations.map(({ id, help, nodes }) => {
      const places = nodes.slice(0, 3).map(({ target, any }) => {
        return `${target.flat().join(" ")} ${any[0]?.message ?? ""}`;
      });
      return `${id}: ${help} (${nodes.length}): ${places.join("; ")}`;
    });
  },
  loads: async () => loads,
  errors: async () => errors,
  hosts: async () => [...hosts],
  // Which of the words were ever in a request, an answer or the page itself.
  seen: async ({ words }) => {
    const everything = [...exchanged, await page.content()];
    return words.filter((word) => everything.some((text) => text.includes(word)));
  },
};

const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

answer({ value: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const command = JSON.parse(line);
    answer({ value: (await commands[command.do](command)) ?? null });
  } catch (error) {
    answer({ error: String(error?.message ?? error) });
  }
}
await context.close();
