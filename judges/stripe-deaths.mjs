// What becomes of money when a server of ours is killed as it asks Stripe for it, or hears of it: it is started again on the same data, Stripe calls
// again what was not answered, and then the customer has paid for each need exactly once, and the books have it exactly once.
//
// `WORST` are the instants at which it dies (`account` in `stripe-api.mjs`). One that dies `soon` does so some milliseconds of the seed after
// Stripe was asked, or after it was called.

import assert from "node:assert/strict";
import { folded } from "./stripe-api.mjs";

export const CHARGE = "POST /v1/payment_intents";
const PAGE = "POST /v1/checkout/sessions";
const PAGES = "GET /v1/checkout/sessions/{session}";
const LOOK = "GET /v1/payment_intents/{intent}";
const SEARCH = "GET /v1/payment_intents";
const DISPUTES = "GET /v1/disputes";
const DETACH = "POST /v1/payment_methods/{payment_method}/detach";
export const WORST = ["arrives", "made", "answered", "soon", "soon", "soon", "soon"];

const [MINUTE, DAY] = [60, 24 * 60 * 60];
/** So long before a month begins its price is charged. */
const BEFORE = 50 * MINUTE;
/** After so long a charge is looked for, and after so long it is given up, or begun anew. */
const [FOUND, GIVEN_UP] = [61, 16 * MINUTE];

