// The phone: scans a code, shows what it asks for, pays or not. It knows nothing by itself; all it
// does goes through the control interface of the sandbox.

import { control, pageLanguage, say, yuan } from "/phone/api.js";
import * as camera from "/phone/camera.js";
import { DELAYS_S, METHODS, PEOPLE, coupons, keep, kept, tendered } from "/phone/purse.js";
import { TEXTS } from "/phone/texts.js";

const REFRESH_MS = 2000;
const SLOW_REFRESH_MS = 500;
const SCREENS = [
  "home", "settings", "camera", "confirm", "password", "paying", "paid", "stopped",
];
const PASSWORD_DIGITS = 6;
/** The one password that is wrong. */
const WRONG_PASSWORD = "000000";

/** The page's whole state; `render` shows it. */
const state = {
  ...kept(),
  language: pageLanguage(),
  screen: "home",
  orders: [],
  codeUrl: "",
  orderCode: "",
  scanned: null,
  balance: null,
  method: "balance",
  chosen: new Set(),
  typed: "",
  isWrong: false,
  isBusy: false,
  payment: null,
  now: 0,
  notification: null,
  stop: { code: "other", message: "" },
};

const byId = (id) => document.getElementById(id);
const texts = () => TEXTS[state.language];

/** What is left to pay when the chosen coupons have paid their part. */
function due() {
  const used = tendered(state.scanned.total_fee, state.chosen);
  return used.reduce((rest, coupon) => rest - coupon.fee, state.scanned.total_fee);
}

/* What happens */

async function scan(codeUrl) {
  camera.stop();
  state.codeUrl = codeUrl;
  try {
    state.scanned = await control("scan", { code_url: codeUrl, person: state.person });
    // A shop may have been asked for the order; then the order has a code of its own.
    state.orderCode = state.scanned.code_url ?? codeUrl;
    state.balance = (await control(`person?person=${state.person}`)).balance;
    state.method = "balance";
    state.chosen = new Set();
    byId("coupons-card").open = false;
    go("confirm");
  } catch (error) {
    stop(error);
  }
}

function askPassword() {
  state.typed = "";
  state.isWrong = false;
  go("password");
  byId("keypad").querySelector("button").focus({ preventScroll: true });
}

function type(digit) {
  if (state.isBusy) {
    return;
  }
  state.isWrong = false;
  state.typed = digit === "erase" ? state.typed.slice(0, -1) : state.typed + digit;
  if (state.typed === WRONG_PASSWORD) {
    state.typed = "";
    state.isWrong = true;
  } else if (state.typed.length === PASSWORD_DIGITS) {
    pay();
  }
  render();
}

async function pay() {
  if (state.isBusy) {
    return;
  }
  state.isBusy = true;
  try {
    state.payment = await control("pay", {
      code_url: state.orderCode,
      person: state.person,
      method: state.method,
      coupons: tendered(state.scanned.total_fee, state.chosen),
      after_s: state.delay,
      notify: state.notify,
    });
    state.notification = null;
    go(state.delay > 0 ? "paying" : "paid");
    refresh();
  } catch (error) {
    stop(error);
  } finally {
    state.isBusy = false;
  }
}

async function cancel() {
  try {
    await control("cancel", { code_url: state.orderCode });
    stop({ code: "cancelled", message: "" });
  } catch (error) {
    stop(error);
  }
}

async function openCamera() {
  go("camera");
  try {
    await camera.look(byId("video"), scan);
    if (state.screen !== "camera") {
      camera.stop();
    }
  } catch {
    stop({ code: "noCamera" });
  }
}

async function scanPicture(file) {
  const codeUrl = await camera.readPicture(file);
  if (codeUrl) {
    scan(codeUrl);
  } else {
    stop({ code: "noCode" });
  }
}

function stop(error) {
  state.stop = error;
  go("stopped");
}

function go(screen) {
  camera.stop();
  state.screen = screen;
  if (screen === "home") {
    state.codeUrl = "";
    refresh();
  }
  remember();
  render();
  byId("title").focus({ preventScroll: true });
  byId("phone").scrollTop = 0;
}

