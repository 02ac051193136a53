// The page to try the server's interface with. It reads openapi.json and calls this server alone.
// Keys stay in the fields they were typed into: nothing is stored, and nothing is put into a URL
// but an order's id.

const TEXTS = {
  en: {
    language: '中文',
    credentials: 'Keys',
    credentialsAbout: 'They stay in this page until it is closed. A shop key opens everything: do '
      + 'not type one in where others look on. Making an order fills in its token.',
    key: 'Shop key', token: 'Order token', send: 'Send', stop: 'Stop', body: 'Body',
    fields: 'Fields', answers: 'Answers', optional: 'optional', lost: 'No answer',
    with: { key: 'with the shop key', token: 'with the order token', nothing: 'without a key' },
    tags: { orders: 'Orders', refunds: 'Refunds', wechat: 'WeChat', running: 'Running the server' },
  },
  zh: {
    language: 'English',
    credentials: '密钥',
    credentialsAbout: '只保存在本页内，关闭页面即消失。商家密钥可以打开一切，请勿在他人注视下输入。'
      + '创建订单后会自动填入其令牌。',
    key: '商家密钥', token: '订单令牌', send: '发送', stop: '停止', body: '请求内容',
    fields: '字段', answers: '应答', optional: '可选', lost: '没有应答',
    with: { key: '使用商家密钥', token: '使用订单令牌', nothing: '不使用密钥' },
    tags: { orders: '订单', refunds: '退款', wechat: '微信', running: '运行维护' },
  },
};

const $ = (id) => document.getElementById(id);
const state = { language: navigator.language.startsWith('zh') ? 'zh' : 'en', orderId: '' };
const texts = () => TEXTS[state.language];

/** An element with texts and elements in it; nothing is ever read as HTML. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** A text whose `quoted` parts are code. */
const prose = (text) => text.split('`')
  .map((part, at) => (at % 2 ? make('code', {}, part) : document.createTextNode(part)));

/** Follows a reference within the document. */
function resolve(api, value) {
  if (!value?.$ref) return value;
  const found = value.$ref.slice(2).split('/').reduce((at, name) => at[name], api);
  const own = Object.entries(value).filter(([key]) => key !== '$ref');
  return { ...resolve(api, found), ...Object.fromEntries(own) };
}

const inLanguage = (from, name) =>
  (state.language === 'zh' && from[`x-${name}-zh`]) || from[name] || '';

function operations(api) {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    ['get', 'post', 'put', 'delete'].filter((method) => item[method]).map((method) => ({
      path, method: method.toUpperCase(), ...item[method],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])]
        .map((parameter) => resolve(api, parameter)),
    })));
}

/** How a schema is said in a word or two. */
function kind(api, schema) {
  const found = resolve(api, schema) ?? {};
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return found.enum.join(' | ');
  if (found.oneOf) return found.oneOf.map((one) => kind(api, one)).join(' | ');
  const types = [found.type ?? ''].flat().join(' | ');
  const { minimum: least, maximum: most } = found;
  return least === undefined || most === undefined ? types : `${types} ${least}–${most}`;
}

function fieldsTable(api, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const found = resolve(api, property);
    const isOptional = !(schema.required ?? []).includes(name);
    const about = [kind(api, property), isOptional ? texts().optional : ''].filter(Boolean);
    return make('tr', {}, make('td', {}, name),
      make('td', {}, make('small', {}, about.join(', ')), ' ',
        ...prose(inLanguage(found, 'description'))));
  });
  return make('div', { class: 'scroll' }, make('table', {}, ...rows));
}

function answersTable(api, responses) {
  const rows = Object.entries(responses).map(([status, response]) => {
    const description = inLanguage(resolve(api, response), 'description');
    return make('tr', {}, make('td', {}, status), make('td', {}, ...prose(description)));
  });
  return make('div', { class: 'scroll' }, make('table', {}, ...rows));
}

/** Which credential a call takes now: the token where it opens this path and is there. */
function credential(operation) {
  const schemes = (operation.security ?? []).flatMap(Object.keys);
  const [key, token] = [$('key').value, $('token').value];
  if (schemes.includes('token') && token) return { name: 'token', value: token };
  if ((schemes.includes('key') || schemes.includes('metricsToken')) && key) {
    return { name: 'key', value: key };
  }
  return { name: 'nothing' };
}

function requestOf(operation, form) {
  let { path } = operation;
  const query = new URLSearchParams();
  for (const parameter of operation.parameters) {
    const { value } = form.elements[parameter.name];
    if (parameter.in === 'path') {
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    } else if (parameter.in === 'query' && value) {
      query.set(parameter.name, value);
    }
  }
  const { name, value } = credential(operation);
  const headers = value ? { authorization: `Bearer ${value}` } : {};
  const body = form.elements.body?.value;
  if (body !== undefined) {
    headers['content-type'] = Object.keys(operation.requestBody.content)[0];
  }
  const search = query.size ? `?${query}` : '';
  // A path of the document begins with a slash; the server may stand below another path.
  const init = { method: operation.method, headers, body };
  return { url: `.${path}${search}`, init, with: name };
}

