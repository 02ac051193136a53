// One Chromium with one page, driven by lines of JSON: each line in is a command, each line out
// its answer, `{"value": ...}` or `{"error": "..."}`. When the input ends, the browser goes.
//
//   node driver.mjs CHROMIUM PROFILE_DIR '{"width":1280,"height":800,"scale":1,"phone":false,
//                                          "locale":"zh-CN"}'

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, profile, screenText] = process.argv.slice(2);
const screen = JSON.parse(screenText);

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

// What went wrong in the page, whom it talked to, and everything it was given.
const errors = [];
const hosts = new Set();
const given = [];

page.on("pageerror", (error) => errors.push(String(error)));
page.on("console", (message) => {
  if (message.type() === "error") errors.push(message.text());
});
context.on("request", (request) => {
  const { protocol, hostname } = new URL(request.url());
  if (protocol.startsWith("http")) hosts.add(hostname);
  given.push(request.url(), JSON.stringify(request.headers()), request.postData() ?? "");
});
context.on("response", async (response) => {
  given.push(JSON.stringify(response.headers()));
  const isStream = (response.headers()["content-type"] ?? "").startsWith("text/event-stream");
  // The body of a stream ends only with the stream; its views are also read by plain calls.
  if (!isStream) given.push(await response.text().catch(() => ""));
});

const commands = {
  open: ({ url }) => page.goto(url).then(() => null),
  click: ({ selector, timeout }) => page.locator(selector).first().click({ timeout }),
  text: ({ selector }) => page.locator(selector).first().innerText(),
  count: ({ selector }) => page.locator(selector).count(),
  evaluate: ({ script }) => page.evaluate(script),
  wait: ({ selector, timeout }) => page.locator(selector).first().waitFor({ timeout }),
  until: ({ script, timeout }) => page.waitForFunction(script, null, { timeout }).then(() => null),
  screenshot: ({ path }) => page.screenshot({ path }).then(() => null),
  errors: async () => errors,
  hosts: async () => [...hosts],
  // Which of the words were ever in a request, an answer or the page itself.
  seen: async ({ words }) => {
    const everything = [...given, await page.content()];
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
