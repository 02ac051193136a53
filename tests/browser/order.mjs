// The page of tests/follow: one order, shown as often as the address says, and a list of what it
// was told, for the test to read.

import { SaomaCheckout, follow } from "/dist/index.js";

const { server, order, token, times = "1", by = "events" } = Object.fromEntries(
  new URLSearchParams(location.search),
);

// What happened to each checkout: `{ screen, left, at }`, newest last.
window.told = [];

function tell(which, { screen, leftSeconds, offline }) {
  const list = (window.told[which] ??= []);
  const last = list.at(-1);
  if (last?.screen === screen && last?.offline === offline) return;
  list.push({ screen, left: leftSeconds, offline, at: Date.now() });
}

for (let which = 0; which < Number(times); which += 1) {
  if (by === "questions") {
    follow({ server, order, token, events: false }, (state) => tell(which, state));
    continue;
  }
  const element = new SaomaCheckout();
  element.addEventListener("saoma:change", ({ detail }) => tell(which, detail));
  for (const [name, value] of Object.entries({ server, order, token })) {
    element.setAttribute(name, value);
  }
  document.body.append(element);
}
