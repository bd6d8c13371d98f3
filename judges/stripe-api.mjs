// A server that stands for Stripe and knows nothing but Stripe's published description of its API: whatever it is asked has to be an operation, with
// fields, of it, and whatever it answers is made from it and held against it. One of them is one account at Stripe.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import Ajv from "ajv";

// The description: what may be nothing is said in OpenAPI's own word, and a name that it does not know is a slip of ours.
const api = JSON.parse(fs.readFileSync(process.argv[3]));
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
    if (match && operations[method.toLowerCase()]) return { place: `${method} ${pattern}`, op: operations[method.toLowerCase()], named: match[1] };
  }
  return null;
};

/** As it stands where nobody asked for more: a name instead of the whole. */
export const folded = (intent, expand) => ({
  ...intent,
  latest_charge: expand.includes("latest_charge") ? intent.latest_charge : (intent.latest_charge?.id ?? null),
  payment_method: expand.includes("payment_method") ? intent.payment_method : (intent.payment_method?.id ?? intent.payment_method ?? null),
});

const list = (url, data) => ({ object: "list", url, has_more: false, data });
/** For how long Stripe knows a key again, in seconds. */
const KEYS = 24 * 60 * 60;

/**
 * An account at Stripe: what it has, what it was asked, and what of that is none of Stripe's operations. A `trap` springs at the next request to its
 * `place`: as that `arrives` (and nothing is done), once what it asks for is `made` (and is not answered), once it is `answered`, or `soon`:
 * `after` so many milliseconds, while the answer waits for a `pause`.
 */
