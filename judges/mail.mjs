// Another's mail server and another's reader of mails as judges of the e-mails that a real server sends.
//
// For each way to speak to a mail server (STARTTLS, TLS at once; both with a password) a server is started on a fresh database. The balance of its workspace is
// low; the mails arrive at Nodemailer's SMTP server, which puts one recipient off and refuses another, and are read by its MailParser.
// A server that lacks the password, and one that does not trust the certificate, hand over nothing.
//
// node mail.mjs PROGRAM [SEED]

import { execFileSync, spawn } from "node:child_process";
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

const [program, seed = String(Date.now())] = process.argv.slice(2);
console.log(`mail, seed ${seed}`);
const below = (end) => crypto.createHash("sha256").update(`mail ${seed}`).digest().readUInt32BE() % end;
/** Names that have gone wrong in headers elsewhere. */
const NAME = [
  "Käse & Söhne 🏡",
  '"Quoted", <x@example.com>; (c)',
  "=?utf-8?q?A=0D=0ABcc:_x@example.com?=",
  "Bcc: x@example.com",
  `Long ${"ł€ word ".repeat(9)}`.trim(),
][below(5)];
/** What stands for it in a subject: nothing there is an encoded word but what we encode. */
const SHOWN = NAME.replaceAll("=?", "= ?");
const PASSWORD = "p@ss/wörd:+%&";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dripline-mail-"));
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill();
  fs.rmSync(folder, { recursive: true, force: true });
});
const at = (name) => path.join(folder, name);
const openssl = (...args) => execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "ignore"] });
openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Judge", "-keyout", "ca.key", "-out", "ca.pem");
openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", "own.key", "-out", "own.csr");
fs.writeFileSync(at("own.ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n");
openssl("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "own.ext", "-out", "own.pem");

const until = async (what, seconds, holds) => {
  for (let nth = 0; nth < seconds * 10; nth++) {
    const value = await holds();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`it never came: ${what}`);
};
const free = () =>
  new Promise((done) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });

/** A mail server: what it took, whom it was asked for, and who signed in how. */
const sink = async (secure) => {
  const seen = { mails: [], asked: [], logins: [], plain: 0 };
  const server = new SMTPServer({
    secure,
    key: fs.readFileSync(at("own.key")),
    cert: fs.readFileSync(at("own.pem")),
    hidePIPELINING: true,
    onAuth({ username, password, method }, session, done) {
      seen.logins.push({ method, secure: session.secure });
      done(...(username === "me@example.com" && password === PASSWORD ? [null, { user: username }] : [new Error("wrong password")]));
    },
    onRcptTo({ address }, session, done) {
      if (!session.secure) seen.plain++;
      const nth = seen.asked.filter((one) => one === address).length;
      seen.asked.push(address);
      const refusal = { "gone@example.com": 550, "grey@example.com": nth === 0 ? 451 : 0 }[address];
      done(refusal ? Object.assign(new Error("no"), { responseCode: refusal }) : null);
    },
    onData(stream, session, done) {
      const chunks = [];
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("end", () => {
        seen.mails.push({ raw: Buffer.concat(chunks), from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((one) => one.address) });
        done();
      });
    },
  });
  server.on("error", () => {});
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { ...seen, port: server.server.address().port, seen };
};

/** A server of ours whose balance is low, with three people who lead it and one who does not. */
const ours = async (name, url, certificates) => {
  const config = ["--data", at(name)];
  const run = (...args) => execFileSync(program, [...args, ...config, "--json"], { encoding: "utf8" });
  run("workspace", "create", NAME, "--zone", "America/New_York");
  const key = JSON.parse(run("key", "create", "--name", "judge")).key;
  const port = await free();
  const log = fs.openSync(at(`${name}.log`), "w");
  const env = { ...process.env, DRIPLINE_SMTP_URL: url, SSL_CERT_FILE: certificates };
  const args = ["serve", ...config, "--listen", `127.0.0.1:${port}`, "--public-url", "https://texts.example.com", "--smtp-from", "Dripline Ü <no-reply@example.com>"];
  children.push(spawn(program, args, { stdio: ["ignore", log, log], env }));
  await until("the server", 60, () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false));
  const ask = async (method, place, body) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1${place}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${method} ${place}: ${text}`);
    return JSON.parse(text);
  };
  for (const [who, role] of [["boss", "owner"], ["grey", "admin"], ["gone", "admin"], ["agent", "agent"]]) {
    await ask("POST", "/users", { email: `${who}@example.com`, name: who, role, password: "long enough for all" });
  }
  assert.equal((await ask("GET", "/balance-notice")).email_is_set_up, true);
  await ask("PUT", "/balance-notice", { below_micros: 5_000_000, email: true });
  const metric = async (became) => {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(page.match(new RegExp(`dripline_mails_total\\{became="${became}"\\} (\\d+)`))[1]);
  };
  return { ask, metric, log: () => fs.readFileSync(at(`${name}.log`), "utf8") };
};

const login = `me%40example.com:${encodeURIComponent(PASSWORD)}`;
const [starttls, tls] = [await sink(false), await sink(true)];
const good = [
  [starttls, await ours("starttls", `smtp://${login}@localhost:${starttls.port}`, at("ca.pem"))],
  [tls, await ours("tls", `smtps://${login}@localhost:${tls.port}`, at("ca.pem"))],
];
const [locked, strange] = [await sink(false), await sink(true)];
openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Other", "-keyout", "other.key", "-out", "other.pem");
const bad = [
  [locked, await ours("locked", `smtp://me%40example.com:wrong-secret@localhost:${locked.port}`, at("ca.pem"))],
  [strange, await ours("strange", `smtps://${login}@localhost:${strange.port}`, at("other.pem"))],
];

