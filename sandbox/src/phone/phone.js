// The phone: scans a code, shows what it asks for, pays or not. It knows nothing by itself; all it
// does goes through the control interface of the sandbox.

const TEXTS = {
  "zh-CN": {
    notice: "Saoma 沙箱：不涉及真实资金",
    other: "English",
    back: "返回",
    homeTitle: "沙箱手机",
    confirmTitle: "确认付款",
    paidTitle: "付款结果",
    stoppedTitle: "付款",
    paste: "粘贴二维码里的文字",
    scan: "扫一下",
    inView: "待支付的订单",
    empty: "还没有待支付的订单。商家下单后，二维码会自动出现在这里。",
    payTo: "付款给",
    goods: "商品",
    number: "商户订单号",
    pay: (amount) => `付款 ${amount}`,
    paying: "付款中…",
    cancel: "不付了",
    paid: "支付成功",
    transaction: "交易单号",
    told: "商家通知",
    done: "完成",
    again: "再试一次",
    toHome: "返回列表",
    besideTitle: "代替顾客的那部手机",
    besideText: "把商家服务器指向这个沙箱，下单后在这里扫码付款。每一步都和真实的支付一样，只是没有钱。",
    step1: "商家调用统一下单，得到二维码",
    step2: "在手机里点选订单，或粘贴二维码文字",
    step3: "付款后，沙箱把签名的通知发给商家",
    besideSmall: "与微信、腾讯无任何关联。",
    notices: {
      pending: "正在通知…",
      retry: (reason) => `商家未确认，稍后重发（${reason}）`,
      acknowledged: "已确认",
      given_up: "商家始终未确认",
      held: "不发送",
    },
    outcomes: { refused: "应答有误", timed_out: "超时", unreachable: "无法连接" },
    stops: {
      unknown_code: ["无法识别的二维码", "它不是这个沙箱发出的支付二维码。"],
      code_replaced: ["二维码已失效", "商家为该订单生成了新的二维码，请扫描最新的一个。"],
      code_expired: ["二维码已过期", "二维码两小时内有效，请让商家刷新。"],
      order_expired: ["订单已过期", "超过了商家设定的支付时间，请重新下单。"],
      order_closed: ["订单已关闭", "该订单不能再支付，请重新下单。"],
      order_paid: ["订单已支付", "请勿重复支付。"],
      cancelled: ["未付款", "订单仍可支付，可以再扫一次。"],
      unreachable: ["连接不上沙箱", "沙箱可能已停止运行。"],
      other: ["无法付款", ""],
    },
  },
  en: {
    notice: "Saoma sandbox: no real money",
    other: "中文",
    back: "Back",
    homeTitle: "Sandbox phone",
    confirmTitle: "Confirm payment",
    paidTitle: "Payment",
    stoppedTitle: "Payment",
    paste: "Paste the text of a QR code",
    scan: "Scan",
    inView: "Orders to pay",
    empty: "No orders to pay yet. As soon as a shop places one, its code appears here.",
    payTo: "Pay to",
    goods: "Goods",
    number: "Order number",
    pay: (amount) => `Pay ${amount}`,
    paying: "Paying…",
    cancel: "Do not pay",
    paid: "Paid",
    transaction: "Transaction",
    told: "Shop notified",
    done: "Done",
    again: "Try again",
    toHome: "Back to the list",
    besideTitle: "The phone in the customer’s hand",
    besideText:
      "Point a shop’s server at this sandbox, place an order, scan and pay it here. " +
      "Everything happens as in a real payment, only without money.",
    step1: "The shop calls unified order and gets a code",
    step2: "Choose the order on the phone, or paste the code’s text",
    step3: "Once paid, the sandbox sends the shop a signed notification",
    besideSmall: "Not connected with WeChat or Tencent in any way.",
    notices: {
      pending: "being told…",
      retry: (reason) => `not acknowledged, will be repeated (${reason})`,
      acknowledged: "acknowledged",
      given_up: "never acknowledged",
      held: "not sent",
    },
    outcomes: { refused: "wrong answer", timed_out: "too slow", unreachable: "unreachable" },
    stops: {
      unknown_code: ["Unknown code", "It is not a payment code of this sandbox."],
      code_replaced: [
        "This code is out of date",
        "The shop has made a newer code for the order. Scan that one.",
      ],
      code_expired: [
        "This code has expired",
        "A code lives two hours. Ask the shop for a new one.",
      ],
      order_expired: [
        "This order has expired",
        "The shop’s time to pay is over. Please order again.",
      ],
      order_closed: ["This order is closed", "It can no longer be paid. Please order again."],
      order_paid: ["Already paid", "This order does not need to be paid again."],
      cancelled: ["Not paid", "The order can still be paid. Scan it again when you like."],
      unreachable: ["The sandbox does not answer", "It may have been stopped."],
      other: ["This cannot be paid", ""],
    },
  },
};

const REFRESH_MS = 2000;
const SCREENS = ["home", "confirm", "paid", "stopped"];

/** The page's whole state; `render` shows it. */
const state = {
  language: document.documentElement.lang === "en" ? "en" : "zh-CN",
  screen: "home",
  orders: [],
  codeUrl: "",
  scanned: null,
  busy: false,
  transaction: "",
  notification: null,
  stop: { code: "other", message: "" },
};

