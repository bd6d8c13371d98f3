// The carriers' official clients as judges.
//
// 1. Each sends through the exchange that stands for the carriers in our tests, searches there, and is refused with wrong credentials:
//    so the exchange speaks as its carrier does, as far as the client can tell.
// 2. What the exchange then calls is signed as the client's own check wants it.
// 3. On those calls and on fresh random ones, sound and spoilt, `dripline carrier verify` says what the client's check says.
//
// node judge.mjs PROGRAM EXCHANGE [SEED]

import { spawn, execFileSync } from "node:child_process";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import readline from "node:readline";
import bandwidth from "bandwidth-sdk";
import plivo from "plivo";
import twilio from "twilio";
import { Auth } from "@vonage/auth";
import { verifySignature } from "@vonage/jwt";
import { Messages } from "@vonage/messages";
import { Telnyx } from "telnyx";

const [program, exchange, seed = String(Date.now())] = process.argv.slice(2);
const ROUNDS = 150;
const THEIRS = "+13055550123";
console.log(`seed ${seed}`);

let state = seed;
/** A number below `end`, from the seed. */
const below = (end) => {
  state = crypto.createHash("sha256").update(state).digest("hex");
  return parseInt(state.slice(0, 8), 16) % end;
};
const pick = (list) => list[below(list.length)];
const word = () => Array.from({ length: below(12) }, () => pick([..."abcXYZ09 &=+%?#/;:é李🏡\"'\n~"])).join("");

const child = spawn(exchange, { stdio: ["pipe", "pipe", "inherit"] });
const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const line = async () => JSON.parse((await lines.next()).value);
const { address, accounts } = await line();
const due = async () => {
  child.stdin.write("\n");
  return line();
};

class Here extends twilio.RequestClient {
  request(options) {
    return super.request({ ...options, uri: options.uri.replace("https://api.twilio.com", address) });
  }
}

/** How each client sends; `secret` stands in for the right one. Answers the carrier's identifier. */
const senders = {
  async twilio({ typed, number, callbacks }, token = typed.token) {
    const client = twilio(typed.account, token, { httpClient: new Here() });
    const sent = await client.messages.create({ to: THEIRS, from: number, body: "Hi Ann", statusCallback: `${callbacks}?a=1` });
    const listed = await client.messages.list({ to: THEIRS, from: number, limit: 20 });
    assert.deepEqual(listed.map((one) => [one.sid, one.body]), [[sent.sid, "Hi Ann"]]);
    return sent.sid;
  },
  async telnyx({ typed, number, callbacks }, key = typed.key) {
    const client = new Telnyx({ apiKey: key, baseURL: `${address}/v2`, maxRetries: 0 });
    const sent = await client.messages.send({ from: number, to: THEIRS, text: "Hi Ann", webhook_url: callbacks, tags: ["a"] });
    return sent.data.id;
  },
  async bandwidth({ typed, number }, password = typed.password) {
    const config = new bandwidth.Configuration({ username: typed.user, password, basePath: `${address}/api/v2` });
    const api = new bandwidth.MessagesApi(config);
    const message = { applicationId: typed.application, to: [THEIRS], from: number, text: "Hi Ann", tag: "a" };
    const sent = await api.createMessage(typed.account, message);
    assert.equal(sent.status, 202);
    const listed = await api.listMessages(typed.account, undefined, number, THEIRS);
    assert.deepEqual(listed.data.messages.map((one) => one.messageId), [sent.data.id]);
    return sent.data.id;
  },
  async plivo({ typed, number, callbacks }, token = typed.token) {
    const client = new plivo.Client(typed.id, token, { url: `${address}/v1/Account/${typed.id}` });
    const sent = await client.messages.create(number.slice(1), THEIRS.slice(1), "Hi Ann", { url: callbacks, method: "POST" });
    return sent.messageUuid[0];
  },
  async vonage({ typed, number, callbacks }, secret = typed.secret) {
    const messages = new Messages(new Auth({ apiKey: typed.key, apiSecret: secret }), { apiHost: address });
    messages.authType = "basic";
    const text = { messageType: "text", channel: "sms", to: THEIRS.slice(1), from: number.slice(1), text: "Hi Ann" };
    return (await messages.send({ ...text, clientRef: "a", webhookUrl: callbacks })).messageUUID;
  },
};

