// One order's whole story in the order of time.

import { control, yuan } from "/phone/api.js";
import { beijing, button, code, duration, el, icon, replace } from "/console/dom.js";
import * as messages from "/console/messages.js";
import { chip } from "/console/orders.js";

let drawn = "";

/** Begins anew. */
export function open(place) {
  drawn = "";
  place.replaceChildren();
}

/** Fetches and shows. */
export async function refresh(place, desk, [mchId, number]) {
  const of = new URLSearchParams({ mch_id: mchId, out_trade_no: number });
  const [{ orders }, { messages: said }] = await Promise.all([
    control(`orders?${of}`),
    control(`messages?${of}`),
  ]);
  const [order] = orders;
  const next = JSON.stringify([desk.language, order, said.length, said.at(-1)?.id]);
  if (next === drawn) {
    return;
  }
  drawn = next;
  if (!order) {
    replace(place, el("p", { class: "empty" }, desk.words.noOrder));
    return;
  }
  replace(place, head(order, desk), actions(order, desk), notifications(order, desk),
    timeline(order, said, desk));
}

function head(order, desk) {
  const { words } = desk;
  const fact = (name, value) => value && el("div", {}, el("dt", {}, name), el("dd", {}, value));
  const expires = order.time_expire && beijing(order.time_expire);
  const payments = order.payments.map((payment) => el("div", { class: "wide" },
    el("dt", {}, words.payment),
    el("dd", {}, code(payment.transaction_id, words), " ", payers(payment, words))));
  return el("header", { class: "story-head" },
    el("a", { class: "story-back", href: "#/orders" }, icon("back"), words.tabs.orders),
    el("div", { class: "story-title" },
      el("h1", { tabindex: "-1" }, order.body),
      el("p", { class: "story-amount" }, yuan(order.total_fee), " ", chip(order, words))),
    el("dl", { class: "facts" },
      fact(words.number, code(order.out_trade_no, words)),
      fact(words.merchant, `${order.shop} · ${order.mch_id}`),
      fact(words.made, beijing(order.created_at)),
      fact(words.expires, expires),
      fact(words.notifyUrl, el("span", { class: "break" }, order.notify_url)),
      fact(words.attach, order.attach),
      payments),
    refunds(order, desk));
}

function payers(payment, words) {
  const parts = [
    yuan(payment.total_fee),
    words.methods[payment.method] ?? payment.method,
    `${words.person} ${payment.person}`,
  ];
  for (const coupon of payment.coupons) {
    parts.push(`${words.coupon} -${yuan(coupon.fee)} ${coupon.type ?? ""}`.trim());
  }
  return el("span", { class: "soft" }, parts.join(" · "));
}

/** The refunds, how each was told, and what can be done with it by hand. */
function refunds(order, desk) {
  const { words } = desk;
  const all = order.payments.flatMap((payment) => payment.refunds ?? []);
  const back = all.filter((refund) => refund.refund_status !== "REFUNDCLOSE")
    .reduce((sum, refund) => sum + refund.refund_fee, 0);
  const rest = order.payments.reduce((sum, payment) => sum + payment.total_fee, 0) - back;
  const named = { mch_id: order.mch_id, out_trade_no: order.out_trade_no };
  const canRefund = order.payments.some((payment) => payment.refunds);
  const byHand = canRefund && rest > 0 && el("div", { class: "buttons" },
    button(words.refundNow(yuan(rest)), () => desk.act("refund", named, words.refunded),
      { class: "button small", "data-key": "refund" }));
  if (all.length === 0) {
    return byHand;
  }
  return el("div", { class: "refunds" },
    el("h2", {}, words.refunds),
    el("ul", {}, all.map((refund) => refundLine(refund, order, desk))),
    byHand);
}

function refundLine(refund, order, desk) {
  const { words } = desk;
  const named = { mch_id: order.mch_id, out_refund_no: refund.out_refund_no };
  const notice = refund.notification;
  const isUnderWay = refund.refund_status === "PROCESSING";
  return el("li", {},
    el("code", {}, refund.out_refund_no),
    el("strong", {}, yuan(refund.refund_fee)),
    el("span", { class: `chip refund-${refund.refund_status.toLowerCase()}` },
      words.refundStates[refund.refund_status] ?? refund.refund_status),
    el("span", { class: "soft" }, isUnderWay
      ? words.refundEnds(beijing(refund.ends_at))
      : beijing(refund.ends_at)),
    notice && el("span", { class: `chip ${notice.state}` }, words.noticeStates[notice.state]),
    isUnderWay && button(words.endNow, () => desk.act("refund/end", { ...named, now: true }),
      { class: "button small", "data-key": `end-${refund.refund_id}` }),
    notice && button(words.sendAgain, () => desk.act("notify", named, words.sending),
      { class: "button small", "data-key": `send-${refund.refund_id}` }));
}