/** Keeps the address such that a reload shows the same. */
function remember() {
  const address = new URL(window.location.href);
  address.searchParams.set("lang", state.language === "en" ? "en" : "zh");
  address.searchParams.delete("person");
  if (state.codeUrl) {
    address.searchParams.set("code_url", state.codeUrl);
  } else {
    address.searchParams.delete("code_url");
  }
  window.history.replaceState(null, "", address);
  keep(state);
}

/** Fetches what changes by itself: open orders, a slow payment, and whether the shop knows. */
async function refresh() {
  try {
    if (state.screen === "home") {
      await refreshOrders();
    } else if (state.screen === "settings") {
      const { balance } = await control(`person?person=${state.person}`);
      state.balance = balance;
      render();
    } else if (state.screen === "paying" || state.screen === "paid") {
      await refreshPayment();
    }
  } catch {
    // The sandbox is away; the next round asks again.
  }
}

async function refreshOrders() {
  const { orders } = await control("orders?state=NOTPAY&limit=50");
  const open = orders.filter((order) => order.not_payable === null);
  if (JSON.stringify(open) !== JSON.stringify(state.orders)) {
    state.orders = open;
    render();
  }
}

async function refreshPayment() {
  const { out_trade_no, mch_id, transaction_id } = state.payment;
  const number = `out_trade_no=${encodeURIComponent(out_trade_no)}&mch_id=${mch_id}`;
  const { now, orders } = await control(`orders?${number}`);
  const isMeant = (known) => known.transaction_id === transaction_id;
  const payment = orders.flatMap((order) => order.payments).find(isMeant);
  const failed = orders.flatMap((order) => order.failed).find(isMeant);
  state.now = now;
  state.notification = payment ? payment.notification : null;
  if (state.screen === "paying" && payment) {
    go("paid");
  } else if (state.screen === "paying" && failed) {
    stop({ code: failed.reason, message: "" });
  }
  render();
}

/* What is shown */

function render() {
  const words = texts();
  document.documentElement.lang = state.language;
  say(words);
  for (const screen of SCREENS) {
    byId(screen).hidden = screen !== state.screen;
  }
  byId("title").textContent = words[`${state.screen}Title`];
  byId("language").textContent = words.other;
  byId("language").lang = state.language === "en" ? "zh-CN" : "en";
  byId("back").hidden = state.screen === "home" || state.screen === "paying";
  byId("person").hidden = state.screen !== "home";
  byId("person-name").textContent = words.people[state.person];
  byId("to-console").href = `/?lang=${state.language === "en" ? "en" : "zh"}`;
  document.title = `${words[`${state.screen}Title`]} · Saoma sandbox`;
  renderOrders();
  renderSettings(words);
  if (state.scanned) {
    renderScanned(words);
    renderMethods(words);
    renderCoupons(words);
  }
  renderPassword(words);
  renderStop(words);
  const left = state.payment ? Math.max(0, state.payment.paid_at - state.now) : 0;
  byId("slow-text").textContent = words.slowText(state.now ? left : state.delay);
  byId("told").textContent = told(words);
}

function renderOrders() {
  byId("empty").hidden = state.orders.length > 0;
  byId("in-view").hidden = state.orders.length === 0;
  byId("codes").replaceChildren(
    ...state.orders.map((order) => {
      const picture = document.createElement("img");
      picture.src = `/phone/code.svg?code_url=${encodeURIComponent(order.code_url)}`;
      picture.alt = "";
      const card = document.createElement("button");
      card.type = "button";
      card.className = "code-card";
      card.dataset.codeUrl = order.code_url;
      card.append(
        picture,
        labelled("code-card-body", order.body),
        labelled("code-card-shop", order.shop),
        labelled("code-card-amount", yuan(order.total_fee)),
      );
      card.addEventListener("click", () => scan(order.code_url));
      const item = document.createElement("li");
      item.append(card);
      return item;
    }),
  );
}

