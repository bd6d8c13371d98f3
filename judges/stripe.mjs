// Stripe's published description of its API and its official library as judges of how a real server takes cards.
//
// A server stands for Stripe here that knows nothing but the description: whatever it is asked has to be an operation, with fields, of it, and
// whatever it answers is made from it and held against it. Calls to us are signed by Stripe's own library. A server of ours takes a top-up, keeps the
// card, recharges by itself, loses an answer, is declined, hears of a dispute and a refund, and forgets the card.
//
// node stripe.mjs PROGRAM DESCRIPTION [SEED]

import { execFileSync, spawn } from "node:child_process";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import Ajv from "ajv";
import Stripe from "stripe";

const [program, description, seed = String(Date.now())] = process.argv.slice(2);
console.log(`stripe, seed ${seed}`);
let state = `stripe ${seed}`;
/** A number below `end`, from the seed. */
const below = (end) => {
  state = crypto.createHash("sha256").update(state).digest("hex");
  return parseInt(state.slice(0, 8), 16) % end;
};
const KEY = "sk_test_judge0123456789";
const SECRET = "whsec_judge0123456789";
const now = () => Math.floor(Date.now() / 1000);

// The description: what may be nothing is said in OpenAPI's own word, and a name that it does not know is a slip of ours.
const api = JSON.parse(fs.readFileSync(description));
const mended = (value, closed) => {
  if (Array.isArray(value)) return value.map((one) => mended(one, closed));
  if (!value || typeof value !== "object") return value;
  if (value.$ref) return { $ref: value.$ref.replace("#/components/schemas/", "api#/definitions/") };
  const { nullable, format, pattern, discriminator, example, ...rest } = value;
  const schema = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith("x-")).map(([name, one]) => [name, mended(one, closed)]));
  if (closed && schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  return nullable ? { anyOf: [schema, { type: "null" }] } : schema;
};
const options = { strict: false, allErrors: false, validateFormats: false };
const answers = new Ajv(options);
answers.addSchema({ $id: "api", definitions: mended(api.components.schemas, false) });
const requests = new Ajv({ ...options, coerceTypes: true });
requests.addSchema({ $id: "api", definitions: mended(api.components.schemas, false) });
const compiled = new Map();
const holds = (ajv, place, schema, value) => {
  if (!compiled.has(place)) compiled.set(place, ajv.compile(schema));
  const check = compiled.get(place);
  return check(value) ? null : `${place}: ${ajv.errorsText(check.errors)}`;
};

/** The least object that the description allows, from what it says must be there. */
const least = (schema) => {
  if (schema.$ref) return least(api.components.schemas[schema.$ref.split("/").pop()]);
  if (schema.nullable) return null;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return least(schema.anyOf[0]);
  if (schema.type === "object" || schema.properties) return Object.fromEntries((schema.required ?? []).map((name) => [name, least(schema.properties[name])]));
  return { array: [], boolean: false, integer: 0, number: 0, string: "" }[schema.type];
};
const made = (name, fields) => ({ ...least(api.components.schemas[name]), ...fields });

/** Fields as Stripe writes them, `a[b][0]=c`, as an object. */
const tree = (pairs) => {
  const root = {};
  for (const [name, value] of pairs) {
    const parts = name.replaceAll("]", "").split("[");
    let at = root;
    for (const [nth, part] of parts.entries()) at = nth + 1 < parts.length ? (at[part] ??= {}) : ((at[part || Object.keys(at).length] = value), at);
  }
  const listed = (value) => {
    if (typeof value !== "object") return value;
    const names = Object.keys(value);
    const inner = names.map((name) => listed(value[name]));
    return names.length && names.every((name, nth) => name === String(nth)) ? inner : Object.fromEntries(names.map((name, nth) => [name, inner[nth]]));
  };
  return listed(root);
};

/** The operation of the description that an address is, with what its names stand for. */
const operation = (method, place) => {
  for (const [pattern, operations] of Object.entries(api.paths)) {
    const match = place.match(new RegExp(`^${pattern.replaceAll(/\{[^}]+\}/g, "([A-Za-z0-9_]+)")}$`));
    if (match && operations[method.toLowerCase()]) return { pattern, op: operations[method.toLowerCase()], named: match[1] };
  }
  return null;
};

const refused = [];
const refuse = (why) => {
  refused.push(why);
  return [400, { error: { type: "invalid_request_error", message: why } }];
};

/** What Stripe has: pages, payments, disputes; what was asked under each key. */
const books = { count: 0, sessions: {}, intents: {}, disputes: [], detached: [], done: new Map(), asked: [], declines: false, loses: false };
const name = (prefix) => `${prefix}_${++books.count}${crypto.createHash("sha256").update(`${seed}${books.count}`).digest("hex").slice(0, 20)}`;

