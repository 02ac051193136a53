// What was said: each message in a line, and opened with both documents and their signatures
// explained.

import { control } from "/phone/api.js";
import { announce, beijing, block, button, el, icon, replace } from "/console/dom.js";

const SHOWN_MAX = 200;

const state = { isRefusedOnly: false, drawn: "" };
/** Messages that are open, by their numbers; they stay open over renders. */
const opened = new Map();

/** Forgets what was drawn in another language. */
export function forget() {
  opened.clear();
  state.drawn = "";
}

/** Builds the view of all messages. */
export async function open(main, desk, parts) {
  const { words } = desk;
  state.drawn = "";
  const check = el("input", { type: "checkbox", checked: state.isRefusedOnly,
    onchange: (event) => {
      state.isRefusedOnly = event.target.checked;
      refresh(main, desk, parts);
    } });
  main.replaceChildren(
    el("section", { class: "page" },
      el("div", { class: "page-head" },
        el("h1", {}, words.tabs.messages),
        el("label", { class: "check" }, check, words.refusedOnly)),
      el("p", { class: "soft" }, words.messagesText),
      el("ol", { class: "messages", id: "messages" })),
  );
}

/** Fetches and shows them, newest first. */
export async function refresh(main, desk) {
  const { messages } = await control("messages");
  const place = document.getElementById("messages");
  if (!place) {
    return;
  }
  const meant = messages.filter((message) => !state.isRefusedOnly || isBad(message));
  const shown = meant.slice(-SHOWN_MAX).reverse();
  const drawn = JSON.stringify([desk.language, state.isRefusedOnly, shown.at(0)?.id, shown.length]);
  if (drawn === state.drawn) {
    return;
  }
  state.drawn = drawn;
  const items = shown.map((message) => item(message, desk, true));
  const none = state.isRefusedOnly ? desk.words.noneRefused : desk.words.noMessages;
  replace(place, items.length > 0 ? items : el("li", { class: "empty" }, none));
}

function isBad(message) {
  const wasSent = message.direction === "out";
  return Boolean(message.code) || (wasSent && !(message.detail ?? "").startsWith("acknowledged"));
}

/** One message in a line, which opens. */
export function item(message, desk, isAlone = false) {
  const key = `${message.id} ${isAlone}`;
  const known = opened.get(key);
  if (known) {
    return known;
  }
  if (message.direction === "phone" || message.direction === "fault") {
    return plainItem(message, desk, isAlone);
  }
  const { words } = desk;
  const body = el("div", { class: "message-body" });
  const details = el("details", { class: `message ${message.direction}` },
    el("summary", { "data-key": `message-${message.id}` },
      el("span", { class: "message-icon" }, icon(message.direction)),
      el("time", {}, beijing(message.at, !isAlone)),
      el("span", { class: "message-name" }, title(message, words),
        el("span", { class: "soft" }, ` ${message.name}`)),
      isAlone && message.out_trade_no ? el("code", { class: "soft" }, message.out_trade_no) : null,
      result(message, words)),
    body);
  const made = el("li", {}, details);
  details.addEventListener("toggle", () => {
    if (details.open) {
      opened.set(key, made);
      load(message, body, desk, isAlone);
    } else {
      opened.delete(key);
    }
  });
  return made;
}

/** What was done on a phone, and faults that struck: there is nothing to open. */
function plainItem(message, desk, isAlone) {
  const { words } = desk;
  const isFault = message.direction === "fault";
  const what = isFault
    ? words.fault(words.faults[message.name.split(";")[0]] ?? message.detail)
    : words.phoneDid[message.name] ?? message.name;
  return el("li", { class: `plain-item ${message.direction}` },
    el("span", { class: "message-icon" }, icon(message.direction)),
    el("time", {}, beijing(message.at, !isAlone)),
    el("span", { class: "message-name" },
      what,
      message.code && el("span", { class: "soft" }, ` ${words.refusals[message.code] ?? ""}`)),
    isAlone && message.out_trade_no ? el("code", { class: "soft" }, message.out_trade_no) : null,
    message.code ? el("span", { class: "chip bad" }, message.code) : null);
}

function title(message, words) {
  if (message.direction === "in") {
    return words.calls[message.name] ?? words.call;
  }
  return message.request.includes("<req_info>") ? words.refundNotification : words.notification;
}

function result(message, words) {
  if (message.direction === "out") {
    const outcome = (message.detail ?? "").split(":")[0];
    const kind = outcome === "acknowledged" ? "good" : "bad";
    return el("span", { class: `chip ${kind}` }, words.outcomes[outcome] ?? outcome);
  }
  return message.code
    ? el("span", { class: "chip bad" }, message.code)
    : el("span", { class: "chip good" }, "SUCCESS");
}

async function load(message, body, desk, isAlone) {
  try {
    const explained = await control(`messages/${message.id}`);
    body.replaceChildren(...panels(explained, desk), ...(isAlone ? toStory(message, desk) : []));
  } catch (error) {
    announce(desk.words.errors[error.code] ?? error.message, true);
  }
}

/** From one message to all of its order. */
function toStory({ mch_id, out_trade_no }, { words }) {
  if (!out_trade_no) {
    return [];
  }
  const path = `#/orders/${mch_id}/${encodeURIComponent(out_trade_no)}`;
  return [el("p", { class: "to-story" }, el("a", { href: path }, words.toStory(out_trade_no)))];
}

