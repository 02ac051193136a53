// The faults that can be switched on, and those that are.

import { control } from "/phone/api.js";
import { button, el, replace } from "/console/dom.js";

const KINDS = ["call", "notice", "payment", "close"];
const OFTEN = {
  once: { next: 1 }, thrice: { next: 3 }, always: "always", tenth: { per_mille: 100 },
};

/** Where the next fault shall strike; kept while one looks elsewhere. */
const scope = { mch_id: "", out_trade_no: "", call: "", often: "once" };
let drawn = "";

/** Builds the view. */
export async function open(main, desk) {
  const { words } = desk;
  drawn = "";
  const [{ faults }, { merchants }] = await Promise.all([
    control("faults/catalogue"),
    control("merchants"),
  ]);
  const groups = KINDS.map((kind) => {
    const lines = faults.filter((fault) => fault.strikes === kind);
    return lines.length > 0 && el("section", { class: "card" },
      el("h2", {}, words.faultKinds[kind]),
      el("ul", { class: "faults" }, lines.map((fault) => line(fault, desk))));
  });
  main.replaceChildren(el("section", { class: "page" },
    el("h1", {}, words.tabs.faults),
    el("p", { class: "soft" }, words.faultsText),
    el("section", { class: "card", id: "active" }),
    scopeForm(merchants, words),
    ...groups.filter(Boolean)));
}

/** Fetches and shows the ones that are on. */
export async function refresh(main, desk) {
  const { faults } = await control("faults");
  const next = JSON.stringify([desk.language, faults]);
  const place = document.getElementById("active");
  if (!place || next === drawn) {
    return;
  }
  drawn = next;
  const { words } = desk;
  const rules = faults.map((fault) => active(fault, desk));
  replace(place,
    el("div", { class: "page-head" }, el("h2", {}, words.faultsOn),
      faults.length > 0 && button(words.allOff, () =>
        desk.act("faults", undefined, words.faultOff, "DELETE"), { class: "button small" })),
    rules.length > 0
      ? el("ul", { class: "faults" }, rules)
      : el("p", { class: "soft" }, words.noFaults));
}

function active({ id, rule, left, struck }, desk) {
  const { words } = desk;
  const name = rule.fault.split(";")[0];
  const where = [
    rule.out_trade_no,
    rule.mch_id,
    rule.call && (words.calls[`/pay/${rule.call}`] ?? rule.call),
  ];
  const count = left === null ? often(rule.often, words) : words.faultLeft(left);
  return el("li", { "data-fault": name },
    el("span", { class: "fault-name" }, el("code", {}, rule.fault),
      el("span", { class: "soft" },
        [...where.filter(Boolean), count, words.faultStruck(struck)].join(" · "))),
    button(words.off, () => desk.act(`faults/${id}`, undefined, words.faultOff, "DELETE"),
      { class: "button small", "data-key": `off-${id}` }));
}

function often(value, words) {
  return value === "always" ? words.often.always : words.perMille(value.per_mille ?? 0);
}

function scopeForm(merchants, words) {
  const set = (name) => (event) => {
    scope[name] = event.target.value.trim();
  };
  const choose = (name, options) => el("select", { onchange: set(name) },
    options.map(([value, text]) => el("option", { value, selected: scope[name] === value }, text)));
  const field = (name, control) => el("label", {}, el("span", { class: "label" }, name), control);
  const calls = Object.entries(words.calls).map(([path, text]) => [path.split("/").at(-1), text]);
  return el("section", { class: "card scope" },
    el("h2", {}, words.faultScope),
    el("div", { class: "scope-fields" },
      field(words.oftenLabel, choose("often", Object.keys(OFTEN).map((key) =>
        [key, words.often[key]]))),
      field(words.number, el("input", { type: "text", value: scope.out_trade_no,
        placeholder: words.anyOrder, oninput: set("out_trade_no") })),
      merchants.length > 1 && field(words.merchant, choose("mch_id", [["", words.anyMerchant],
        ...merchants.map(({ mch_id, shop }) => [mch_id, `${shop} ${mch_id}`])])),
      field(words.call, choose("call", [["", words.anyCall], ...calls]))));
}

function line(fault, desk) {
  const { words } = desk;
  const [unit, usual] = (fault.parameter ?? "").split(", ");
  const text = words.faults[fault.name] ?? fault.line;
  const width = unit === "code" ? "parameter wide" : "parameter";
  const parameter = usual && el("input", { type: "text", value: usual, class: width,
    "aria-label": `${text}: ${unit}` });
  const turnOn = () => desk.act("faults", {
    fault: parameter ? `${fault.name}; ${parameter.value.trim()}` : fault.name,
    often: OFTEN[scope.often],
    ...(scope.out_trade_no && { out_trade_no: scope.out_trade_no }),
    ...(scope.mch_id && { mch_id: scope.mch_id }),
    ...(scope.call && fault.strikes === "call" && { call: scope.call }),
  }, words.faultOn);
  return el("li", {},
    el("span", { class: "fault-name" }, el("span", {}, text),
      el("span", { class: "soft" }, el("code", {}, fault.name),
        words.magic(fault.magic_total_fee))),
    parameter && el("label", { class: "parameter-label soft" }, parameter,
      words.faultUnits[unit] ?? unit),
    button(words.on, turnOn, { class: "button small", "data-on": fault.name,
      "aria-label": `${words.on}: ${text}` }));
}