const paid = (cents, fields) => {
  const id = name("pi");
  const charge = made("charge", { object: "charge", id: name("ch"), amount: cents, amount_captured: cents, currency: "usd", created: now(), paid: true, captured: true, status: "succeeded", payment_intent: id, receipt_url: `https://pay.example.com/${id}`, billing_details: made("billing_details", {}), metadata: {} });
  const intent = made("payment_intent", { object: "payment_intent", id, amount: cents, amount_received: cents, currency: "usd", created: now(), status: "succeeded", payment_method_types: ["card"], latest_charge: charge, ...fields });
  books.intents[id] = intent;
  return intent;
};
/** As it stands where nobody asked for more: a name instead of the whole. */
const folded = (intent, expand) => ({
  ...intent,
  latest_charge: expand.includes("latest_charge") ? intent.latest_charge : (intent.latest_charge?.id ?? null),
  payment_method: expand.includes("payment_method") ? intent.payment_method : (intent.payment_method?.id ?? intent.payment_method ?? null),
});

const acts = {
  "POST /v1/checkout/sessions": (form) => {
    const cents = form.line_items.reduce((sum, line) => sum + line.quantity * line.price_data.unit_amount, 0);
    const id = name("cs_test");
    const page = made("checkout.session", { object: "checkout.session", id, url: `https://checkout.example.com/${id}`, mode: "payment", status: "open", payment_status: "unpaid", amount_total: cents, currency: "usd", client_reference_id: form.client_reference_id, metadata: form.metadata, expires_at: form.expires_at, created: now(), payment_method_types: ["card"], custom_fields: [] });
    books.sessions[id] = { page, form };
    return [200, page];
  },
  "GET /v1/checkout/sessions/{session}": (query, id) => {
    const known = books.sessions[id];
    if (!known) return [404, { error: { type: "invalid_request_error", code: "resource_missing", message: `No such checkout.session: ${id}` } }];
    const wanted = (query.expand ?? []).map((one) => one.replace("payment_intent.", ""));
    const intent = books.intents[known.page.payment_intent];
    return [200, { ...known.page, payment_intent: intent && query.expand?.length ? folded(intent, wanted) : known.page.payment_intent }];
  },
  "POST /v1/payment_intents": (form) => {
    const cents = form.amount;
    if (!books.declines) return [200, folded(paid(cents, { customer: form.customer, payment_method: form.payment_method, metadata: form.metadata }), form.expand ?? [])];
    const error = { type: "card_error", code: "card_declined", decline_code: "insufficient_funds", message: "Your card has insufficient funds." };
    const intent = folded(paid(cents, { status: "requires_payment_method", amount_received: 0, latest_charge: null, customer: form.customer, metadata: form.metadata, last_payment_error: error }), []);
    return [402, { error: { ...error, payment_intent: intent } }];
  },
  "GET /v1/payment_intents/{intent}": (query, id) => [200, folded(books.intents[id], query.expand ?? [])],
  "GET /v1/payment_intents": (query) => [200, { object: "list", url: "/v1/payment_intents", has_more: false, data: Object.values(books.intents).filter((one) => one.customer === query.customer).map((one) => folded(one, [])) }],
  "GET /v1/disputes": (query) => [200, { object: "list", url: "/v1/disputes", has_more: false, data: books.disputes.filter((one) => one.payment_intent === query.payment_intent) }],
  "POST /v1/payment_methods/{payment_method}/detach": (form, id) => [200, books.detached.push(id) && made("payment_method", { object: "payment_method", id, type: "card", created: now(), customer: null, billing_details: made("billing_details", {}) })],
};

const answer = ({ method, headers, url }, body) => {
  const { pathname, searchParams } = new URL(url, "http://stripe.example.com");
  const found = operation(method, pathname);
  if (!found) return refuse(`${method} ${pathname} is no operation`);
  const place = `${method} ${found.pattern}`;
  books.asked.push(place);
  if (headers.authorization !== `Bearer ${KEY}`) return [401, { error: { type: "invalid_request_error", message: "Invalid API Key provided" } }];
  if (!/^\d{4}-\d\d-\d\d/.test(headers["stripe-version"] ?? "")) return refuse(`${place}: the version of the API is not pinned`);
  const given = tree(method === "POST" ? new URLSearchParams(body) : searchParams);
  if (method === "POST") {
    if (!headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) return refuse(`${place}: no form`);
    const wrong = holds(requests, place, mended(found.op.requestBody.content["application/x-www-form-urlencoded"].schema, true), given);
    if (wrong) return refuse(wrong);
  } else {
    for (const [field, value] of Object.entries(given)) {
      const known = found.op.parameters.find((one) => one.in === "query" && one.name === field);
      if (!known) return refuse(`${place}: ${field} is no parameter`);
      const wrong = holds(requests, `${place} ${field}`, { properties: { value: mended(known.schema, true) } }, { value });
      if (wrong) return refuse(wrong);
    }
  }
  const key = headers["idempotency-key"];
  if (key && books.done.has(key)) return books.done.get(key);
  const [status, said] = acts[place](given, found.named);
  const schema = (found.op.responses[status] ?? found.op.responses.default).content["application/json"].schema;
  const wrong = holds(answers, `${place} ${status}`, mended(schema, false), said);
  assert.equal(wrong, null, "this judge answers as the description does not say");
  if (key) books.done.set(key, [status, said]);
  return [status, said];
};