function panels({ message, request_explained: request, response_explained: response }, desk) {
  const { words } = desk;
  const isIn = message.direction === "in";
  const says = message.detail !== "acknowledged" && message.detail;
  const why = says && el("p", { class: "why break" }, says);
  const made = [
    panel(isIn ? words.fromShop : words.fromGateway, message.request, request, words),
    panel(isIn ? words.fromGateway : words.fromShop, message.response, response, words),
  ];
  const isShown = why && (!isIn || message.code !== "SIGNERROR");
  const both = el("div", { class: "panels" }, made);
  return isShown ? [why, both] : [both];
}

function panel(name, text, explained, words) {
  const pretty = prettyXml(text);
  const place = el("div", {});
  let isRaw = !pretty;
  const toggle = button("", () => {
    isRaw = !isRaw;
    draw();
  }, { class: "button small" });
  function draw() {
    toggle.textContent = isRaw ? words.pretty : words.raw;
    place.replaceChildren(isRaw ? block(text, words) : withCopy(pretty, text, words));
  }
  draw();
  return el("section", { class: "panel" },
    el("div", { class: "panel-head" }, el("h3", {}, name), pretty ? toggle : null),
    text ? place : el("p", { class: "soft" }, words.nothing),
    explained?.decoded ? decoded(explained.decoded, words) : null,
    explained ? signature(explained, words) : null);
}

function decoded(text, words) {
  const pretty = prettyXml(text);
  return el("div", { class: "decoded" }, el("h4", {}, words.decoded),
    pretty ? withCopy(pretty, text, words) : block(text, words));
}

function withCopy(pretty, text, words) {
  const frame = block(text, words);
  frame.querySelector("pre").replaceChildren(pretty);
  return frame;
}

/** A document with a field in each line, its parts in colours; nothing when it is none. */
function prettyXml(text) {
  if (!text.trim().startsWith("<")) {
    return null;
  }
  const parsed = new DOMParser().parseFromString(text.trim(), "text/xml");
  const root = parsed.documentElement;
  if (parsed.querySelector("parsererror") || root.children.length === 0) {
    return null;
  }
  const part = (kind, what) => el("span", { class: `xml-${kind}` }, what);
  const lines = document.createDocumentFragment();
  lines.append(part("tag", `<${root.tagName}>`), "\n");
  for (const field of root.children) {
    const isCdata = [...field.childNodes].some((node) => node.nodeType === Node.CDATA_SECTION_NODE);
    const [before, after] = isCdata ? ["<![CDATA[", "]]>"] : ["", ""];
    lines.append("  ", part("tag", `<${field.tagName}>`), part("mark", before),
      part("value", field.textContent), part("mark", after), part("tag", `</${field.tagName}>`),
      "\n");
  }
  lines.append(part("tag", `</${root.tagName}>`));
  return lines;
}

/** The signature: right or wrong, and why. */
function signature(explained, words) {
  const { verdict } = explained;
  const made = [el("h4", {}, words.signature,
    el("span", { class: `chip ${{ right: "good", unsigned: "" }[verdict] ?? "bad"}`,
      "data-verdict": verdict }, words.verdicts[verdict]))];
  if (explained.detail) {
    made.push(el("p", { class: "soft" }, explained.detail));
  }
  if (verdict === "unsigned" && !explained.expected) {
    made.push(el("p", { class: "soft" }, words.unsignedText));
  }
  if (verdict === "wrong") {
    made.push(diagnosis(explained, words));
  }
  if (explained.expected) {
    made.push(comparison(explained, words), derivation(explained, words, verdict !== "right"));
  }
  return el("div", { class: `signature ${verdict}` }, made);
}

function diagnosis({ mistakes }, words) {
  if (mistakes.length === 0) {
    return el("div", { class: "diagnosis" }, el("p", {}, words.noDiagnosis));
  }
  return el("div", { class: "diagnosis" },
    el("p", {}, mistakes.length === 1 ? words.oneMistake : words.manyMistakes(mistakes.length)),
    el("ul", {}, mistakes.map((mistake) => el("li", { "data-mistake": mistake.code },
      words.mistakes[mistake.code]?.(mistake.about) ?? mistake.advice))));
}

function comparison(explained, words) {
  const row = (name, value) => [el("dt", {}, name), el("dd", {}, el("code", {}, value))];
  const rows = [row(words.algorithm, explained.algorithm)];
  if (explained.verdict === "right") {
    rows.push(row(words.sign, explained.given));
  } else {
    rows.push(
      row(words.given, explained.given ?? words.absent),
      row(words.expected, explained.expected),
    );
  }
  return el("dl", { class: "comparison" }, rows.flat());
}

function derivation(explained, words, isOpen) {
  const kind = (field) => (field.is_signed ? null : "unsigned");
  const rows = explained.fields.map((field) => el("tr", { class: kind(field) },
    el("td", {}, field.name),
    el("td", {}, field.value === "" ? el("em", {}, words.emptyValue) : field.value),
    el("td", {}, field.is_signed ? "" : words.notSigned)));
  return el("details", { class: "derivation", open: isOpen },
    el("summary", {}, words.howSigned),
    el("ol", { class: "soft steps" }, words.signSteps(explained.algorithm).map((step) =>
      el("li", {}, step))),
    el("div", { class: "scroll" }, el("table", { class: "fields" },
      el("thead", {}, el("tr", {}, words.fieldHeads.map((head) => el("th", {}, head)))),
      el("tbody", {}, rows))),
    el("p", { class: "label" }, words.stringToSign),
    block(explained.string_to_sign, words, "block wrap"));
}