function actions(order, desk) {
  const { words } = desk;
  const named = { mch_id: order.mch_id, out_trade_no: order.out_trade_no };
  const made = [];
  if (!order.not_payable) {
    const language = desk.language === "en" ? "en" : "zh";
    const phone = `/phone?lang=${language}&code_url=${encodeURIComponent(order.code_url)}`;
    const picture = `/phone/code.svg?code_url=${encodeURIComponent(order.code_url)}`;
    made.push(el("div", { class: "code-panel" },
      el("img", { src: picture, alt: words.qr, width: "112", height: "112" }),
      el("div", {},
        code(order.code_url, words),
        el("p", { class: "soft" }, words.codeEnds(beijing(order.code_ends_at))),
        el("div", { class: "buttons" },
          el("a", { class: "button strong", href: phone, target: "_blank", rel: "noopener" },
            words.onPhone),
          button(words.payNow, () => desk.act("pay", named, words.paid), { "data-key": "pay" })))));
  }
  for (const slow of order.paying) {
    made.push(el("p", { class: "note" }, icon("clock"), words.paying(beijing(slow.ends_at, true))));
  }
  return el("div", { class: "story-actions" }, made);
}

/** How far the notifications are, with the buttons that send them. */
function notifications(order, desk) {
  const { words } = desk;
  return order.payments.map((payment, at) => {
    const notice = payment.notification;
    const isLast = at === order.payments.length - 1;
    const named = { mch_id: order.mch_id, out_trade_no: order.out_trade_no };
    const tries = notice.attempts.map((attempt) => el("li", { class: attempt.outcome ?? "way" },
      el("time", {}, beijing(attempt.at, true)),
      el("span", {}, words.outcomes[attempt.outcome ?? "way"]),
      el("span", { class: "soft break" },
        [why(attempt, words), attempt.detail].filter(Boolean).join(" · "))));
    const due = notice.next_at && el("p", { class: "soft" },
      words.nextAt(beijing(notice.next_at, true),
        duration(Math.max(0, notice.next_at - desk.now()), words)));
    return el("section", { class: "notice-panel" },
      el("h2", {}, words.notification,
        el("span", { class: `chip ${notice.state}` }, words.noticeStates[notice.state])),
      tries.length > 0 && el("ol", { class: "tries" }, tries),
      due,
      el("div", { class: "buttons" },
        isLast && button(notice.state === "held" ? words.sendNow : words.sendAgain,
          () => desk.act("notify", named, words.sending), { "data-key": "send" }),
        isLast && button(words.sendFive, () => desk.act("notify", { ...named, times: 5 },
          words.sending), { "data-key": "send-5" }),
        notice.next_at && button(words.toNext, () => desk.act("time", {
          advance_s: Math.max(0, notice.next_at - desk.time.now),
        }), { "data-key": "next" })));
  });
}

/** Why something was sent, when the schedule did not. */
function why(attempt, words) {
  if (attempt.fault) {
    return words.fault(words.faults[attempt.fault] ?? attempt.fault);
  }
  return attempt.scheduled ? null : words.byHand;
}

function timeline(order, said, desk) {
  const { words } = desk;
  const entries = said.map((message) =>
    ({ at: message.at, node: () => messages.item(message, desk) }));
  if (order.closed_at && !said.some((message) => message.name === "/pay/closeorder")) {
    const closed = () => el("li", { class: "event" }, words.closed(beijing(order.closed_at)));
    entries.push({ at: order.closed_at, node: closed });
  }
  entries.sort((a, b) => a.at - b.at);
  return el("section", { class: "timeline" },
    el("h2", {}, words.story),
    el("ol", { class: "messages" }, entries.map((entry) => entry.node())),
    said.length === 0 && el("p", { class: "soft" }, words.forgotten));
}
