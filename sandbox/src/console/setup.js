// What a newcomer needs: where to point a server or an SDK, the merchants, and a first order.

import { control } from "/phone/api.js";
import { block, button, code, el } from "/console/dom.js";

const CERTIFICATES = ["apiclient_cert.pem", "apiclient_key.pem", "apiclient_cert.p12"];

/** One port speaks both. */
const secure = () => `https://${window.location.host}`;

let merchants;

async function known() {
  merchants ??= (await control("merchants")).merchants;
  return merchants;
}

/** Builds the view. */
export async function open(main, desk) {
  const { words } = desk;
  const list = await known();
  main.replaceChildren(el("section", { class: "page" },
    el("h1", {}, words.tabs.setup),
    el("p", { class: "soft" }, words.setupText),
    el("dl", { class: "facts settings" },
      el("div", {}, el("dt", {}, words.baseUrl), el("dd", {}, code(window.location.origin, words))),
      el("div", {}, el("dt", {}, words.insteadOf),
        el("dd", {}, el("code", { class: "soft" }, "https://api.mch.weixin.qq.com"))),
      el("div", {}, el("dt", {}, "HTTPS"),
        el("dd", {}, el("p", {}, code(secure(), words)),
          el("a", { href: "/control/certificates/ca.pem", download: "saoma-sandbox-ca.pem" },
            words.authority), el("span", { class: "soft" }, ` ${words.authorityText}`)))),
    list.map((merchant) => merchantCard(merchant, words)),
    el("section", { class: "card" },
      el("h2", {}, words.firstOrder), el("div", { id: "first" }))));
  await firstOrder(document.getElementById("first"), desk);
}

/** Nothing changes here by itself. */
export async function refresh() {}

function merchantCard(merchant, words) {
  const rows = [["mch_id", merchant.mch_id], ["appid", merchant.appid]];
  return el("section", { class: "card" },
    el("h2", {}, merchant.shop),
    el("dl", { class: "facts settings" },
      rows.map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", {}, code(value, words)))),
      el("div", {}, el("dt", {}, words.key), el("dd", { class: "soft" }, words.keyText)),
      el("div", {}, el("dt", {}, words.certificates), el("dd", { class: "downloads" },
        CERTIFICATES.map((name) => el("a", {
          href: `/control/certificates/${merchant.mch_id}/${name}`, download: name,
        }, name)),
        el("span", { class: "soft" }, words.certificatesText)))));
}

let welcomed = "";

/** What is shown while there is no order yet. */
export async function welcome(place, desk) {
  if (welcomed === desk.language && place.querySelector(".welcome")) {
    return;
  }
  welcomed = desk.language;
  const { words } = desk;
  const first = el("div", {});
  place.replaceChildren(el("section", { class: "welcome" },
    el("h1", {}, words.welcome),
    el("p", {}, words.welcomeText),
    el("ol", { class: "welcome-steps" }, words.welcomeSteps.map((step) => el("li", {}, step))),
    first));
  await firstOrder(first, desk);
}

async function firstOrder(place, desk) {
  const { words } = desk;
  const [merchant] = await known();
  const { path, body } = await control(`example?mch_id=${merchant.mch_id}`);
  const curl = [
    `curl -sS ${window.location.origin}${path} \\`,
    "  -H 'content-type: text/xml; charset=utf-8' --data-binary @- <<'XML'",
    body,
    "XML",
  ].join("\n");
  const samples = { curl, python: python(merchant, path) };
  const shown = el("div", {});
  const choices = Object.keys(samples).map((name) => button(words.samples[name], () => show(name), {
    class: "button small", "data-sample": name,
  }));
  function show(name) {
    for (const choice of choices) {
      choice.setAttribute("aria-pressed", String(choice.dataset.sample === name));
    }
    shown.replaceChildren(block(samples[name], words),
      el("p", { class: "soft" }, words.sampleTexts[name]));
  }
  show("curl");
  place.replaceChildren(
    el("div", { class: "buttons" },
      button(words.orderNow, () => orderNow(merchant, desk), { class: "button strong",
        id: "order-now" }),
      ...choices),
    shown);
}

/** Places the example, as the merchant's own server would. */
async function orderNow(merchant, desk) {
  const { path, body } = await control(`example?mch_id=${merchant.mch_id}`);
  const number = /<out_trade_no>(.*?)<\/out_trade_no>/.exec(body)[1];
  await fetch(path, { method: "POST", body });
  window.location.hash = `#/orders/${merchant.mch_id}/${number}`;
}

function python(merchant, path) {
  return `import hashlib, time, urllib.request

KEY = "the 32 characters of the API key"
fields = {
    "appid": "${merchant.appid}",
    "mch_id": "${merchant.mch_id}",
    "nonce_str": "n%d" % time.time(),
    "body": "Saoma Cafe - Latte",
    "out_trade_no": time.strftime("SM%Y%m%d%H%M%S"),
    "total_fee": "1800",
    "spbill_create_ip": "127.0.0.1",
    "notify_url": "http://127.0.0.1:9000/notify",
    "trade_type": "NATIVE",
}
text = "&".join("%s=%s" % pair for pair in sorted(fields.items())) + "&key=" + KEY
fields["sign"] = hashlib.md5(text.encode()).hexdigest().upper()
xml = "<xml>%s</xml>" % "".join("<%s>%s</%s>" % (n, v, n) for n, v in fields.items())
url = "${window.location.origin}${path}"
print(urllib.request.urlopen(url, xml.encode()).read().decode())`;
}