/** The check of each client. */
const judges = {
  twilio: ({ url, headers, body }, { token }) =>
    twilio.validateRequest(token, headers["x-twilio-signature"], url, form(body)),
  telnyx: async ({ headers, body }, { public_key: key }) => {
    try {
      await new Telnyx({ apiKey: "x" }).webhooks.unwrap(body, { headers, key });
      return true;
    } catch {
      return false;
    }
  },
  plivo: ({ url, headers, body }, { token }) => {
    const v3 = headers["x-plivo-signature-v3"];
    if (v3) return plivo.validateV3Signature("POST", url, headers["x-plivo-signature-v3-nonce"], token, v3, form(body));
    return plivo.validateSignature(url, headers["x-plivo-signature-v2-nonce"], headers["x-plivo-signature-v2"], token);
  },
  // The client leaves the header and the hash of the body to its user. RFC 9110, 11.1: a scheme is of any case.
  vonage: ({ headers, body }, { signature_secret: secret }) => {
    const token = headers.authorization.replace(/^Bearer /i, "");
    try {
      const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
      return verifySignature(token, secret) && claims.payload_hash === hash(body);
    } catch {
      return false;
    }
  },
  // The client has no check; RFC 7617 has, and takes the scheme in any case.
  bandwidth: ({ headers }, { callback_user: user, callback_password: password }) => {
    const [scheme, pair] = headers.authorization.split(" ");
    return scheme.toLowerCase() === "basic" && pair === Buffer.from(`${user}:${password}`).toString("base64");
  },
};

/** A form's parameters as Express hands them over: a name with several values has a list. */
function form(body) {
  const parameters = {};
  for (const [name, value] of new URLSearchParams(body)) {
    parameters[name] = name in parameters ? [parameters[name], value].flat() : value;
  }
  return parameters;
}

const hash = (text) => crypto.createHash("sha256").update(text).digest("hex");
const hmac = (key, text) => crypto.createHmac("sha256", key).update(text).digest("base64");

