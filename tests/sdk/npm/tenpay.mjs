// tenpay: its addresses are a public property; everything else is its constructor's.

import { readFileSync } from 'node:fs';
import Tenpay from 'tenpay';

const HOST = 'https://api.mch.weixin.qq.com';

export function connect({ host, appid, mch_id, key, pkcs12 }) {
  const pfx = pkcs12 && readFileSync(pkcs12);
  const tenpay = new Tenpay({ appid, mchid: mch_id, partnerKey: key, pfx });
  for (const [name, url] of Object.entries(tenpay.urls)) {
    tenpay.urls[name] = url.replace(HOST, host);
  }
  return {
    order: (fields) => tenpay.unifiedOrder({ trade_type: 'NATIVE', ...fields }),
    query: (fields) => tenpay.orderQuery(fields),
    close: (fields) => tenpay.closeOrder(fields),
    refund: (fields) => tenpay.refund(fields),
    refund_query: (fields) => tenpay.refundQuery(fields),
    /** Its request asks for text and would spoil a packed bill: never asked for one. */
    bill: async (fields) => table(await tenpay.downloadBill(fields, true)),
    fund_bill: async (fields) => table(await tenpay.downloadFundflow(fields, true)),
    hear: (kind, xml) => hear(tenpay.middlewareForExpress(kind), xml),
  };
}

/** Runs its middleware for Express with as much of a request and a response as it looks at. */
async function hear(middleware, xml) {
  const request = { body: xml };
  let reply;
  const response = { header() {}, send: (text) => (reply = text) };
  await middleware(request, response, () => response.reply());
  const { req_info, ...outer } = request.weixin ?? {};
  return { notice: request.weixin && (req_info ?? outer), reply };
}

function table({ list_title, list_data, total_title, total_data }) {
  const row = (titles, values) => Object.fromEntries(titles.map((title, n) => [title, values[n]]));
  return {
    lines: list_data.map((values) => row(list_title, values)),
    summary: row(total_title, total_data),
  };
}
