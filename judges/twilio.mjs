// Twilio's published description of its API as a judge of our requests, and of the exchange that stands for Twilio in our tests.
//
// Prism stands between our adapter and the exchange and holds every request and every answer against the description: what does not fit is
// answered with an error, which our adapter would take for one.
//
// node twilio.mjs ADAPTER EXCHANGE DESCRIPTION [SEED]

import { spawn } from "node:child_process";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";

const [program, exchange, description, seed = String(Date.now())] = process.argv.slice(2);
const THEIRS = "+13055550123";
const TEXTS = 40;

console.log(`twilio, seed ${seed}`);
let state = `twilio ${seed}`;
/** A number below `end`, from the seed. */
const below = (end) => {
  state = crypto.createHash("sha256").update(state).digest("hex");
  return parseInt(state.slice(0, 8), 16) % end;
};
const words = () => Array.from({ length: 1 + below(400) }, () => [..."abc 019?&=+%#\n€ł李🏡\"'{}"][below(24)]).join("").trim() || "Hi";

/** A program that ends with this one, and its lines. */
function started(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    assert.ok(!done, `${command} ended`);
    return value;
  };
  return { child, next };
}

// The description calls the addresses of pages absolute; its own examples, and Twilio, write them from the root.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "twilio-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));
const read = path.join(folder, "twilio.json");
const mended = JSON.parse(fs.readFileSync(description), (name, value) => {
  if (/_page_uri$/.test(name) && value?.format === "uri") delete value.format;
  return value;
});
fs.writeFileSync(read, JSON.stringify(mended));

const here = started(exchange, []);
const { address, accounts } = JSON.parse(await here.next());
const { typed, number } = accounts.twilio;
const port = await new Promise((resolve) => {
  const free = net.createServer().listen(0, "127.0.0.1", () => {
    const found = free.address().port;
    free.close(() => resolve(found));
  });
});
const prism = started("node_modules/.bin/prism", ["proxy", read, address, "--port", String(port), "--errors"]);
while (!(await prism.next()).includes("Prism is listening"));
const base = `http://127.0.0.1:${port}`;

// A judge who lets everything pass is none.
const ask = (place, body) => {
  const credentials = Buffer.from(`${typed.account}:${typed.token}`).toString("base64");
  const headers = { authorization: `Basic ${credentials}`, "content-type": "application/x-www-form-urlencoded" };
  return fetch(`${base}/2010-04-01/Accounts/${place}`, { method: "POST", headers, body });
};
const from = encodeURIComponent(number);
for (const [place, body] of [
  ["AC1/Messages.json", `To=%2B13055550123&From=${from}&Body=Hi`],
  [`${typed.account}/Messages.json`, `From=${from}&Body=Hi`],
  [`${typed.account}/Messages.json`, `To=%2B13055550123&MessagingServiceSid=7&Body=Hi`],
  [`${typed.account}/Texts.json`, `To=%2B13055550123&From=${from}&Body=Hi`],
]) {
  const answer = await ask(place, body);
  assert.ok(answer.status >= 400 && answer.headers.get("content-type").includes("problem+json"), `${place} ${body}: ${answer.status}`);
}

const adapter = started(program, ["twilio", JSON.stringify(typed), base]);
const account = JSON.parse(await adapter.next());
assert.equal(account.check, "Works");
const bodies = Array.from({ length: TEXTS }, words);
for (const [nth, body] of bodies.entries()) {
  adapter.child.stdin.write(`${JSON.stringify({ attempt: 32 * (nth + 1), from: number, to: THEIRS, body })}\n`);
  const { said, found } = JSON.parse(await adapter.next());
  assert.equal(said.outcome, "accepted", `${JSON.stringify(body)}: ${JSON.stringify(said)}`);
  assert.match(found, /^Sent|several texts/, `it was looked for: ${found}`);
}
console.log(`${TEXTS} texts, as many searches, a check and a question for numbers are as Twilio describes them, and so are the answers`);
process.exit(0);
