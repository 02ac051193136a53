// Drives SDKs from npm through their public functions, on the bytes it is given. The first line of
// its input is JSON: whose notifications, and for each the good one and a forgery. It answers with
// what each SDK verifies. Each further line is a turn, `SDK NOTICE CALLS`, answered with
// nanoseconds. benches/core/sdks.rs is the other end.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

/** Each takes a notification or throws, now or by its promise. */
function sdks({ app_id, mch_id, key }) {
  const Tenpay = require('tenpay');
  const tenpay = new Tenpay({ appid: app_id, mchid: mch_id, partnerKey: key });
  const middleware = tenpay.middlewareForExpress('pay');
  const reply = {
    header() {},
    send(xml) {
      throw new Error(xml);
    },
  };

  const { Transformer } = require('wechatpay-axios-plugin');
  const [parse, verify] = new Transformer(mch_id, key).response;

  const { Payment } = require('wechat-pay');
  const payment = new Payment({ appId: app_id, mchId: mch_id, partnerKey: key });

  return {
    tenpay: (xml) => middleware({ body: xml }, reply, () => {}),
    'wechatpay-axios-plugin': (xml) => {
      const notice = verify.call({}, parse.call({}, xml));
      if (notice instanceof Error) throw notice;
    },
    'wechat-pay': (xml) =>
      payment.validate(xml, (error) => {
        if (error) throw error;
      }),
  };
}

async function takes(sdk, xml) {
  try {
    await sdk(xml);
    return true;
  } catch {
    return false;
  }
}

const { notices, ...merchant } = JSON.parse((await lines.next()).value);
const all = Object.entries(sdks(merchant));
const answer = [];
for (const [name, sdk] of all) {
  const verifies = [];
  for (const { xml, forged } of notices) {
    verifies.push((await takes(sdk, xml)) && !(await takes(sdk, forged)));
  }
  answer.push({ name, version: require(`${name}/package.json`).version, verifies });
}
say(answer);

for await (const line of lines) {
  const [number, notice, calls] = line.split(' ').map(Number);
  const sdk = all[number][1];
  const { xml } = notices[notice];
  const start = process.hrtime.bigint();
  for (let call = 0; call < calls; call++) {
    const pending = sdk(xml);
    if (pending) await pending;
  }
  say(Number(process.hrtime.bigint() - start));
}
