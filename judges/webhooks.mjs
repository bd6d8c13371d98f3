// The reference library of Standard Webhooks as judge of the webhooks that a real server calls.
//
// A server is started on a fresh database with a workspace of its own; things happen in it through the API; each call that comes is verified by the
// library as a receiver would, and a call that was changed on its way is refused. After a rotation both secrets verify.
//
// node webhooks.mjs PROGRAM [SEED]

import { execFileSync, spawn } from "node:child_process";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { Webhook } from "standardwebhooks";

const [program, seed = String(Date.now())] = process.argv.slice(2);
const CONTACTS = 25;
console.log(`webhooks, seed ${seed}`);

let state = `webhooks ${seed}`;
/** A number below `end`, from the seed. */
const below = (end) => {
  state = crypto.createHash("sha256").update(state).digest("hex");
  return parseInt(state.slice(0, 8), 16) % end;
};
const word = () => Array.from({ length: 1 + below(30) }, () => [..."abc 019?&=+%#€ł李🏡\"'{}\\"][below(20)]).join("").trim() || "Hi";

/** Waits until something holds. */
const until = async (what, holds) => {
  for (let nth = 0; nth < 1200; nth++) {
    const value = await holds();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`it never came: ${what}`);
};

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dripline-webhooks-"));
const config = ["--data", folder];
const run = (...args) => execFileSync(program, [...args, ...config, "--json"], { encoding: "utf8" });
run("workspace", "create", "Judge", "--zone", "America/New_York");
const key = JSON.parse(run("key", "create", "--name", "judge")).key;

const free = await new Promise((done) => {
  const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});
const server = spawn(program, ["serve", ...config, "--listen", `127.0.0.1:${free}`, "--webhook-networks", "127.0.0.1", "--log-level", "warn"], {
  stdio: ["ignore", "ignore", "inherit"],
});
process.on("exit", () => {
  server.kill();
  fs.rmSync(folder, { recursive: true, force: true });
});
const base = `http://127.0.0.1:${free}/api/v1`;
await until("the server", () => fetch(`http://127.0.0.1:${free}/healthz`).then((answer) => answer.ok, () => false));
const ask = async (method, place, body) => {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(base + place, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.equal(answer.status, 200, `${method} ${place}: ${text}`);
  return JSON.parse(text);
};

const calls = [];
/** How often each event was told, and which of them were refused the first time. */
const times = new Map();
const refused = new Set();
const sink = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    calls.push({ headers: request.headers, body: Buffer.concat(chunks) });
    const event = request.headers["webhook-id"];
    const nth = (times.get(event) ?? 0) + 1;
    times.set(event, nth);
    // Once, because a third try is five minutes away.
    if (nth === 1 && times.size % 7 === 3) refused.add(event);
    response.writeHead(nth === 1 && refused.has(event) ? 500 : 204).end();
  });
});
await new Promise((done) => sink.listen(0, "127.0.0.1", done));
const { id, secret } = await ask("POST", "/webhooks", { url: `http://127.0.0.1:${sink.address().port}/hooks`, description: "judge" });
const first = new Webhook(secret);

for (let nth = 0; nth < CONTACTS; nth++) {
  const phone = `+1212555${String(1000 + nth)}`;
  const contact = await ask("POST", "/contacts", { phone, name: word(), fields: { "First Name": word() } });
  await ask("PATCH", `/contacts/${contact.id}`, { fields: { "First Name": word() } });
}
const history = async () => (await ask("GET", "/events?limit=200")).data;
const owed = (await history()).slice((await history()).findIndex((event) => event.kind === "webhook.added"));
await until("every event", () => owed.every(({ id }) => times.get(id) >= (refused.has(id) ? 2 : 1)));

/** What the library says of a call. */
const verifies = (webhook, { headers, body }) => {
  try {
    return Boolean(webhook.verify(body.toString("utf8"), headers));
  } catch {
    return false;
  }
};
let spoilt = 0;
for (const call of calls) {
  const told = first.verify(call.body.toString("utf8"), call.headers);
  assert.deepEqual(told.data, owed.find((event) => event.id === told.data.id) ?? told.data);
  assert.equal(told.type, told.data.kind);
  const signature = call.headers["webhook-signature"];
  const at = 3 + below(signature.length - 6);
  for (const other of [
    { ...call, body: Buffer.concat([call.body, Buffer.from(" ")]) },
    { ...call, headers: { ...call.headers, "webhook-id": `${call.headers["webhook-id"]}0` } },
    { ...call, headers: { ...call.headers, "webhook-timestamp": String(Number(call.headers["webhook-timestamp"]) - 1) } },
    { ...call, headers: { ...call.headers, "webhook-signature": signature.slice(0, at) + (signature[at] === "A" ? "B" : "A") + signature.slice(at + 1) } },
  ]) {
    assert.equal(verifies(first, other), false, JSON.stringify(other));
    spoilt++;
  }
}

const rotated = new Webhook((await ask("POST", `/webhooks/${id}/secret`, {})).secret);
const { event } = await ask("POST", `/webhooks/${id}/test`, {});
const test = await until("the test", () => calls.find((call) => call.headers["webhook-id"] === event));
assert.ok(verifies(first, test) && verifies(rotated, test), "both secrets verify after a rotation");
assert.equal(verifies(new Webhook(`whsec_${crypto.randomBytes(32).toString("base64")}`), test), false);
const repeats = calls.length - times.size;
console.log(`standardwebhooks verified ${calls.length} calls (${repeats} of them repeats), refused ${spoilt} spoilt ones, and takes both secrets after a rotation`);
process.exit(0);