for (const [{ seen }, server] of good) {
  await until("the mails", 150, () => seen.mails.length === 2);
  await until("the count", 30, async () => (await server.metric("sent")) === 2);
  assert.deepEqual([await server.metric("refused"), await server.metric("again")], [1, 1]);
  assert.deepEqual([...seen.asked].sort(), ["boss@example.com", "gone@example.com", "grey@example.com", "grey@example.com"]);
  assert.ok(seen.logins.length >= 4 && seen.logins.every((one) => one.secure && ["PLAIN", "LOGIN"].includes(one.method)), JSON.stringify(seen.logins));
  assert.equal(seen.plain, 0);
  assert.deepEqual(seen.mails.map((mail) => mail.to[0]).sort(), ["boss@example.com", "grey@example.com"]);
  const event = (await server.ask("GET", "/events?limit=200")).data.find((one) => one.kind === "balance.low");
  assert.equal(event.facts.mails, 3);
  for (const mail of seen.mails) {
    const read = await simpleParser(mail.raw);
    assert.equal(mail.from, "no-reply@example.com");
    assert.equal(mail.to.length, 1);
    assert.equal(read.subject, `${SHOWN}: $0.00 left in the wallet`);
    assert.deepEqual([read.from.value[0].name, read.from.value[0].address], ["Dripline Ü", "no-reply@example.com"]);
    assert.deepEqual([read.to.value.map((one) => one.address), read.cc, read.bcc, read.attachments.length], [mail.to, undefined, undefined, 0]);
    assert.match(read.messageId, new RegExp(`^<${event.id}\\.usr_[0-9a-z]+@example\\.com>$`));
    assert.equal(read.headers.get("auto-submitted"), "auto-generated");
    assert.ok(Math.abs(read.date - new Date(event.at)) < 2000, `${read.date} ${event.at}`);
    assert.ok(read.text.includes(`The wallet of ${NAME} is below $5.00: $0.00`), read.text);
    assert.ok(read.text.includes("https://texts.example.com/billing/notice"), read.text);
    assert.equal(mail.raw.every((byte) => byte < 128), true, "needs no 8BITMIME");
  }
}
for (const [{ seen }, server] of bad) {
  await until("the log", 150, () => server.log().includes("the mail server cannot be used"));
  assert.deepEqual([seen.mails, seen.asked], [[], []]);
  assert.equal(await server.metric("sent"), 0);
}
for (const [, server] of [...good, ...bad]) {
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), "wrong-secret"]) assert.equal(server.log().includes(secret), false, "a password is in the log");
}
console.log("smtp-server took 4 mails over STARTTLS and TLS with a password, each tried again or dropped as it said; MailParser reads what was meant; without password or trust nothing was handed over");
process.exit(0);