const byId = (id) => document.getElementById(id);
const texts = () => TEXTS[state.language];

/** Fen as yuan, by digits: no fraction ever passes through a float. */
function yuan(fen) {
  const digits = String(fen).padStart(3, "0");
  return `¥${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Calls the control interface. Throws `{ code, message }` when it refuses. */
async function control(path, body) {
  const options = body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  let answer;
  let json;
  try {
    answer = await fetch(`/control/${path}`, options);
    json = await answer.json();
  } catch {
    throw { code: "unreachable", message: "" };
  }
  if (!answer.ok) {
    throw json.error;
  }
  return json;
}

/* What happens */

async function scan(codeUrl) {
  state.codeUrl = codeUrl;
  try {
    state.scanned = await control("scan", { code_url: codeUrl });
    go("confirm");
  } catch (error) {
    stop(error);
  }
}

async function pay() {
  if (state.busy) {
    return;
  }
  state.busy = true;
  render();
  try {
    const paid = await control("pay", { code_url: state.codeUrl });
    state.transaction = paid.transaction_id;
    state.notification = null;
    state.busy = false;
    go("paid");
    refresh();
  } catch (error) {
    state.busy = false;
    stop(error);
  }
}

async function cancel() {
  try {
    await control("cancel", { code_url: state.codeUrl });
    stop({ code: "cancelled", message: "" });
  } catch (error) {
    stop(error);
  }
}

function stop(error) {
  state.stop = error;
  go("stopped");
}

function go(screen) {
  state.screen = screen;
  if (screen === "home") {
    state.codeUrl = "";
    refresh();
  }
  remember();
  render();
  byId("title").focus({ preventScroll: true });
}

/** Keeps the address such that a reload shows the same. */
function remember() {
  const address = new URL(window.location.href);
  address.searchParams.set("lang", state.language === "en" ? "en" : "zh");
  if (state.codeUrl) {
    address.searchParams.set("code_url", state.codeUrl);
  } else {
    address.searchParams.delete("code_url");
  }
  window.history.replaceState(null, "", address);
}

/** Fetches what changes by itself: the open orders, and whether the shop knows of the payment. */
async function refresh() {
  try {
    if (state.screen === "home") {
      const { orders } = await control("orders");
      const open = orders.filter((order) => order.not_payable === null);
      if (JSON.stringify(open) !== JSON.stringify(state.orders)) {
        state.orders = open;
        render();
      }
    } else if (state.screen === "paid") {
      const number = encodeURIComponent(state.scanned.out_trade_no);
      const { orders } = await control(`orders?out_trade_no=${number}`);
      const payments = orders.flatMap((order) => order.payments);
      const payment = payments.find((known) => known.transaction_id === state.transaction);
      state.notification = payment ? payment.notification : null;
      render();
    }
  } catch {
    // The sandbox is away; the next round asks again.
  }
}

/* What is shown */

function render() {
  const words = texts();
  document.documentElement.lang = state.language;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = words[element.dataset.text];
  }
  for (const screen of SCREENS) {
    byId(screen).hidden = screen !== state.screen;
  }
  byId("title").textContent = words[`${state.screen}Title`];
  byId("language").textContent = words.other;
  byId("language").lang = state.language === "en" ? "zh-CN" : "en";
  byId("back").hidden = state.screen === "home";
  document.title = `${words[`${state.screen}Title`]} · Saoma sandbox`;
  renderOrders();
  renderScanned(words);
  renderStop(words);
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

function renderScanned(words) {
  const scanned = state.scanned;
  if (!scanned) {
    return;
  }
  const fields = {
    initial: [...scanned.shop][0],
    shop: scanned.shop,
    amount: yuan(scanned.total_fee),
    body: scanned.body,
    number: scanned.out_trade_no,
    transaction: state.transaction,
  };
  for (const element of document.querySelectorAll("[data-field]")) {
    element.textContent = fields[element.dataset.field];
  }
  byId("pay").textContent = state.busy ? words.paying : words.pay(fields.amount);
  byId("pay").disabled = state.busy;
}

function renderStop(words) {
  const known = words.stops[state.stop.code];
  const [title, text] = known ?? words.stops.other;
  byId("stopped-title").textContent = title;
  byId("stopped-text").textContent = known ? text : state.stop.message;
  byId("again").hidden = !["cancelled", "unreachable"].includes(state.stop.code) || !state.codeUrl;
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

byId("scan").addEventListener("submit", (event) => {
  event.preventDefault();
  const codeUrl = byId("code").value.trim();
  if (codeUrl) {
    byId("code").value = "";
    scan(codeUrl);
  }
});
byId("pay").addEventListener("click", pay);
byId("cancel").addEventListener("click", cancel);
byId("back").addEventListener("click", () => go("home"));
byId("again").addEventListener("click", () => scan(state.codeUrl));
byId("language").addEventListener("click", () => {
  state.language = state.language === "en" ? "zh-CN" : "en";
  remember();
  render();
});
for (const button of document.querySelectorAll("[data-go]")) {
  button.addEventListener("click", () => go(button.dataset.go));
}
window.setInterval(() => {
  if (!document.hidden) {
    refresh();
  }
}, REFRESH_MS);

const given = new URL(window.location.href).searchParams.get("code_url");
render();
if (given) {
  scan(given);
} else {
  refresh();
}