const pretty = (text, type) =>
  (type.startsWith('application/json') ? JSON.stringify(JSON.parse(text), null, 2) : text);

/** What an answer tells that the next call needs. */
function remember(operation, text) {
  if (operation.operationId !== 'createOrder') return;
  const { order_id: orderId, token } = JSON.parse(text);
  if (!orderId || !token) return;
  $('token').value = token;
  state.orderId = orderId;
  document.querySelectorAll('input[name="order_id"]').forEach((input) => { input.value = orderId; });
}

async function show(operation, form, output, stopper) {
  const request = requestOf(operation, form);
  const status = make('span', { class: 'status' });
  const took = make('span', { class: 'took' });
  const body = make('pre');
  output.replaceChildren(make('div', { class: 'row' }, status, took), body);
  const began = performance.now();
  try {
    const init = { ...request.init, signal: stopper.signal, credentials: 'omit' };
    const response = await fetch(request.url, init);
    status.textContent = `${response.status} ${response.statusText}`;
    status.classList.add(response.ok ? 'good' : 'bad');
    const ms = Math.round(performance.now() - began);
    const id = response.headers.get('x-request-id');
    took.textContent = `${ms} ms · ${texts().with[request.with]} · X-Request-Id: ${id}`;
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('text/event-stream')) {
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        body.textContent += part.value;
        body.scrollTop = body.scrollHeight;
      }
    } else {
      const text = await response.text();
      body.textContent = pretty(text, type);
      remember(operation, text);
    }
  } catch (error) {
    if (error.name === 'AbortError') return;
    status.classList.add('bad');
    status.textContent = texts().lost;
    body.textContent = String(error);
  }
}

function tryOut(api, operation) {
  const inputs = operation.parameters.map((parameter) => make('label', {},
    make('span', {}, parameter.name),
    make('input', {
      name: parameter.name, required: parameter.required ? '' : undefined, spellcheck: 'false',
      autocomplete: 'off', value: parameter.name === 'order_id' ? state.orderId : '',
    })));
  const content = Object.values(operation.requestBody?.content ?? {})[0];
  const parts = inputs.length ? [make('div', { class: 'fields' }, ...inputs)] : [];
  if (content) {
    const text = content.example ? JSON.stringify(content.example, null, 2) : '';
    const area = make('textarea', { name: 'body', spellcheck: 'false' }, text);
    parts.push(make('label', {}, make('span', {}, texts().body), area));
  }
  const output = make('div', { 'aria-live': 'polite' });
  const send = make('button', { class: 'send' }, texts().send);
  const stop = make('button', { type: 'button', hidden: '' }, texts().stop);
  const form = make('form', {}, ...parts, make('div', { class: 'row' }, send, stop));
  let stopper = new AbortController();
  stop.addEventListener('click', () => stopper.abort());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    stopper.abort();
    const mine = new AbortController();
    stopper = mine;
    stop.hidden = false;
    await show(operation, form, output, mine);
    if (stopper === mine) stop.hidden = true;
  });
  return [form, output];
}

function card(api, operation) {
  const inside = make('div', { class: 'inside' });
  const summary = make('summary', {},
    make('span', { class: `method ${operation.method}` }, operation.method),
    make('code', {}, operation.path),
    make('span', { class: 'what' }, inLanguage(operation, 'summary')));
  const details = make('details', { id: operation.operationId }, summary, inside);
  details.addEventListener('toggle', () => {
    if (!details.open || inside.hasChildNodes()) return;
    const description = inLanguage(operation, 'description');
    if (description) inside.append(make('p', {}, ...prose(description)));
    inside.append(...tryOut(api, operation));
    const schema = resolve(api, Object.values(operation.requestBody?.content ?? {})[0]?.schema);
    if (schema?.properties) {
      inside.append(make('h3', {}, texts().fields), fieldsTable(api, schema));
    }
    inside.append(make('h3', {}, texts().answers), answersTable(api, operation.responses));
  });
  return details;
}

function draw(api) {
  const words = texts();
  document.documentElement.lang = state.language;
  $('version').textContent = api.info.version;
  $('about').replaceChildren(...prose(inLanguage(api.info, 'description')));
  $('language').textContent = words.language;
  $('credentials-title').textContent = words.credentials;
  $('credentials-about').textContent = words.credentialsAbout;
  $('key-label').textContent = words.key;
  $('token-label').textContent = words.token;
  const all = operations(api);
  const open = new Set([...document.querySelectorAll('details[open]')].map((one) => one.id));
  $('operations').replaceChildren(...api.tags.flatMap((tag) => [
    make('h2', {}, words.tags[tag.name] ?? tag.name),
    ...all.filter((operation) => operation.tags.includes(tag.name)).map((it) => card(api, it)),
  ]));
  open.forEach((id) => { $(id).open = true; });
}

const api = await (await fetch('openapi.json')).json();
$('language').addEventListener('click', () => {
  state.language = state.language === 'zh' ? 'en' : 'zh';
  draw(api);
});
draw(api);