/** A workspace's life with a card, whose every step kills the server. Answers how often. */
export const life = async (world, when) => {
  const { stripe, ask, below, call, dead, kill, run, start, until, wallet } = world;
  const told = [];
  let [deaths, paid, gone] = [0, 0, 0];

  const arm = (place) => Object.assign(stripe, { trap: { place, when, after: below(40), pause: below(20), spring: () => kill() } });
  const died = async () => {
    await until("the death", 60, dead);
    deaths++;
  };
  /** Stripe tells it until it is answered. */
  const tell = (payload) => until("an answer to Stripe's call", 60, async () => (await call(payload).catch(() => 0)) === 204);
  /** Stripe tells something, and the server dies of what it asks then, or so. */
  const hears = async (place, ...events) => {
    const calls = events.map(([type, object]) => stripe.event(type, object));
    told.push(...calls);
    if (when === "soon") setTimeout(() => kill(), below(60));
    else arm(place);
    const heard = Promise.all(calls.map(tell));
    await died();
    await start();
    await heard;
  };
  /** What was answered is durable: nothing is waited for. Amounts are in cents. */
  const holds = async (step) => {
    const came = stripe.paid();
    assert.equal(came.reduce((sum, one) => sum + one.amount, 0), paid, `${step}: what the customer paid in all`);
    assert.equal(await wallet(), (paid - gone) * 10_000, `${step}: the wallet`);
    const ours = (await world.payments()).filter((one) => one.state === "paid");
    assert.deepEqual(ours.map((one) => one.id).sort(), came.map((one) => one.metadata.payment).sort(), `${step}: payments`);
    for (const books of ["ledger", "audit"]) assert.equal((await run(books, "verify")).clean, true, `${step}: ${books}`);
  };

  const [topped, again, recharge, refund] = [2000 + below(5000), 500 + below(2000), 500 + below(2000), 100 + below(400)];
  const had = topped + again + recharge - refund;
  const price = Math.floor(had * 0.6);
  const plan = await run("plan", "add", "Month", "--price", (price / 100).toFixed(2));

  // A person tops up. The answer to the first try is lost with the server; the second is told the same page.
  await start();
  const begin = () => ask("POST", "/payments", { amount_micros: topped * 10_000, keep_card: true }, { headers: { "idempotency-key": "once" } });
  arm(PAGE);
  const first = await begin().catch(() => null);
  await died();
  await start();
  const begun = await begin();
  const [session, ...others] = Object.values(stripe.sessions);
  assert.deepEqual(others, [], "one page");
  assert.deepEqual([begun.url, first?.url ?? begun.url, (await world.payments()).length], [session.page.url, begun.url, 1]);

  // The person pays, and the card is kept.
  const top = stripe.pays(session);
  paid = topped;
  await hears(PAGES, ["checkout.session.completed", session.page], ["payment_intent.succeeded", folded(top, [])]);
  await holds("the top-up");
  assert.equal((await ask("GET", "/card")).last_four, "4242");

  // The same customer tops up again, and nobody tells: the server asks for it itself, and dies of that.
  await ask("POST", "/payments", { amount_micros: again * 10_000, keep_card: true });
  stripe.pays(Object.values(stripe.sessions).at(-1));
  paid += again;
  arm(PAGES);
  await start(6 * MINUTE);
  await died();
  await start();
  await until("the other top-up", 60, async () => (await wallet()) === paid * 10_000);
  await holds("the other top-up");

  /** The server charges the card as it starts, and dies of it. Then it is told, or looks for it itself, and dies of that too. */
  const charges = async (kind, cents, later, isTold) => {
    const [before, looks] = [stripe.times(CHARGE), stripe.times(SEARCH)];
    arm(CHARGE);
    await start(later);
    await died();
    paid += cents;
    await start();
    if (isTold && when !== "arrives") await hears(LOOK, ["payment_intent.succeeded", folded(stripe.paid().at(-1), [])]);
    else if ((await world.payments())[0].state === "open") {
      arm(SEARCH);
      await start(FOUND);
      await died();
      await start();
    }
    if (when === "arrives") {
      // Stripe never took it. It is looked for until that is sure, and only then, after a breath, the card is charged.
      await until("a look", 60, () => stripe.times(SEARCH) > looks);
      await start(GIVEN_UP);
      await until("the end of the search", 60, async () => (await world.payments())[0].failure === "not_carried_out");
      assert.equal(stripe.times(CHARGE), before, "nothing is charged while it is looked for");
      await start(GIVEN_UP);
    }
    await until(kind, 60, async () => (await wallet()) === (paid - gone) * 10_000);
    assert.equal((await world.payments())[0].kind, kind);
    await holds(kind);
  };
  await ask("PUT", "/card", { auto_recharge: { below_micros: paid * 10_000 + 1, amount_micros: recharge * 10_000, most_micros: recharge * 10_000 } });
  await charges("recharge", recharge, 0, false);
  await ask("PUT", "/card", { pays_plan: true });

  // Stripe gives a part of the top-up back; then the bank takes the recharge, and gives it back.
  top.latest_charge.amount_refunded = refund;
  gone += refund;
  await hears(LOOK, ["charge.refunded", top.latest_charge]);
  await holds("the refund");
  const disputed = stripe.paid().at(-1);
  const dispute = stripe.disputed(disputed);
  gone += disputed.amount;
  await hears(LOOK, ["charge.dispute.created", dispute]);
  await holds("the dispute");
  dispute.status = "won";
  gone -= disputed.amount;
  await hears(DISPUTES, ["charge.dispute.closed", dispute]);
  await holds("the dispute won");

  // A month of a plan is paid from the wallet; the card pays what the wallet lacks for the next one.
  await ask("POST", "/subscription", { plan: plan.id });
  gone += price;
  await holds("the first month");
  await ask("PUT", "/card", { pays_plan: true });
  const { period } = await ask("GET", "/subscription");
  const month = Math.ceil((Date.parse(period.until) - Date.parse(period.from)) / 1000);
  await charges("plan", 2 * price - had, month - BEFORE, true);
  await start(BEFORE);
  gone += price;
  await until("the second month", 60, async () => (await ask("GET", "/subscription")).period.number === 2);
  await holds("the second month");

  // The card is kept no longer. Whatever Stripe tells again, and however long it goes on, nothing is charged, posted or taken twice.
  arm(DETACH);
  await ask("DELETE", "/card").catch(() => {});
  await died();
  await start();
  await ask("GET", "/card", undefined, { status: 404 });
  await ask("POST", "/subscription/cancel");
  for (const payload of told) await tell(payload);
  const looks = stripe.times(LOOK);
  await start(60 * DAY);
  await until("a look at what was paid", 60, () => stripe.times(LOOK) >= looks + stripe.paid().length);
  await holds("two months later");
  return deaths;
};
