// One Chromium with several tabs and windows, driven like driver.mjs by lines of JSON. Playwright
// keeps every tab visible and awake; here a tab behind another one is hidden, as on a customer's
// desk. So it speaks the browser's own protocol through its pipe and needs nothing but Node.
//
//   node tabs.mjs CHROMIUM PROFILE_DIR

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const [chromium, profile] = process.argv.slice(2);
const browser = spawn(
  chromium,
  [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    `--user-data-dir=${profile}`,
    "about:blank",
  ],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
);
const [, , , orders, reports] = browser.stdio;

let last = 0;
let rest = "";
const waiting = new Map();
reports.setEncoding("utf8").on("data", (text) => {
  const messages = (rest + text).split("\0");
  rest = messages.pop();
  for (const message of messages.map((json) => JSON.parse(json))) {
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  }
});

async function send(method, params = {}, sessionId = undefined) {
  const id = ++last;
  const answer = new Promise((resolve) => waiting.set(id, resolve));
  orders.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  const { result, error } = await answer;
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

const tabs = [];
const commands = {
  open: async ({ url, window }) => {
    const { targetId } = await send("Target.createTarget", { url, newWindow: window });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    return tabs.push({ targetId, sessionId }) - 1;
  },
  front: ({ tab }) => send("Page.bringToFront", {}, tabs[tab].sessionId).then(() => null),
  reload: ({ tab }) => send("Page.reload", {}, tabs[tab].sessionId).then(() => null),
  close: ({ tab }) => send("Target.closeTarget", { targetId: tabs[tab].targetId }).then(() => null),
  lifecycle: ({ tab, state }) =>
    send("Page.setWebLifecycleState", { state }, tabs[tab].sessionId).then(() => null),
  evaluate: async ({ tab, expression }) => {
    const how = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await send(
      "Runtime.evaluate",
      how,
      tabs[tab].sessionId,
    );
    if (exceptionDetails) throw new Error(result.description ?? exceptionDetails.text);
    return result.value;
  },
};

const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

await send("Browser.getVersion");
answer({ value: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const command = JSON.parse(line);
    answer({ value: (await commands[command.do](command)) ?? null });
  } catch (error) {
    answer({ error: String(error?.message ?? error) });
  }
}
await send("Browser.close");