function labelled(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

/** One thing to choose: a radio button or a checkbox with its label, kept focused over renders. */
function option({ type, name, value, isChosen, isDisabled = false, choose }, ...labels) {
  const input = document.createElement("input");
  Object.assign(input, { type, name, value, checked: isChosen, disabled: isDisabled });
  input.addEventListener("change", choose);
  const label = document.createElement("label");
  label.className = "option";
  label.append(input, ...labels);
  return label;
}

/** Replaces the options of a group, and leaves the focus where it was. */
function fill(id, options) {
  const focused = document.activeElement;
  const value = byId(id).contains(focused) ? focused.value : null;
  byId(id).replaceChildren(...options);
  if (value !== null) {
    const inputs = [...byId(id).querySelectorAll("input")];
    inputs.find((input) => input.value === value)?.focus({ preventScroll: true });
  }
}

function renderSettings(words) {
  const pill = (name, value, text, isChosen, choose) =>
    option({ type: "radio", name, value, isChosen, choose }, labelled("pill", text));
  const set = (change) => () => {
    Object.assign(state, change);
    remember();
    refresh();
    render();
  };
  const person = (name) =>
    pill("who", name, words.people[name], name === state.person, set({ person: name }));
  fill("people", PEOPLE.map(person));
  const purse = (name, balance) =>
    pill("purse", name, words.purses[name], (state.balance === null) === (balance === null), () =>
      fillPurse(balance));
  fill("purses", [purse("plenty", null), purse("empty", 0)]);
  const delay = (seconds) =>
    pill("delay", String(seconds), words.delays(seconds), seconds === state.delay,
      set({ delay: seconds }));
  fill("delays", DELAYS_S.map(delay));
  byId("tell").checked = state.notify;
}

async function fillPurse(balance) {
  try {
    state.balance = (await control("person", { person: state.person, balance })).balance;
  } catch (error) {
    stop(error);
  }
  render();
}

function renderScanned(words) {
  const scanned = state.scanned;
  const rest = due();
  const fields = {
    initial: [...scanned.shop][0],
    shop: scanned.shop,
    amount: yuan(scanned.total_fee),
    due: yuan(rest),
    discount: `-${yuan(scanned.total_fee - rest)}`,
    method: words.methods[state.method],
    body: scanned.body,
    number: scanned.out_trade_no,
    transaction: state.payment?.transaction_id ?? "",
  };
  for (const element of document.querySelectorAll("[data-field]")) {
    element.textContent = fields[element.dataset.field];
  }
  byId("discount-row").hidden = rest === scanned.total_fee;
  byId("pay").textContent = words.pay(fields.due);
}

function renderMethods(words) {
  const purse = state.balance === null ? words.plenty : words.balance(yuan(state.balance));
  const options = METHODS.map((method) => {
    const isDisabled = method === "credit_card" && state.scanned.no_credit;
    const note = { balance: purse, credit_card: isDisabled ? words.noCredit : "" }[method] ?? "";
    const choose = () => {
      state.method = method;
      render();
    };
    const isChosen = method === state.method;
    return option(
      { type: "radio", name: "method", value: method, isChosen, isDisabled, choose },
      labelled("row-name", words.methods[method]),
      labelled("row-note", note),
    );
  });
  fill("methods", options);
}

function renderCoupons(words) {
  const total = state.scanned.total_fee;
  const options = coupons(total, state.chosen).map((coupon) => {
    const choose = () => {
      if (!state.chosen.delete(coupon.id)) {
        state.chosen.add(coupon.id);
      }
      render();
    };
    const isDisabled = coupon.fee === 0 && !coupon.isChosen;
    return option(
      { type: "checkbox", name: "coupon", value: coupon.id, isChosen: coupon.isChosen, isDisabled,
        choose },
      labelled("row-name", yuan(coupon.face)),
      labelled("row-note", words.couponTypes[coupon.type ?? "none"]),
    );
  });
  fill("coupons", options);
  const saved = total - due();
  byId("coupons-note").textContent = saved ? words.couponsUsed(yuan(saved)) : words.couponsNone;
}

function renderPassword(words) {
  const dots = [...byId("dots").children];
  dots.forEach((dot, at) => dot.classList.toggle("full", at < state.typed.length));
  byId("typed").textContent = words.passwordTyped(state.typed.length);
  byId("password-hint").textContent = state.isWrong ? words.passwordWrong : words.passwordHint;
  byId("password-hint").classList.toggle("wrong", state.isWrong);
  byId("erase").setAttribute("aria-label", words.erase);
}

function renderStop(words) {
  const { code, message } = state.stop;
  const known = words.stops[code] ?? words[code];
  const [title, text] = known ?? words.stops.other;
  byId("stopped-title").textContent = title;
  byId("stopped-text").textContent = text || message;
  byId("again").hidden = !["cancelled", "unreachable"].includes(code) || !state.codeUrl;
  byId("other-method").hidden = !["balance_too_low", "no_credit"].includes(code);
}

/** Whether the shop knows, in a few words. */
function told(words) {
  const notification = state.notification;
  if (!notification) {
    return words.notices.pending;
  }
  const last = notification.attempts.findLast((attempt) => attempt.outcome !== null);
  if (notification.state === "pending" && last) {
    return words.notices.retry(words.outcomes[last.outcome]);
  }
  return words.notices[notification.state];
}

/* Begin */

function buildPassword() {
  for (let at = 0; at < PASSWORD_DIGITS; at += 1) {
    byId("dots").append(document.createElement("span"));
  }
  for (const digit of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "", "0", "erase"]) {
    const key = document.createElement(digit === "" ? "span" : "button");
    if (digit !== "") {
      key.type = "button";
      key.className = "key";
      key.dataset.digit = digit;
      key.textContent = digit === "erase" ? "⌫" : digit;
      key.addEventListener("click", () => type(digit));
    }
    byId("keypad").append(key);
  }
  byId("keypad").lastElementChild.id = "erase";
  window.addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (state.screen === "password" && isPlain && /^([0-9]|Backspace)$/.test(event.key)) {
      event.preventDefault();
      type(event.key === "Backspace" ? "erase" : event.key);
    }
  });
}

