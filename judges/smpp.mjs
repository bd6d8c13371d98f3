// An SMSC made of the npm package `smpp`, another's reading of SMPP 3.4, as a judge of our adapter.
//
// Texts, long texts in every alphabet, receipts, replies in four forms, throttling, refusals, a link that breaks in mid-window, enquiries both
// ways and the farewell: what the package reads is what was handed over, and what we read is what the package wrote.
//
// node smpp.mjs ADAPTER [SEED]

import { spawn } from "node:child_process";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import events from "node:events";
import readline from "node:readline";
import smpp from "smpp";

const [program, seed = String(Date.now())] = process.argv.slice(2);
const [OURS, THEIRS] = ["12125550100", "13055550123"];
const ACCOUNT = { system_id: "acme", password: "secret12" };
const TEXTS = 60;

console.log(`smpp, seed ${seed}`);
let state = `smpp ${seed}`;
/** A number below `end`, from the seed. */
const below = (end) => {
  state = crypto.createHash("sha256").update(state).digest("hex");
  return parseInt(state.slice(0, 8), 16) % end;
};
const pick = (list) => list[below(list.length)];
const GSM = [..."abcXYZ 019 .,?!@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ\n¡ÄÖÑÜ§¿äöñüà^{}\\[~]|€"];
const WIDE = [...GSM, ..."ł李дç🏡😀"];
/** A text of so many characters. */
const words = (letters, length) => Array.from({ length }, () => pick(letters)).join("");

/** The SMSC: what came, and what is done with the next texts. */
const seen = { came: [], fates: [], enquiries: 0, unbinds: 0, binds: 0 };
const news = new events.EventEmitter();
let link;
let lastId = 0xa000;

const server = smpp.createServer({}, (session) => {
  session.on("error", () => {});
  const lets_in = (pdu) => pdu.system_id === ACCOUNT.system_id && pdu.password === ACCOUNT.password;
  const bind = (pdu, is_kept) => {
    if (!lets_in(pdu)) return session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
    assert.equal(pdu.interface_version, 0x34);
    session.send(pdu.response({ system_id: "judge" }));
    if (is_kept) [link, seen.binds] = [session, seen.binds + 1];
    news.emit("news");
  };
  session.on("bind_transceiver", (pdu) => bind(pdu, true));
  session.on("bind_transmitter", (pdu) => bind(pdu, false));
  session.on("submit_sm", (pdu) => {
    const fate = seen.fates.shift();
    if (fate === "break") return session.destroy();
    if (fate) return session.send(pdu.response({ command_status: fate }));
    const id = (++lastId).toString(16).toUpperCase();
    seen.came.push({ pdu, id });
    session.send(pdu.response({ message_id: id }));
    news.emit("news");
  });
  session.on("enquire_link", (pdu) => {
    seen.enquiries += 1;
    session.send(pdu.response());
    news.emit("news");
  });
  session.on("unbind", (pdu) => {
    seen.unbinds += 1;
    session.send(pdu.response());
    news.emit("news");
  });
});

/** Waits for something that the SMSC or the adapter tells. */
async function until(what, found) {
  const limit = AbortSignal.timeout(30_000);
  for (;;) {
    const value = found();
    if (value) return value;
    await events.once(news, "news", { signal: limit }).catch(() => assert.fail(`it never came: ${what}`));
  }
}