export const account = async ({ seed, key, now }) => {
  const stripe = { sessions: {}, intents: {}, disputes: [], detached: [], asked: [], refused: [], declines: false, trap: null };
  const done = new Map();
  let count = 0;
  const name = (prefix) => `${prefix}_${++count}${crypto.createHash("sha256").update(`${seed}${count}`).digest("hex").slice(0, 20)}`;
  const refuse = (why, type = "invalid_request_error") => {
    stripe.refused.push(why);
    return [400, { error: { type, message: why } }];
  };

  const paid = (cents, fields) => {
    const id = name("pi");
    const charge = made("charge", { object: "charge", id: name("ch"), amount: cents, amount_captured: cents, currency: "usd", created: now(), paid: true, captured: true, status: "succeeded", payment_intent: id, receipt_url: `https://pay.example.com/${id}`, billing_details: made("billing_details", {}), metadata: {} });
    const intent = made("payment_intent", { object: "payment_intent", id, amount: cents, amount_received: cents, currency: "usd", created: now(), status: "succeeded", payment_method_types: ["card"], latest_charge: charge, ...fields });
    stripe.intents[id] = intent;
    return intent;
  };
  /** A person pays on a page, by a card that is kept. */
  stripe.pays = ({ page, form }) => {
    const method = made("payment_method", { object: "payment_method", id: name("pm"), type: "card", created: now(), billing_details: made("billing_details", {}), card: made("payment_method_card", { brand: "visa", last4: "4242", exp_month: 4, exp_year: 2031 }) });
    const customer = form.customer ?? name("cus");
    const intent = paid(page.amount_total, { customer, setup_future_usage: "off_session", payment_method: method, metadata: form.payment_intent_data.metadata });
    Object.assign(page, { status: "complete", payment_status: "paid", payment_intent: intent.id, customer });
    return intent;
  };
  /** The bank is told that a payment was not wanted. */
  stripe.disputed = (intent) => {
    intent.latest_charge.disputed = true;
    const dispute = made("dispute", { object: "dispute", id: name("dp"), amount: intent.amount, currency: "usd", created: now(), status: "needs_response", reason: "fraudulent", payment_intent: intent.id, charge: intent.latest_charge.id });
    stripe.disputes.push(dispute);
    return dispute;
  };
  stripe.event = (type, object) => JSON.stringify({ id: name("evt"), object: "event", type, created: now(), data: { object } });
  /** What was paid, oldest first. */
  stripe.paid = () => Object.values(stripe.intents).filter((one) => one.status === "succeeded");
  /** How often it was asked for this. */
  stripe.times = (place) => stripe.asked.filter((one) => one === place).length;

  const acts = {
    "POST /v1/checkout/sessions": (form) => {
      const cents = form.line_items.reduce((sum, line) => sum + line.quantity * line.price_data.unit_amount, 0);
      const id = name("cs_test");
      const page = made("checkout.session", { object: "checkout.session", id, url: `https://checkout.example.com/${id}`, mode: "payment", status: "open", payment_status: "unpaid", amount_total: cents, currency: "usd", client_reference_id: form.client_reference_id, metadata: form.metadata, expires_at: form.expires_at, created: now(), payment_method_types: ["card"], custom_fields: [] });
      stripe.sessions[id] = { page, form };
      return [200, page];
    },
    "GET /v1/checkout/sessions/{session}": (query, id) => {
      const known = stripe.sessions[id];
      if (!known) return [404, { error: { type: "invalid_request_error", code: "resource_missing", message: `No such checkout.session: ${id}` } }];
      const wanted = (query.expand ?? []).map((one) => one.replace("payment_intent.", ""));
      const intent = stripe.intents[known.page.payment_intent];
      return [200, { ...known.page, payment_intent: intent && query.expand?.length ? folded(intent, wanted) : known.page.payment_intent }];
    },
    "POST /v1/payment_intents": (form) => {
      const cents = form.amount;
      if (!stripe.declines) return [200, folded(paid(cents, { customer: form.customer, payment_method: form.payment_method, metadata: form.metadata }), form.expand ?? [])];
      const error = { type: "card_error", code: "card_declined", decline_code: "insufficient_funds", message: "Your card has insufficient funds." };
      const intent = folded(paid(cents, { status: "requires_payment_method", amount_received: 0, latest_charge: null, customer: form.customer, metadata: form.metadata, last_payment_error: error }), []);
      return [402, { error: { ...error, payment_intent: intent } }];
    },
    "GET /v1/payment_intents/{intent}": (query, id) => [200, folded(stripe.intents[id], query.expand ?? [])],
    "GET /v1/payment_intents": (query) => {
      const theirs = Object.values(stripe.intents).filter((one) => one.customer === query.customer && one.created >= (query.created?.gte ?? 0));
      return [200, list("/v1/payment_intents", theirs.reverse().map((one) => folded(one, [])))];
    },
    "GET /v1/disputes": (query) => [200, list("/v1/disputes", stripe.disputes.filter((one) => one.payment_intent === query.payment_intent))],
    "POST /v1/payment_methods/{payment_method}/detach": (form, id) => [200, stripe.detached.push(id) && made("payment_method", { object: "payment_method", id, type: "card", created: now(), customer: null, billing_details: made("billing_details", {}) })],
  };

  const answer = ({ method, headers }, { pathname, searchParams }, found, body) => {
    if (!found) return refuse(`${method} ${pathname} is no operation`);
    const { place } = found;
    stripe.asked.push(place);
    if (headers.authorization !== `Bearer ${key}`) return [401, { error: { type: "invalid_request_error", message: "Invalid API Key provided" } }];
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
    // A request that comes again under its key gets the first answer; another under the same key none.
    const once = headers["idempotency-key"];
    const before = once && done.get(once);
    if (before && now() - before.at < KEYS) return before.body === body ? before.answer : refuse(`${place}: the key was used for another request`, "idempotency_error");
    const [status, said] = acts[place](given, found.named);
    const schema = (found.op.responses[status] ?? found.op.responses.default).content["application/json"].schema;
    const wrong = holds(answers, `${place} ${status}`, mended(schema, false), said);
    assert.equal(wrong, null, "this judge answers as the description does not say");
    if (once) done.set(once, { at: now(), body, answer: [status, structuredClone(said)] });
    return [status, said];
  };

  const server = http.createServer((asked, answered) => {
    const chunks = [];
    asked.on("data", (chunk) => chunks.push(chunk));
    asked.on("end", async () => {
      const url = new URL(asked.url, "http://stripe.example.com");
      const found = operation(asked.method, url.pathname);
      const { trap } = stripe;
      const at = trap && trap.place === found?.place && trap.when;
      if (at) stripe.trap = null;
      if (at === "soon") setTimeout(trap.spring, trap.after, asked);
      if (at === "arrives") return trap.spring(asked);
      const [status, said] = answer(asked, url, found, Buffer.concat(chunks).toString());
      if (at === "made") return trap.spring(asked);
      if (at === "soon") await new Promise((done) => setTimeout(done, trap.pause));
      answered.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said), () => at === "answered" && trap.spring(asked));
    });
  });
  // What is idle stays open: a request that meets the end of its connection would be a lost one that nobody wanted.
  server.keepAliveTimeout = 0;
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  stripe.address = `http://127.0.0.1:${server.address().port}`;
  return stripe;
};
