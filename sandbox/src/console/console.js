// The console: what the sandbox has done and said, live. It only shows; what there is to know comes
// from the control interface.

import { control, pageLanguage, say } from "/phone/api.js";
import { announce, beijing, button, duration, el, icon } from "/console/dom.js";
import * as faults from "/console/faults.js";
import * as messages from "/console/messages.js";
import * as orders from "/console/orders.js";
import * as setup from "/console/setup.js";
import { EN } from "/console/texts-en.js";
import { ZH } from "/console/texts-zh.js";

const TEXTS = { "zh-CN": ZH, en: EN };
const VIEWS = { orders, messages, faults, setup };
/** When the bell is out of order: how long to wait before asking again. */
const RETRY_MS = 2000;
/** Some things happen by the clock alone, without a bell. */
const TICK_MS = 5000;
const SPEEDS = [1, 10, 60, 600];
const ADVANCES_S = [15, 60, 300, 1800, 7200, 86400];

/** What all views share. */
const desk = {
  language: pageLanguage(),
  get words() {
    return TEXTS[desk.language];
  },
  /** The gateway's time, and the browser's when it was told. */
  time: { now: 0, ahead_s: 0 },
  toldAt: 0,
  isLive: false,
  /** The time of the gateway by now. */
  now: () => {
    const passed = Math.floor((performance.now() - desk.toldAt) / 1000);
    return desk.time.now + passed * (desk.time.speed ?? 1);
  },
  /** Does something by the control interface, and shows what came of it. */
  async act(path, body, done, method) {
    try {
      const answer = await control(path, body, method && { method });
      if (done) {
        announce(done);
      }
      await refresh();
      return answer;
    } catch (error) {
      announce(desk.words.errors[error.code] ?? error.message ?? error.code, true);
      return null;
    }
  },
};

const byId = (id) => document.getElementById(id);

/** `#/orders/1900000109/SM1` is the view `orders` with two parts. */
function route() {
  const [name, ...parts] = window.location.hash.replace(/^#\//, "").split("/");
  const view = VIEWS[name] ? name : "orders";
  return { name: view, view: VIEWS[view], parts: parts.map(decodeURIComponent) };
}

/* What is shown */

function renderFrame() {
  const { words } = desk;
  document.documentElement.lang = desk.language;
  say(words);
  document.title = `${words.tabs[route().name]} · Saoma sandbox`;
  byId("language").textContent = words.other;
  byId("language").lang = desk.language === "en" ? "zh-CN" : "en";
  byId("open-phone").href = `/phone?lang=${desk.language === "en" ? "en" : "zh"}`;
  byId("tabs").replaceChildren(...Object.keys(VIEWS).map((name) => {
    const current = name === route().name ? "page" : null;
    return el("a", { href: `#/${name}`, "aria-current": current }, words.tabs[name]);
  }));
  renderLive();
  renderClockTools();
}

function renderLive() {
  const { words } = desk;
  byId("live").textContent = desk.isLive ? words.live : words.away;
  byId("live").classList.toggle("on", desk.isLive);
  renderClock();
}

function renderClock() {
  if (!desk.time.now) {
    return;
  }
  const ahead = desk.time.ahead_s
    ? el("span", { class: "ahead" }, `+${duration(desk.time.ahead_s, desk.words)}`)
    : null;
  const fast = desk.time.speed > 1 ? el("span", { class: "ahead" }, `×${desk.time.speed}`) : null;
  const time = el("span", {}, beijing(desk.now(), true));
  byId("clock-now").replaceChildren(...[icon("clock"), time, ahead, fast].filter(Boolean));
  for (const choice of byId("clock-tools").querySelectorAll("[data-speed]")) {
    choice.setAttribute("aria-pressed", String(Number(choice.dataset.speed) === desk.time.speed));
  }
  byId("clock-now").setAttribute("aria-label", `${desk.words.clock}: ${beijing(desk.now())}`);
}

function renderClockTools() {
  const { words } = desk;
  const advance = (seconds) => desk.act("time", { advance_s: seconds }, words.advanced);
  const seconds = el("input", { type: "number", min: "1", step: "1", value: "600",
    "aria-label": words.seconds });
  const submit = (event) => {
    event.preventDefault();
    advance(Number(seconds.value));
  };
  byId("clock-tools").replaceChildren(
    el("p", { class: "popover-title" }, words.clock),
    el("p", { class: "soft" }, words.clockText),
    el("div", { class: "buttons" }, ADVANCES_S.map((step) =>
      button(`+${duration(step, words)}`, () => advance(step)))),
    el("form", { class: "row", onsubmit: submit }, seconds,
      el("button", { class: "button" }, words.advance)),
    el("p", { class: "soft" }, words.speedText),
    el("div", { class: "buttons" }, SPEEDS.map((speed) =>
      button(`×${speed}`, () => desk.act("time", { speed }, words.speedSet),
        { "data-speed": speed }))),
  );
}

/** Shows the view of now from the beginning. */
async function open() {
  byId("clock").open = false;
  renderFrame();
  const { view, parts } = route();
  byId("main").className = `view-${route().name}`;
  await view.open(byId("main"), desk, parts);
  await refresh();
}

let isRefreshing = false;
let isStale = false;

/** Fetches what the view of now shows, once more when it was asked meanwhile. */
async function refresh() {
  isStale = true;
  if (isRefreshing) {
    return;
  }
  isRefreshing = true;
  while (isStale) {
    isStale = false;
    const { view, parts } = route();
    try {
      desk.time = await control("time");
      desk.toldAt = performance.now();
      await view.refresh(byId("main"), desk, parts);
      desk.isLive = true;
    } catch (error) {
      desk.isLive = false;
      if (!error.code) {
        isRefreshing = false;
        throw error;
      }
    }
    renderLive();
  }
  isRefreshing = false;
}

/* Live */

const seen = () => new Promise((resolve) => {
  if (!document.hidden) {
    resolve();
  } else {
    document.addEventListener("visibilitychange", () => resolve(seen()), { once: true });
  }
});
const wait = (ms) => new Promise((resolve) => window.setTimeout(resolve, ms));

/** Listens to the bell for ever; is quiet while nobody looks. */
async function listen() {
  let version = null;
  for (;;) {
    await seen();
    const leave = new AbortController();
    const hide = () => leave.abort();
    document.addEventListener("visibilitychange", hide, { once: true });
    try {
      const asked = version === null ? "events" : `events?after=${version}`;
      const answer = await control(asked, undefined, { signal: leave.signal });
      const isNew = answer.version !== version;
      version = answer.version;
      if (isNew) {
        await refresh();
      }
    } catch {
      if (!leave.signal.aborted) {
        desk.isLive = false;
        renderLive();
        await wait(RETRY_MS);
      }
      version = null;
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
  }
}

byId("language").addEventListener("click", () => {
  desk.language = desk.language === "en" ? "zh-CN" : "en";
  const address = new URL(window.location.href);
  address.searchParams.set("lang", desk.language === "en" ? "en" : "zh");
  window.history.replaceState(null, "", address);
  messages.forget();
  open();
});
window.addEventListener("hashchange", open);
document.addEventListener("click", (event) => {
  if (!byId("clock").contains(event.target)) {
    byId("clock").open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && byId("clock").open) {
    byId("clock").open = false;
    byId("clock-now").focus();
  }
});
window.setInterval(renderClock, 1000);
window.setInterval(() => {
  if (!document.hidden) {
    refresh();
  }
}, TICK_MS);

open();
listen();
