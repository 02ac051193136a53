// wechatpay-axios-plugin: the address is the `baseURL` that it hands to axios.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import plugin from 'wechatpay-axios-plugin';

const { Wechatpay, Aes, Formatter, Hash, Transformer } = plugin;

export function connect({ host, appid, mch_id, key, certificate, private_key }) {
  const us = { appid, mch_id };
  // Only v3 uses these; the constructor wants them all the same.
  const v3 = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const client = new Wechatpay({
    mchid: mch_id,
    serial: 'unused',
    privateKey: v3.privateKey,
    certs: { none: v3.publicKey },
    secret: key,
    merchant: certificate && {
      cert: readFileSync(certificate),
      key: readFileSync(private_key),
    },
    baseURL: host,
  }).v2;
  const send = async (call, fields, config) => {
    try {
      return (await call({ ...us, ...fields }, config)).data;
    } catch (error) {
      const { err_code, return_msg } = error.response?.data ?? {};
      throw err_code || return_msg ? new Error(err_code ?? return_msg) : error;
    }
  };
  const secured = { security: true };
  const bill = async (call, { tar_type, ...fields }, config) => {
    const packing = tar_type && { tar_type };
    const bytes = await send(call, { ...fields, ...packing }, { ...config, ...asBytes });
    const { rows, summary } = Formatter.castCsvBill(tar_type ? gunzipSync(bytes) : bytes);
    return { lines: rows, summary };
  };
  return {
    order: (fields) =>
      send(client.pay.unifiedorder, {
        trade_type: 'NATIVE',
        spbill_create_ip: '127.0.0.1',
        ...fields,
      }),
    query: (fields) => send(client.pay.orderquery, fields),
    close: (fields) => send(client.pay.closeorder, fields),
    refund: (fields) => send(client.secapi.pay.refund, fields, secured),
    refund_query: (fields) => send(client.pay.refundquery, fields),
    bill: (fields) => bill(client.pay.downloadbill, { bill_type: 'ALL', ...fields }),
    fund_bill: (fields) =>
      bill(
        client.pay.downloadfundflow,
        { account_type: 'Basic', sign_type: Hash.ALGO_HMAC_SHA256, ...fields },
        secured,
      ),
    hear: (kind, xml) => hear({ mch_id, key }, kind, xml),
  };
}

/** A bill is no document, a refusal of it is: the caller takes the bytes as they come. */
const asBytes = {
  responseType: 'arraybuffer',
  transformResponse: [
    (bytes) => {
      if (bytes.subarray(0, 5).toString() !== '<xml>') return bytes;
      throw new Error(Transformer.toObject(bytes.toString()).return_msg);
    },
  ],
};

function hear({ mch_id, key }, kind, xml) {
  try {
    const reply = Transformer.toXml({ return_code: 'SUCCESS', return_msg: 'OK' });
    return { notice: kind === 'refund' ? decrypted(xml, key) : verified(xml, mch_id, key), reply };
  } catch (error) {
    return { reply: Transformer.toXml({ return_code: 'FAIL', return_msg: error.message }) };
  }
}

function verified(xml, mch_id, key) {
  const [parse, verify] = new Transformer(mch_id, key).response;
  const notice = verify.call({}, parse.call({}, xml));
  if (notice instanceof Error) throw notice;
  return notice;
}

function decrypted(xml, key) {
  const { req_info } = Transformer.toObject(xml);
  const secret = Hash.keyObjectFrom(key);
  return Transformer.toObject(Aes.AesEcb.decrypt(req_info, Hash.md5(secret)));
}
