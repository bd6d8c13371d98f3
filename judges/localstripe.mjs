// Another's imitation of Stripe as a judge: localstripe, a program from the registry of another language, keeps customers, cards, payments and
// refunds, and calls with its own signatures. What it does not know is added here and nowhere else: the page on which a person pays, keys of requests,
// disputes, the search among a customer's payments, two fields of a request (`NOT_KNOWN`) and two of a payment (`whole`).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";

const NOT_KNOWN = ["error_on_requires_action", "description"];
const [WORKING, FAILING] = ["4242424242424242", "4000000000000341"];
const port = () => new Promise((done) => { const one = net.createServer().listen(0, "127.0.0.1", () => { const { port } = one.address(); one.close(() => done(port)); }); });

/** An account at localstripe, which runs from `program` and keeps what it knows in `folder`. */
export const account = async ({ key, program, folder }) => {
  const stripe = { sessions: {}, refused: [], asked: [], bank: WORKING };
  const at = path.join(folder, "localstripe");
  fs.mkdirSync(at);
  const place = await port();
  const log = fs.openSync(`${at}.log`, "a");
  const run = spawn(program, ["--port", String(place), "--from-scratch"], { env: { ...process.env, TMPDIR: at, HOME: at }, cwd: at, stdio: ["ignore", log, log] });
  stripe.end = () => run.kill("SIGKILL");
  const there = `http://127.0.0.1:${place}`;
  const raw = async (method, place, body) => {
    const headers = { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded" }) };
    const got = await fetch(`${there}${place}`, { method, headers, body });
    return [got.status, JSON.parse(await got.text())];
  };
  /** What it answers, which has to be good. */
  const know = (stripe.know = async (method, place, form) => {
    const [status, said] = await raw(method, place, form && new URLSearchParams(form).toString());
    assert.equal(status, 200, `${method} ${place}: ${JSON.stringify(said)}`);
    return said;
  });
  for (let nth = 0; ; nth++) {
    const up = await fetch(`${there}/v1/customers`, { headers: { authorization: `Bearer ${key}` } }).then((got) => got.ok, () => false);
    if (up) break;
    assert.ok(nth < 600, `localstripe does not start: ${fs.readFileSync(`${at}.log`, "utf8")}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  const kept = new Set();
  /** A payment with what every one of Stripe's has. */
  const whole = (intent) => (intent?.object === "payment_intent" ? { ...intent, amount_received: intent.status === "succeeded" ? intent.amount : 0, setup_future_usage: kept.has(intent.id) ? "off_session" : null } : intent);
  /** Whom it calls, and with which secret. */
  stripe.calls = async (url, secret) => {
    const got = await fetch(`${there}/_config/webhooks/ours`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ url, secret }) });
    assert.ok(got.ok, await got.text());
  };
  const card = (number) => ({ type: "card", "card[number]": number, "card[exp_month]": "4", "card[exp_year]": "2031", "card[cvc]": "123" });
  const attached = async (customer, number) => {
    const method = await know("POST", "/v1/payment_methods", card(number));
    return (await know("POST", `/v1/payment_methods/${method.id}/attach`, { customer })).id;
  };
  /** A person pays on a page, by a card that is kept. */
  stripe.pays = async ({ page, form }) => {
    const customer = (await know("POST", "/v1/customers", { name: "Acme Homes" })).id;
    const method = await attached(customer, WORKING);
    const metadata = Object.fromEntries([...form].filter(([name]) => name.startsWith("payment_intent_data[metadata]")).map(([name, value]) => [name.replace("payment_intent_data", "").replace("[metadata]", "metadata"), value]));
    const intent = await know("POST", "/v1/payment_intents", { amount: String(page.amount_total), currency: "usd", customer, payment_method: method, confirm: "true", ...metadata });
    assert.equal(intent.status, "succeeded");
    kept.add(intent.id);
    Object.assign(page, { status: "complete", payment_status: "paid", payment_intent: intent.id, customer });
    return { intent: intent.id, method, customer };
  };
  stripe.payments = async () => (await know("GET", "/v1/payment_intents?limit=100")).data;

  const before = new Map();
  const answer = async (method, url, body, once) => {
    const { pathname, searchParams } = url;
    stripe.asked.push(`${method} ${pathname.replace(/_[A-Za-z0-9]{10,}/, "_…")}`);
    const form = new URLSearchParams(body);
    if (pathname === "/v1/checkout/sessions" && method === "POST") {
      const id = `cs_test_${Object.keys(stripe.sessions).length + 1}`;
      const page = { object: "checkout.session", id, url: `https://checkout.example.com/${id}`, mode: "payment", status: "open", payment_status: "unpaid", amount_total: Number(form.get("line_items[0][price_data][unit_amount]")), currency: "usd", client_reference_id: form.get("client_reference_id"), payment_intent: null, metadata: {} };
      stripe.sessions[id] = { page, form };
      return [200, page];
    }
    if (pathname.startsWith("/v1/checkout/sessions/")) {
      const { page } = stripe.sessions[pathname.split("/").pop()];
      if (!page.payment_intent || !searchParams.has("expand[]")) return [200, page];
      return [200, { ...page, payment_intent: whole(await know("GET", `/v1/payment_intents/${page.payment_intent}?expand[]=latest_charge&expand[]=payment_method`)) }];
    }
    if (pathname === "/v1/disputes") return [200, { object: "list", data: [], has_more: false }];
    if (pathname === "/v1/payment_intents" && method === "GET") {
      const theirs = (await stripe.payments()).filter((one) => one.customer === searchParams.get("customer") && one.created >= Number(searchParams.get("created[gte]")));
      return [200, { object: "list", data: theirs, has_more: false }];
    }
    if (pathname === "/v1/payment_intents") {
      if (before.has(once)) return before.get(once);
      for (const name of NOT_KNOWN) form.delete(name);
      // The bank of the kept card has changed its mind.
      if (stripe.bank !== WORKING) form.set("payment_method", await attached(form.get("customer"), stripe.bank));
      const said = await raw(method, pathname, form.toString());
      before.set(once, said);
      return said;
    }
    return raw(method, `${pathname}${url.search}`, method === "POST" ? body : undefined);
  };
  const server = http.createServer((asked, answered) => {
    const chunks = [];
    asked.on("data", (chunk) => chunks.push(chunk));
    asked.on("end", async () => {
      const said = await answer(asked.method, new URL(asked.url, "http://stripe.example.com"), Buffer.concat(chunks).toString(), asked.headers["idempotency-key"]).catch((error) => [500, { error: { message: String(stripe.refused.push(String(error)) && error) } }]);
      if (said[0] === 400) stripe.refused.push(JSON.stringify(said[1]));
      answered.writeHead(said[0], { "content-type": "application/json" }).end(JSON.stringify(whole(said[1])));
    });
  });
  server.keepAliveTimeout = 0;
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  stripe.address = `http://127.0.0.1:${server.address().port}`;
  return stripe;
};

/** A top-up, a recharge, a refund, a decline and the end of a card, as localstripe has them. */
export const story = async (world, secret) => {
  const { stripe, ask, below, start, until, wallet } = world;
  await start();
  await stripe.calls(`${world.base}/hooks/stripe`, secret);
  const cents = 500 + below(5000);
  const micros = cents * 10_000;
  const begun = await ask("POST", "/payments", { amount_micros: micros, keep_card: true });
  const [session] = Object.values(stripe.sessions);
  assert.equal(begun.url, session.page.url);
  const { intent, method, customer } = await stripe.pays(session);
  // Nobody but localstripe says that it is paid.
  await until("the money", 60, async () => (await wallet()) === micros);
  const card = await ask("GET", "/card");
  assert.deepEqual([card.brand, card.last_four, card.expires_year, card.expires_month], ["visa", "4242", 2031, 4]);

  const wants = (below_micros) => ask("PUT", "/card", { auto_recharge: { below_micros, amount_micros: 7_000_000, most_micros: 50_000_000 } });
  await wants(micros + 10_000);
  await start(0, "SIGTERM");
  await until("the recharge", 90, async () => (await wallet()) === micros + 7_000_000);
  const charged = (await stripe.payments()).filter((one) => one.amount === 700);
  assert.deepEqual(charged.map((one) => [one.status, one.customer, one.payment_method]), [["succeeded", customer, method]]);

  await stripe.know("POST", "/v1/refunds", { payment_intent: intent, amount: "200" });
  const told = await stripe.know("GET", `/v1/payment_intents/${intent}?expand[]=latest_charge`);
  assert.equal(told.latest_charge.amount_refunded, 200);
  const event = { id: "evt_refunded", object: "event", type: "charge.refunded", created: Math.floor(Date.now() / 1000), data: { object: told.latest_charge } };
  assert.equal(await world.call(JSON.stringify(event)), 204);
  await until("the refund", 20, async () => (await wallet()) === micros + 5_000_000);

  stripe.bank = FAILING;
  await wants(micros + 6_000_000);
  await start(0, "SIGTERM");
  const failed = await until("the decline", 90, async () => (await world.payments()).find((one) => one.state === "failed"));
  assert.deepEqual([failed.failure, failed.kind], ["card_declined", "recharge"]);
  assert.equal(await wallet(), micros + 5_000_000);
  await ask("DELETE", "/card");
  await until("the card's end", 60, async () => (await stripe.know("GET", `/v1/payment_methods/${method}`)).customer === null);
  stripe.end();
  return "a top-up, a recharge, a refund, a decline and the end of a card, as localstripe keeps and signs them";
};