/** The adapter under some settings, with what it told. */
function adapter(settings) {
  const child = spawn(program, ["smpp", JSON.stringify(settings)], { stdio: ["pipe", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  const told = [];
  readline.createInterface({ input: child.stdout }).on("line", (line) => {
    told.push(JSON.parse(line));
    news.emit("news");
  });
  let attempt = 32;
  return {
    told,
    /** Hands texts over, all at once; what became of each. */
    async send(bodies) {
      const attempts = bodies.map(() => (attempt += 32));
      bodies.forEach((body, nth) => {
        child.stdin.write(`${JSON.stringify({ attempt: attempts[nth], from: `+${OURS}`, to: `+${THEIRS}`, body })}\n`);
      });
      const said = (wanted) => told.find((one) => one.attempt === wanted)?.said;
      await until("an outcome for each text", () => attempts.every(said));
      return attempts.map(said);
    },
    async end() {
      child.stdin.end();
      await events.once(child, "exit");
    },
  };
}

/** What a handset shows of the texts that came since: parts put together. */
function shown(came) {
  const parts = new Map();
  const texts = [];
  for (const { pdu, id } of came) {
    const { udh, message } = pdu.short_message;
    if (!udh) {
      texts.push({ text: message, ids: [id], wants: [pdu.registered_delivery] });
      continue;
    }
    const [element] = Array.isArray(udh) ? udh : [udh];
    const bytes = [...element];
    const [reference, count, number] = bytes.slice(bytes.length - 3);
    const all = parts.get(reference) ?? { list: [], ids: [], wants: [] };
    parts.set(reference, all);
    all.list[number - 1] = message;
    all.ids.push(id);
    all.wants.push(pdu.registered_delivery);
    if (all.ids.length === count) {
      texts.push({ text: all.list.join(""), ids: all.ids, wants: all.wants });
      parts.delete(reference);
    }
  }
  assert.equal(parts.size, 0, "a part is missing");
  return texts;
}

async function texts(ours) {
  const lengths = [1, 69, 70, 71, 134, 153, 160, 161, 306, 307, 400];
  const different = new Set();
  while (different.size < TEXTS) different.add(words(pick([GSM, GSM, WIDE]), pick(lengths)));
  const bodies = [...different];
  const outcomes = await ours.send(bodies);
  const arrived = shown(seen.came);
  for (const [nth, body] of bodies.entries()) {
    const text = arrived.find((one) => one.text === body);
    assert.ok(text, `the package reads another text than ${JSON.stringify(body)}`);
    assert.equal(outcomes[nth].outcome, "accepted");
    assert.equal(outcomes[nth].id, text.ids.at(-1), "a text is known by its last part");
    assert.equal(outcomes[nth].segments, text.ids.length);
    assert.deepEqual(text.wants, text.ids.map((_, part) => Number(part + 1 === text.ids.length)));
  }
  assert.equal(arrived.length, bodies.length);
  for (const { pdu } of seen.came) {
    assert.deepEqual([pdu.source_addr, pdu.destination_addr], [OURS, THEIRS]);
    assert.deepEqual([pdu.source_addr_ton, pdu.source_addr_npi, pdu.dest_addr_ton, pdu.dest_addr_npi], [1, 1, 1, 1]);
    assert.equal(typeof pdu.user_message_reference, "number");
  }
  return seen.came.length;
}

/**
 * Delivers to the adapter; the status of its answer. Left to itself the package writes septets of GSM 03.38 under data coding 1, which the
 * standard gives to ASCII: that is its own reading, so it is told to write 0.
 */
const deliver = (fields) =>
  new Promise((resolve) => {
    const pdu = { data_coding: 0, source_addr: THEIRS, source_addr_ton: 1, source_addr_npi: 1, destination_addr: OURS, dest_addr_ton: 1, dest_addr_npi: 1 };
    link.deliver_sm({ ...pdu, ...fields }, (answer) => resolve(answer.command_status));
  });

async function receipts(ours) {
  const esm_class = smpp.ESM_CLASS.MC_DELIVERY_RECEIPT;
  const id = seen.came[0].id;
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611241500 done date:2611241501 stat:DELIVRD err:000 text:Hi`;
  assert.equal(await deliver({ esm_class, short_message: text }), 0);
  const by_parameters = { esm_class, receipted_message_id: seen.came[1].id, message_state: smpp.MESSAGE_STATE.UNDELIVERABLE };
  assert.equal(await deliver({ ...by_parameters, short_message: "" }), 0);
  const told = () => ours.told.flatMap((one) => one.receipt ?? []);
  await until("the receipts", () => told().length >= 2);
  assert.deepEqual(told().map((one) => [one.carrier_id, one.state, one.from]), [
    [id, "delivered", `+${OURS}`],
    [seen.came[1].id, "undelivered", `+${OURS}`],
  ]);
}

async function replies(ours) {
  const long = words(GSM, 200);
  const udh = (bytes, message) => ({ esm_class: 0x40, short_message: { udh: Buffer.from(bytes), message } });
  const sar = (number, message) => ({ sar_msg_ref_num: 513, sar_total_segments: 2, sar_segment_seqnum: number, short_message: message });
  // One byte for each character, so that it can be cut anywhere.
  const plain = words(GSM.slice(0, 12), 200);
  const bodies = [words(GSM, 40), `${words(WIDE, 30)}李`, plain, `${plain}!`, `${plain}?`, long];
  assert.equal(await deliver({ short_message: bodies[0] }), 0);
  assert.equal(await deliver({ short_message: { message: bodies[1] }, data_coding: 8 }), 0);
  assert.equal(await deliver(udh([5, 0, 3, 9, 2, 2], plain.slice(100))), 0);
  assert.equal(await deliver(udh([5, 0, 3, 9, 2, 1], plain.slice(0, 100))), 0);
  assert.equal(await deliver(udh([6, 8, 4, 1, 2, 2, 1], plain.slice(0, 90))), 0);
  assert.equal(await deliver(udh([6, 8, 4, 1, 2, 2, 2], `${plain.slice(90)}!`)), 0);
  assert.equal(await deliver(sar(1, plain.slice(0, 120))), 0);
  assert.equal(await deliver(sar(2, `${plain.slice(120)}?`)), 0);
  assert.equal(await deliver({ short_message: "", message_payload: { message: long } }), 0);
  const told = () => ours.told.flatMap((one) => one.inbound ?? []);
  await until("the replies", () => told().length >= bodies.length);
  assert.deepEqual(told().map((one) => one.body), bodies);
  assert.ok(told().every((one) => one.from === `+${THEIRS}` && one.to === `+${OURS}`));
  assert.equal(ours.told.filter((one) => one.strange).length, 0);
}

async function trouble(ours) {
  seen.fates.push(smpp.ESME_RTHROTTLED);
  assert.deepEqual((await ours.send(["Hi"]))[0], { outcome: "temporary", code: "0x00000058" });
  seen.fates.push(smpp.ESME_RINVDSTADR);
  assert.deepEqual((await ours.send(["Hi"]))[0], { outcome: "permanent", code: "0x0000000B" });
  seen.fates.push("break");
  const binds = seen.binds;
  assert.equal((await ours.send(["Hi"]))[0].outcome, "in doubt");
  await until("a new link", () => seen.binds > binds);
  await new Promise((resolve) => link.enquire_link(resolve));
  assert.equal((await ours.send(["Hi"]))[0].outcome, "accepted");
  // What is confirmed has to be proved: the adapter asks.
  const before = seen.enquiries;
  assert.equal(await deliver({ short_message: "One more" }), 0);
  await until("an enquiry", () => seen.enquiries > before);
}

server.listen(0, "127.0.0.1");
await events.once(server, "listening");
const settings = { host: "127.0.0.1", port: String(server.address().port), ...ACCOUNT };
const stranger = adapter({ ...settings, password: "wrong" });
await until("a check", () => stranger.told.length > 0);
assert.match(stranger.told[0].check, /^Refused .*password/, "wrong credentials were taken");
await stranger.end();
assert.equal(seen.binds, 0);
const ours = adapter(settings);
await until("a link", () => link);
assert.equal(ours.told[0].check, "Works");
const parts = await texts(ours);
await receipts(ours);
await replies(ours);
await trouble(ours);
const unbinds = seen.unbinds;
await ours.end();
assert.equal(seen.unbinds, unbinds + 1, "it leaves without farewell");
console.log(`the package read ${TEXTS} texts in ${parts} parts, and was read: receipts, replies in six forms, throttling, a broken link`);
server.close();
process.exit(0);