const stripe = http.createServer((asked, answered) => {
  const chunks = [];
  asked.on("data", (chunk) => chunks.push(chunk));
  asked.on("end", () => {
    const [status, said] = answer(asked, Buffer.concat(chunks).toString());
    // Carried out, and nobody hears of it.
    if (books.loses && asked.method === "POST") return asked.socket.destroy();
    answered.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
  });
});
await new Promise((done) => stripe.listen(0, "127.0.0.1", done));
const address = `http://127.0.0.1:${stripe.address().port}`;

// A judge who lets everything pass is none.
for (const [place, body, why] of [
  ["/v1/payment_intents", "amount=500&currency=usd&colour=red", /additional properties/],
  ["/v1/payment_intents", "amount=much&currency=usd", /integer/],
  ["/v1/payment_intents", "amount=500", /currency/],
  ["/v1/checkout/sessions", "mode=payment&success_url=x&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit]=5", /additional properties|anyOf/],
  ["/v1/charge_cards", "amount=500", /no operation/],
]) {
  const headers = { authorization: `Bearer ${KEY}`, "stripe-version": "2024-06-20", "content-type": "application/x-www-form-urlencoded" };
  const got = await fetch(`${address}${place}`, { method: "POST", headers, body });
  assert.equal(got.status, 400, `${place} ${body}`);
  assert.match(refused.pop(), why);
}
books.asked.length = 0;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dripline-stripe-"));
let server;
process.on("exit", () => {
  server?.kill();
  fs.rmSync(folder, { recursive: true, force: true });
});
const config = ["--data", path.join(folder, "data")];
const run = (...args) => execFileSync(program, [...args, ...config, "--json"], { encoding: "utf8" });
run("workspace", "create", "Acme Homes", "--zone", "America/New_York");
const apiKey = JSON.parse(run("key", "create", "--name", "judge")).key;
const port = await new Promise((done) => {
  const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});
const base = `http://127.0.0.1:${port}`;
const log = path.join(folder, "log");
const env = { ...process.env, DRIPLINE_STRIPE_KEY: KEY, DRIPLINE_STRIPE_WEBHOOK_SECRET: SECRET };
const serve = ["serve", ...config, "--listen", `127.0.0.1:${port}`, "--public-url", "https://texts.example.com", "--stripe-address", address];
server = spawn(program, serve, { stdio: ["ignore", fs.openSync(log, "w"), fs.openSync(log, "a")], env });