async function offerPictures() {
  const can = await camera.abilities();
  byId("finder-more").hidden = !can.pictures;
  byId("picture-label").hidden = !can.pictures;
  byId("open-camera").hidden = !can.camera;
  if (!can.pictures) {
    return;
  }
  byId("picture").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) {
      scanPicture(file);
    }
  });
  const take = (event, files) => {
    const picture = [...(files ?? [])].find((file) => file.type.startsWith("image/"));
    if (picture && state.screen === "home") {
      event.preventDefault();
      scanPicture(picture);
    }
  };
  window.addEventListener("paste", (event) => take(event, event.clipboardData?.files));
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => take(event, event.dataTransfer?.files));
}

byId("scan").addEventListener("submit", (event) => {
  event.preventDefault();
  const codeUrl = byId("code").value.trim();
  if (codeUrl) {
    byId("code").value = "";
    scan(codeUrl);
  }
});
byId("pay").addEventListener("click", askPassword);
byId("cancel").addEventListener("click", cancel);
byId("back").addEventListener("click", () => {
  go(state.screen === "password" ? "confirm" : "home");
});
byId("again").addEventListener("click", () => scan(state.codeUrl));
byId("other-method").addEventListener("click", () => {
  state.method = "debit_card";
  go("confirm");
});
byId("person").addEventListener("click", () => {
  go("settings");
  refresh();
});
byId("open-camera").addEventListener("click", openCamera);
byId("tell").addEventListener("change", (event) => {
  state.notify = event.target.checked;
  remember();
});
byId("language").addEventListener("click", () => {
  state.language = state.language === "en" ? "zh-CN" : "en";
  remember();
  render();
});
for (const button of document.querySelectorAll("[data-go]")) {
  button.addEventListener("click", () => go(button.dataset.go));
}
let rounds = 0;
window.setInterval(() => {
  rounds += 1;
  const isTime = state.screen === "paying" || rounds % (REFRESH_MS / SLOW_REFRESH_MS) === 0;
  if (!document.hidden && isTime) {
    refresh();
  }
}, SLOW_REFRESH_MS);

const given = new URL(window.location.href).searchParams.get("code_url");
buildPassword();
offerPictures();
render();
if (given) {
  scan(given);
} else {
  refresh();
}
