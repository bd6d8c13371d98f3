// Stripe's published description of its API and its official library as judges of how a real server takes cards.
//
// What stands for Stripe knows nothing but the description (`stripe-api.mjs`). Calls to us are signed by Stripe's own library. A server of ours takes a
// top-up, keeps the card, recharges by itself, loses an answer, is declined, hears of a dispute and a refund, and forgets the card. Others do the
// like beside it and are killed at the worst instants of it (`stripe-deaths.mjs`).
//
// node stripe.mjs PROGRAM DESCRIPTION LOCALSTRIPE [SEED]
//
// LOCALSTRIPE is empty where it could not be installed.
//
// In `scripts/postgres` the data is in PostgreSQL, otherwise in SQLite.

import { execFile, execFileSync, spawn } from "node:child_process";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import Stripe from "stripe";
import { account, folded } from "./stripe-api.mjs";
import * as another from "./localstripe.mjs";
import { CHARGE, WORST, life } from "./stripe-deaths.mjs";

const [program, , localstripe, seed = String(Date.now())] = process.argv.slice(2);
const postgres = process.env.DRIPLINE_TEST_POSTGRES;
console.log(`stripe, seed ${seed}`);
const KEY = "sk_test_judge0123456789";
const SECRET = "whsec_judge0123456789";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dripline-stripe-"));
const worlds = [];
process.on("exit", () => {
  for (const world of worlds) world.end();
  fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const psql = (words) => execFileSync("psql", [postgres, "--quiet", "--no-psqlrc", "--command", words]);

// The machine's clock for a server, so far ahead as it is told: a month goes by in no time.
const clock = path.join(folder, "clock.so");
const canJump = process.platform === "linux";
if (canJump) {
  const source = `#include <stdlib.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    int clock_gettime(clockid_t which, struct timespec *at) {
        int got = syscall(SYS_clock_gettime, which, at);
        if (got == 0 && which == CLOCK_REALTIME) at->tv_sec += atol(getenv("JUDGE_AHEAD"));
        return got;
    }`;
  execFileSync("cc", ["-shared", "-fPIC", "-x", "c", "-o", clock, "-"], { input: source });
}

/** A server of ours with data of its own, and its account at Stripe, or at what stands for it. */
const open = async (name, account) => {
  const nth = worlds.length;
  const at = path.join(folder, `${nth}`);
  const log = `${at}.log`;
  const database = `judge_${process.pid}_${nth}`;
  let state = `${seed} ${name} ${nth}`;
  let ahead = 0;
  let server = null;
  const now = () => Math.floor(Date.now() / 1000) + ahead;
  const world = { name, seed: state };
  worlds.push(world);
  /** A number below `end`, from the seed. */
  const below = (world.below = (end) => {
    state = crypto.createHash("sha256").update(state).digest("hex");
    return parseInt(state.slice(0, 8), 16) % end;
  });
  const stripe = (world.stripe = await account({ seed: world.seed, key: KEY, now, folder, program: localstripe }));
  const config = ["--data", at];
  if (postgres) {
    psql(`CREATE DATABASE ${database}`);
    config.push("--database", postgres.replace(/[^/]*$/, database));
  }
  const env = () => ({ ...process.env, DRIPLINE_STRIPE_KEY: KEY, DRIPLINE_STRIPE_WEBHOOK_SECRET: SECRET, ...(canJump && { LD_PRELOAD: clock, JUDGE_AHEAD: ahead }) });
  world.run = async (...args) => JSON.parse((await promisify(execFile)(program, [...args, ...config, "--json"], { encoding: "utf8", env: env() })).stdout);

  // Below what systems give to connections, and for each a place of its own.
  const free = (port) => new Promise((done) => net.createServer().once("error", () => done(free(port + 1))).listen(port, "127.0.0.1", function () { this.close(() => done(port)); }));
  const port = await free(20_000 + 1000 * nth + below(900));
  const base = (world.base = `http://127.0.0.1:${port}`);
  const serve = ["serve", ...config, "--listen", `127.0.0.1:${port}`, "--public-url", "https://texts.example.com", "--stripe-address", stripe.address];
  world.log = () => fs.readFileSync(log, "utf8");
  world.dead = () => server.exitCode !== null || server.signalCode !== null;
  world.kill = async (signal = "SIGKILL") => {
    if (!world.dead()) await new Promise((done) => server.once("exit", done) && server.kill(signal));
  };
  /** Starts the server, so many seconds later than it is. One that runs is killed before. */
  world.start = async (later = 0, signal = "SIGKILL") => {
    if (server) await world.kill(signal);
    ahead += later;
    const said = fs.openSync(log, "a");
    server = spawn(program, serve, { stdio: ["ignore", said, said], env: env() });
    fs.closeSync(said);
    await world.until("the server", 60, () => world.dead() || fetch(`${base}/healthz`).then((got) => got.ok, () => false));
  };
  world.end = () => {
    server?.kill("SIGKILL");
    stripe.end?.();
    if (postgres) psql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  };
  world.until = async (what, seconds, held) => {
    const end = Date.now() + seconds * 1000;
    do {
      const value = await held();
      if (value) return value;
      assert.deepEqual(stripe.refused, [], "Stripe's description knows no such request");
      await new Promise((done) => setTimeout(done, 50));
    } while (Date.now() < end);
    throw new Error(`it never came: ${what}\n${world.log()}`);
  };
  world.ask = async (method, place, body, { status = 200, headers = {} } = {}) => {
    const all = { ...headers, authorization: `Bearer ${key}`, "content-type": "application/json" };
    const got = await fetch(`${base}/api/v1${place}`, { method, headers: all, body: body && JSON.stringify(body) });
    const text = await got.text();
    assert.equal(got.status, status, `${method} ${place}: ${text}`);
    return JSON.parse(text);
  };
  world.wallet = async () => (await world.ask("GET", "/balances")).wallet;
  world.payments = async () => (await world.ask("GET", "/payments?limit=50")).data;

  // Stripe's own library signs what Stripe calls us with.
  const official = new Stripe(KEY);
  world.call = async (payload, { secret = SECRET, timestamp = now(), after = (body) => body } = {}) => {
    const header = official.webhooks.generateTestHeaderString({ payload, secret, timestamp });
    const got = await fetch(`${base}/hooks/stripe`, { method: "POST", headers: { "stripe-signature": header, "content-type": "application/json" }, body: after(payload) });
    return got.status;
  };
  await world.run("workspace", "create", "Acme Homes", "--zone", "America/New_York");
  const { key } = await world.run("key", "create", "--name", "judge");
  return world;
};

// A judge who lets everything pass is none.
const strict = async ({ stripe }) => {
  for (const [place, body, why] of [
    ["/v1/payment_intents", "amount=500&currency=usd&colour=red", /additional properties/],
    ["/v1/payment_intents", "amount=much&currency=usd", /integer/],
    ["/v1/payment_intents", "amount=500", /currency/],
    ["/v1/checkout/sessions", "mode=payment&success_url=x&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit]=5", /additional properties|anyOf/],
    ["/v1/charge_cards", "amount=500", /no operation/],
  ]) {
    const headers = { authorization: `Bearer ${KEY}`, "stripe-version": "2024-06-20", "content-type": "application/x-www-form-urlencoded" };
    const got = await fetch(`${stripe.address}${place}`, { method: "POST", headers, body });
    assert.equal(got.status, 400, `${place} ${body}`);
    assert.match(stripe.refused.pop(), why);
  }
  stripe.asked.length = 0;
};

const story = async (world) => {
  const { stripe, ask, below, until, wallet } = world;
  const call = (type, object, options) => world.call(stripe.event(type, object), options);
  const payment = async (id) => (await world.payments()).find((one) => one.id === id);
  await world.start();
  const cents = 500 + below(5000);
  const micros = cents * 10_000;
  const begun = await ask("POST", "/payments", { amount_micros: micros, keep_card: true });
  const [session] = Object.values(stripe.sessions);
  const { page, form } = session;
  assert.equal(begun.url, page.url);
  assert.deepEqual([page.amount_total, page.client_reference_id], [cents, begun.payment.id]);
  assert.equal(form.payment_intent_data.setup_future_usage, "off_session");

  const top = stripe.pays(session);
  const now = Math.floor(Date.now() / 1000);
  for (const forged of [{ secret: "whsec_other" }, { timestamp: now - 600 }, { after: (body) => `${body} ` }]) assert.equal(await call("checkout.session.completed", page, forged), 403);
  assert.equal(await wallet(), 0);
  for (let nth = 0; nth < 3; nth++) assert.equal(await call("checkout.session.completed", page), 204);
  assert.equal(await call("payment_intent.succeeded", folded(top, [])), 204);
  await until("the money", 20, async () => (await payment(begun.payment.id)).state === "paid");
  assert.equal(await wallet(), micros);
  assert.equal((await payment(begun.payment.id)).receipt_url, top.latest_charge.receipt_url);
  const card = await ask("GET", "/card");
  assert.deepEqual([card.brand, card.last_four, card.expires_year, card.expires_month], ["visa", "4242", 2031, 4]);

  // Nobody is there: the card is charged by itself, once. A server that starts looks at once whether it has to be.
  const uses = { auto_recharge: { below_micros: micros + 10_000, amount_micros: 7_000_000, most_micros: 7_000_000 } };
  await ask("PUT", "/card", uses);
  await world.start(0, "SIGTERM");
  await until("the recharge", 90, async () => (await wallet()) === micros + 7_000_000);
  assert.equal(stripe.times(CHARGE), 1);
  const charged = stripe.paid().find((one) => one.amount === 700);
  assert.deepEqual([charged.customer, charged.payment_method], [top.customer, top.payment_method.id]);

  // Money that goes back: a part by a refund, the rest of it as the bank disputes it.
  top.latest_charge.amount_refunded = 200;
  assert.equal(await call("charge.refunded", top.latest_charge), 204);
  await until("the refund", 20, async () => (await payment(begun.payment.id)).refunded_micros === 2_000_000);
  assert.equal(await wallet(), micros + 5_000_000);
  const dispute = stripe.disputed(charged);
  assert.equal(await call("charge.dispute.created", dispute), 204);
  await until("the dispute", 20, async () => (await wallet()) === micros - 2_000_000);
  assert.ok((await ask("GET", "/card")).stopped_at, "a card whose payment is disputed is charged no more");
  dispute.status = "won";
  assert.equal(await call("charge.dispute.closed", dispute), 204);
  await until("its end", 20, async () => (await wallet()) === micros + 5_000_000);

  // A charge whose answer is lost is made once, and found among the customer's by the server that lost it.
  const wants = (below_micros) => ask("PUT", "/card", { auto_recharge: { below_micros, amount_micros: 8_000_000, most_micros: 50_000_000 } });
  await wants(micros + 6_000_000);
  stripe.trap = { place: CHARGE, when: "made", spring: (asked) => asked.socket.destroy() };
  await world.start(0, "SIGTERM");
  await until("the charge", 90, () => stripe.times(CHARGE) === 2);
  await until("the lost payment", 150, async () => (await wallet()) === micros + 13_000_000);
  assert.equal(stripe.times(CHARGE), 2);
  assert.ok(stripe.times("GET /v1/payment_intents"), "it was looked for");

  // A card that is declined, and then forgotten.
  stripe.declines = true;
  await wants(micros + 14_000_000);
  await world.start(0, "SIGTERM");
  const failed = await until("the decline", 90, async () => (await world.payments()).find((one) => one.state === "failed"));
  assert.deepEqual([failed.failure, failed.kind], ["insufficient_funds", "recharge"]);
  assert.equal(await wallet(), micros + 13_000_000);
  await ask("DELETE", "/card");
  await until("the card's end", 60, () => stripe.detached.includes(top.payment_method.id));
  return "a top-up, a recharge, one whose answer was lost, a refund, a dispute won, a decline and the end of a card were read as described and signed by its library; three forgeries were refused";
};

const lives = canJump ? WORST : [];
const told = async (name, lived, at = account) => {
  const world = await open(name, at);
  if (name === "story") await strict(world);
  try {
    const said = await lived(world);
    assert.deepEqual(world.stripe.refused, []);
    assert.doesNotMatch(world.log(), / ERROR /);
    for (const secret of [KEY, SECRET]) assert.equal(world.log().includes(secret), false, "a secret is in the log");
    return said;
  } catch (error) {
    error.message = `${name}: ${error.message}`;
    throw error;
  }
};
const [said, theirs, ...deaths] = await Promise.all([told("story", story), localstripe && told("localstripe", (world) => another.story(world, SECRET), another.account), ...lives.map((when, nth) => told(`${when} ${nth}`, (world) => life(world, when)))]);
const asked = worlds.filter(({ name }) => name !== "localstripe").flatMap(({ stripe }) => stripe.asked);
console.log(`${asked.length} requests (${[...new Set(asked)].sort().join(", ")}) are as Stripe describes them; ${said}`);
if (localstripe) console.log(theirs);
if (canJump) console.log(`killed ${deaths.reduce((sum, one) => sum + one, 0)} times as they asked Stripe or were called, ${deaths.length} servers charged each card once for each need, and their books had it once`);
else console.log("the deaths of a server are judged on Linux only, where its clock can be set ahead");
process.exit(0);