const until = async (what, seconds, held) => {
  for (let nth = 0; nth < seconds * 5; nth++) {
    const value = await held();
    if (value) return value;
    assert.deepEqual(refused, [], "Stripe's description knows no such request");
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`it never came: ${what}\n${fs.readFileSync(log, "utf8")}`);
};
const ask = async (method, place, body) => {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const got = await fetch(`${base}/api/v1${place}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await got.text();
  assert.equal(got.status, 200, `${method} ${place}: ${text}`);
  return JSON.parse(text);
};
const wallet = async () => (await ask("GET", "/balances")).wallet;
const payment = async (id) => (await ask("GET", "/payments?limit=50")).data.find((one) => one.id === id);

// Stripe's own library signs what Stripe calls us with.
const official = new Stripe(KEY);
const call = async (type, object, { secret = SECRET, timestamp = now(), after = (body) => body } = {}) => {
  const payload = JSON.stringify({ id: name("evt"), object: "event", type, created: timestamp, data: { object } });
  const header = official.webhooks.generateTestHeaderString({ payload, secret, timestamp });
  const got = await fetch(`${base}/hooks/stripe`, { method: "POST", headers: { "stripe-signature": header, "content-type": "application/json" }, body: after(payload) });
  return got.status;
};

await until("the server", 60, () => fetch(`${base}/healthz`).then((got) => got.ok, () => false));
const cents = 500 + below(5000);
const micros = cents * 10_000;
const begun = await ask("POST", "/payments", { amount_micros: micros, keep_card: true });
const [session] = Object.keys(books.sessions);
const { page, form } = books.sessions[session];
assert.equal(begun.url, page.url);
assert.deepEqual([page.amount_total, page.client_reference_id], [cents, begun.payment.id]);
assert.equal(form.payment_intent_data.setup_future_usage, "off_session");

const method = made("payment_method", { object: "payment_method", id: name("pm"), type: "card", created: now(), billing_details: made("billing_details", {}), card: made("payment_method_card", { brand: "visa", last4: "4242", exp_month: 4, exp_year: 2031 }) });
const customer = name("cus");
const top = paid(cents, { customer, setup_future_usage: "off_session", payment_method: method, metadata: form.payment_intent_data.metadata });
Object.assign(page, { status: "complete", payment_status: "paid", payment_intent: top.id, customer });
for (const forged of [{ secret: "whsec_other" }, { timestamp: now() - 600 }, { after: (body) => `${body} ` }]) assert.equal(await call("checkout.session.completed", page, forged), 403);
assert.equal(await wallet(), 0);
for (let nth = 0; nth < 3; nth++) assert.equal(await call("checkout.session.completed", page), 204);
assert.equal(await call("payment_intent.succeeded", folded(top, [])), 204);
await until("the money", 20, async () => (await payment(begun.payment.id)).state === "paid");
assert.equal(await wallet(), micros);
assert.equal((await payment(begun.payment.id)).receipt_url, top.latest_charge.receipt_url);
const card = await ask("GET", "/card");
assert.deepEqual([card.brand, card.last_four, card.expires_year, card.expires_month], ["visa", "4242", 2031, 4]);

// Nobody is there: the card is charged by itself, once.
const uses = { auto_recharge: { below_micros: micros + 10_000, amount_micros: 7_000_000, most_micros: 7_000_000 } };
await ask("PUT", "/card", uses);
await until("the recharge", 90, async () => (await wallet()) === micros + 7_000_000);
const charges = () => books.asked.filter((place) => place === "POST /v1/payment_intents").length;
assert.equal(charges(), 1);
const charged = Object.values(books.intents).find((one) => one.amount === 700);
assert.deepEqual([charged.customer, charged.payment_method, charged.status], [customer, method.id, "succeeded"]);

// Money that goes back: a part by a refund, the rest of it as the bank disputes it.
top.latest_charge.amount_refunded = 200;
assert.equal(await call("charge.refunded", top.latest_charge), 204);
await until("the refund", 20, async () => (await payment(begun.payment.id)).refunded_micros === 2_000_000);
assert.equal(await wallet(), micros + 5_000_000);
charged.latest_charge.disputed = true;
const dispute = made("dispute", { object: "dispute", id: name("dp"), amount: 700, currency: "usd", created: now(), status: "needs_response", reason: "fraudulent", payment_intent: charged.id, charge: charged.latest_charge.id });
books.disputes.push(dispute);
assert.equal(await call("charge.dispute.created", dispute), 204);
await until("the dispute", 20, async () => (await wallet()) === micros - 2_000_000);
assert.ok((await ask("GET", "/card")).stopped_at, "a card whose payment is disputed is charged no more");
dispute.status = "won";
assert.equal(await call("charge.dispute.closed", dispute), 204);
await until("its end", 20, async () => (await wallet()) === micros + 5_000_000);

// A charge whose answer is lost is made once, and found among the customer's.
const wants = (below_micros) => ask("PUT", "/card", { auto_recharge: { below_micros, amount_micros: 8_000_000, most_micros: 50_000_000 } });
books.loses = true;
await wants(micros + 6_000_000);
await until("the charge", 90, () => charges() === 2);
books.loses = false;
await until("the lost payment", 150, async () => (await wallet()) === micros + 13_000_000);
assert.equal(charges(), 2);
assert.ok(books.asked.includes("GET /v1/payment_intents"), "it was looked for");

// A card that is declined, and then forgotten.
books.declines = true;
await wants(micros + 14_000_000);
const failed = await until("the decline", 90, async () => (await ask("GET", "/payments?limit=50")).data.find((one) => one.state === "failed"));
assert.deepEqual([failed.failure, failed.kind], ["insufficient_funds", "recharge"]);
assert.equal(await wallet(), micros + 13_000_000);
const removed = await fetch(`${base}/api/v1/card`, { method: "DELETE", headers: { authorization: `Bearer ${apiKey}` } });
assert.ok(removed.ok, `${removed.status}`);
await until("the card's end", 60, () => books.detached.includes(method.id));

assert.deepEqual(refused, []);
const text = fs.readFileSync(log, "utf8");
for (const secret of [KEY, SECRET]) assert.equal(text.includes(secret), false, "a secret is in the log");
console.log(`${books.asked.length} requests (${[...new Set(books.asked)].sort().join(", ")}) are as Stripe describes them; a top-up, a recharge, one whose answer was lost, a refund, a dispute won, a decline and the end of a card were read as described and signed by its library; three forgeries were refused`);
process.exit(0);