/** A fresh call of a carrier with random parameters, signed by its client where that signs, else by hand. */
const fresh = {
  twilio({ typed, callbacks }) {
    const pairs = new URLSearchParams(Array.from({ length: below(6) }, () => [pick(["From", "To", "Body", "a"]), word()]));
    const url = callbacks + pick(["", "?attempt=att_1", "?a=%20b&c=d"]);
    const signature = twilio.getExpectedTwilioSignature(typed.token, url, form(pairs.toString()));
    return { url, headers: { "x-twilio-signature": signature }, body: pairs.toString() };
  },
  telnyx({ seed: key }) {
    const body = JSON.stringify({ data: { id: word(), payload: { text: word() } } });
    const stamp = String(Math.floor(Date.now() / 1000) - pick([0, 10, 200, 400]));
    const signature = crypto.sign(null, Buffer.from(`${stamp}|${body}`), key).toString("base64");
    return { url: "", headers: { "telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp }, body };
  },
  plivo({ typed, callbacks }) {
    const pairs = new URLSearchParams(Array.from({ length: 1 + below(5) }, () => [pick(["From", "To", "Text", "a"]), word()]));
    const [url, nonce] = [callbacks + pick(["", "?attempt=att_1"]), String(below(1e9))];
    const headers = { "x-plivo-signature-v2-nonce": nonce };
    headers["x-plivo-signature-v2"] = hmac(typed.token, callbacks + nonce);
    return { url, headers, body: pairs.toString() };
  },
  vonage({ typed }) {
    const body = JSON.stringify({ message_uuid: word(), text: word() });
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iat: Math.floor(Date.now() / 1000), jti: crypto.randomUUID(), payload_hash: hash(body) };
    const message = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
    const token = `${message}.${Buffer.from(hmac(typed.signature_secret, message), "base64").toString("base64url")}`;
    return { url: "", headers: { authorization: `Bearer ${token}` }, body };
  },
};

/** The same call, or one that something happened to on its way. */
function spoil(call) {
  const spoilt = structuredClone(call);
  const header = pick(Object.keys(call.headers).filter((name) => name !== "content-type"));
  const value = call.headers[header];
  // Not the last letter of a base64 text: some of its bits mean nothing, and only some readers mind.
  const at = below(value.length - 4);
  const ways = [
    () => {},
    () => (spoilt.body += pick(["x", "&x=1", " "])),
    () => (spoilt.headers[header] = value.slice(0, at) + pick([..."Ab9/"]) + value.slice(at + 1)),
    () => (spoilt.url = spoilt.url.replace("secret", "secreT")),
    () => (spoilt.headers[header] = value.slice(0, -1)),
  ];
  pick(ways)();
  return spoilt;
}

/** A call as `dripline carrier verify` reads it. */
function recorded(carrier, { url, headers, body }, typed) {
  const base = { method: "POST", url, raw_body: body, headers, now: Math.floor(Date.now() / 1000) };
  const scheme = headers["x-plivo-signature-v3"] ? "v3" : "v2";
  return {
    twilio: { ...base, auth_token: typed.token },
    telnyx: { ...base, public_key: typed.public_key },
    plivo: { ...base, auth_token: typed.token, scheme },
    vonage: { ...base, signature_secret: typed.signature_secret },
    bandwidth: { ...base, user: typed.callback_user, password: typed.callback_password },
  }[carrier];
}

/** Our verdicts on calls. */
function ours(carrier, calls, typed) {
  const input = calls.map((call) => JSON.stringify(recorded(carrier, call, typed))).join("\n");
  const output = execFileSync(program, ["carrier", "verify", carrier, "--jsonl"], { input, maxBuffer: 1 << 26 });
  return output.toString().trim().split("\n").map((text) => JSON.parse(text));
}

for (const [carrier, account] of Object.entries(accounts)) {
  const id = await senders[carrier](account);
  assert.ok(id, `${carrier}: the client was given no identifier`);
  await assert.rejects(senders[carrier](account, "wrong"), `${carrier}: wrong credentials were taken`);
  const made = (await due()).filter((call) => call.carrier === carrier);
  assert.equal(made.length, 3, `${carrier}: sent, delivered, and an answer`);
  for (const call of made) {
    assert.equal(await judges[carrier](call, account.typed), true, `${carrier}: the exchange signs as its carrier does`);
  }
  const signed = [...made];
  if (fresh[carrier]) {
    const keys = crypto.generateKeyPairSync("ed25519");
    if (carrier === "telnyx") {
      account.seed = keys.privateKey;
      account.typed.public_key = keys.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
    }
    signed.splice(0, carrier === "telnyx" ? 3 : 0);
    for (let nth = 0; nth < ROUNDS; nth++) signed.push(fresh[carrier](account));
  }
  const calls = signed.flatMap((call) => [call, spoil(call), spoil(call)]);
  const [verdicts, theirs] = [ours(carrier, calls, account.typed), []];
  for (const call of calls) theirs.push(Boolean(await judges[carrier](call, account.typed)));
  theirs.forEach((valid, nth) => {
    const said = `${carrier}: the client says ${valid}, we say ${JSON.stringify(verdicts[nth])}`;
    assert.equal(verdicts[nth].valid, valid, `${said} of ${JSON.stringify(calls[nth])}`);
  });
  const good = theirs.filter(Boolean).length;
  console.log(`${carrier}: its client sent and was called; ${good} sound and ${calls.length - good} spoilt calls are judged alike`);
}
child.stdin.end();
