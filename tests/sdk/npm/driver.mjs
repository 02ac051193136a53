// A small merchant that uses a published SDK for everything it says to WeChat and hears from it.
// Nothing of Saoma is in it. `node driver.mjs SDK`; the first line of its input is who it is, each
// further line one thing to do; each is answered with one line, `{"value": ...}` or `{"error":
// "..."}`. It listens for notifications at the address that it tells first.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const { connect } = await import(`./${process.argv[2]}.mjs`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const sdk = connect(JSON.parse((await lines.next()).value));

/** What the SDK has taken for genuine since it was asked last. */
let notices = [];

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const server = createServer(async (request, response) => {
  const kind = request.url === '/refund' ? 'refund' : 'pay';
  const { notice, reply } = await sdk.hear(kind, await body(request));
  if (notice) notices.push({ kind, ...notice });
  response.setHeader('content-type', 'text/xml; charset=utf-8');
  response.end(reply);
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const address = `http://127.0.0.1:${server.address().port}`;
say({ value: { pay: `${address}/pay`, refund: `${address}/refund` } });

for await (const line of lines) {
  const { do: name, ...fields } = JSON.parse(line);
  try {
    if (name === 'notices') {
      say({ value: notices });
      notices = [];
    } else {
      say({ value: await sdk[name](fields) });
    }
  } catch (error) {
    say({ error: String(error?.message ?? error) });
  }
}
server.closeAllConnections();
server.close();
