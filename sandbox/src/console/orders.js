// The list of orders, and beside it the story of the one that is chosen.

import { control, yuan } from "/phone/api.js";
import { beijing, el, replace } from "/console/dom.js";
import * as setup from "/console/setup.js";
import * as story from "/console/story.js";

const SHOWN_MAX = 100;
const STATES = ["", "NOTPAY", "SUCCESS", "REFUND", "CLOSED"];

const state = { text: "", trade: "", drawn: "" };
let desk;

/** Builds the view. */
export async function open(main, given, parts) {
  desk = given;
  const { words } = desk;
  state.drawn = "";
  const search = el("input", { type: "search", id: "search", value: state.text,
    placeholder: words.search, "aria-label": words.search, autocomplete: "off",
    oninput: (event) => {
      state.text = event.target.value.trim();
      refresh(main, desk, parts);
    } });
  const choose = el("select", { "aria-label": words.state, onchange: (event) => {
    state.trade = event.target.value;
    refresh(main, desk, parts);
  } }, STATES.map((name) =>
    el("option", { value: name, selected: name === state.trade }, words.states[name])));
  main.classList.toggle("has-story", parts.length === 2);
  main.replaceChildren(
    el("section", { class: "list", "aria-label": words.tabs.orders },
      el("div", { class: "filter" }, search, choose),
      el("ul", { class: "orders", id: "orders" })),
    el("section", { class: "story", id: "story", "aria-label": words.story }),
  );
  story.open(byId("story"), desk, parts);
}

/** Fetches and shows. */
export async function refresh(main, given, parts) {
  const query = new URLSearchParams({ limit: SHOWN_MAX });
  if (state.text) {
    query.set("text", state.text);
  }
  if (state.trade) {
    query.set("state", state.trade);
  }
  const { orders } = await control(`orders?${query}`);
  if (!byId("orders")) {
    return;
  }
  const drawn = JSON.stringify([desk.language, parts, orders, state.text, state.trade]);
  if (drawn !== state.drawn) {
    state.drawn = drawn;
    renderList(orders, parts);
  }
  if (parts.length === 2) {
    await story.refresh(byId("story"), desk, parts);
  } else if (orders.length === 0 && !state.text && !state.trade) {
    await setup.welcome(byId("story"), desk);
  } else {
    replace(byId("story"), el("p", { class: "empty" }, desk.words.choose));
  }
}

const byId = (id) => document.getElementById(id);

function renderList(orders, parts) {
  const { words } = desk;
  const items = orders.map((order) => item(order, parts));
  if (items.length === 0) {
    const isFiltered = state.text || state.trade;
    items.push(el("li", { class: "empty" }, isFiltered ? words.noneFound : words.none));
  }
  if (items.length === SHOWN_MAX) {
    items.push(el("li", { class: "soft more" }, words.more(SHOWN_MAX)));
  }
  replace(byId("orders"), items);
}

function item(order, parts) {
  const path = `#/orders/${order.mch_id}/${encodeURIComponent(order.out_trade_no)}`;
  const isCurrent = parts[0] === order.mch_id && parts[1] === order.out_trade_no;
  return el("li", {},
    el("a", { class: "order", href: path, "data-key": path, "data-number": order.out_trade_no,
      "aria-current": isCurrent ? "true" : null },
    el("span", { class: "order-body" }, order.body),
    el("span", { class: "order-amount" }, yuan(order.total_fee)),
    el("span", { class: "order-number" }, order.out_trade_no),
    el("span", { class: "order-state" }, chip(order, desk.words)),
    el("span", { class: "order-time" }, `${order.shop} · ${beijing(order.created_at)}`)));
}

/** The state of an order in a word and a colour. */
export function chip(order, words) {
  let name = order.trade_state;
  if (name === "NOTPAY" && order.paying.length > 0) {
    name = "PAYING";
  } else if (name === "NOTPAY" && order.not_payable) {
    name = "EXPIRED";
  }
  return el("span", { class: `chip ${name.toLowerCase()}`, "data-state": order.trade_state },
    words.states[name] ?? name);
}
