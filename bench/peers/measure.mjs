// Measures one peer in Node: puts the backlog in, starts its processes, takes the time until the sink has counted every message.
//
// node measure.mjs NAME, with DRIPLINE_TEST_POSTGRES, DRIPLINE_SINK and DRIPLINE_JOBS: prints one line of JSON; fails unless the sink counted
// exactly that many. DRIPLINE_<SETTING>, such as DRIPLINE_PROCESSES, take the place of a peer's own settings, to look for better ones.
//
// A peer is a module with `name`, `version`, `settings`, `fill(database, jobs, settings)` and `work(database, settings, send)`, which answers a function
// that stops it.

import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fresh } from "./database.mjs";
import { Line } from "./line.mjs";

const LOOK_MS = 20;
/** How long the sink's count may stand still, and how long the processes may take to end. */
const PATIENCE_MS = 60_000;

const need = (name) => process.env[name] ?? fail(`${name} is not set`);
const fail = (words) => {
  console.error(`bench/peers: ${words}`);
  process.exit(1);
};

const name = process.argv[2] ?? fail("which peer? (pg-boss, graphile-worker, dbos)");
const peer = await import(`./${name}.mjs`);
const settings = Object.fromEntries(
  Object.entries(peer.settings).map(([key, value]) => [key, Number(process.env[`DRIPLINE_${key.toUpperCase()}`] ?? value)]),
);

if (process.env.DRIPLINE_WORKER) await worker();
else await measure();

/** One process of the peer: gets ready, waits for the word, works until it is told to stop. */
async function worker() {
  const line = new Line(need("DRIPLINE_SINK"), settings.sends);
  const hear = (word) => new Promise((resolve) => process.on("message", (heard) => heard === word && resolve()));
  const [go, stop] = [hear("go"), hear("stop")];
  process.on("disconnect", () => process.exit(1));
  process.send("ready");
  await go;
  const end = await peer.work(need("DRIPLINE_PEER_DATABASE"), settings, (message) => line.send(message));
  await stop;
  await end();
  process.send("stopped", () => process.exit(0));
}

/** Starts a process and answers how to talk to it. A process that ends by itself ends the run. */
function start(database, place) {
  const environment = { ...process.env, DRIPLINE_WORKER: String(place), DRIPLINE_PEER_DATABASE: database };
  const child = fork(new URL(import.meta.url).pathname, [name], { env: environment, stdio: ["ignore", 2, 2, "ipc"] });
  const words = new Set();
  let ending = false;
  child.on("message", (word) => words.add(word));
  child.on("exit", (code) => ending || words.has("stopped") || fail(`${name}: a process ended with ${code}`));
  const hear = async (word) => {
    while (!words.has(word)) await sleep(5);
  };
  const kill = () => {
    ending = true;
    words.add("stopped");
    child.kill("SIGKILL");
  };
  return { say: (word) => child.send(word), hear, kill };
}

/** Lets all processes end in order and answers when that was; what does not end is killed, and then nobody knows. */
async function stop(workers, started) {
  for (const worker of workers) worker.say("stop");
  const ended = Promise.all(workers.map((worker) => worker.hear("stopped"))).then(() => true);
  if (await Promise.race([ended, sleep(PATIENCE_MS, false, { ref: false })])) return (performance.now() - started) / 1000;
  console.error(`bench/peers: ${name} did not stop in order`);
  for (const worker of workers) worker.kill();
  return null;
}

async function measure() {
  const jobs = Number(need("DRIPLINE_JOBS"));
  const line = new Line(need("DRIPLINE_SINK"), 1);
  const database = await fresh(`peer_${name.replaceAll("-", "_")}`);
  const filling = performance.now();
  await peer.fill(database, jobs, settings);
  const filled = (performance.now() - filling) / 1000;

  const workers = Array.from({ length: settings.processes }, (_, place) => start(database, place + 1));
  await Promise.all(workers.map((worker) => worker.hear("ready")));
  const before = await line.count();
  const started = performance.now();
  for (const worker of workers) worker.say("go");
  let [counted, moved] = [0, started];
  while (counted < jobs) {
    await sleep(LOOK_MS);
    const count = (await line.count()) - before;
    if (count > counted) [counted, moved] = [count, performance.now()];
    else if (performance.now() - moved > PATIENCE_MS) fail(`${name}: the sink has counted ${count} of ${jobs}, and no more for ${PATIENCE_MS / 1000} s`);
  }
  const seconds = (performance.now() - started) / 1000;
  const settled = await stop(workers, started);
  counted = (await line.count()) - before;
  const report = { name: peer.name, version: peer.version, jobs, seconds, per_second: jobs / seconds };
  console.log(JSON.stringify({ ...report, settled_seconds: settled, enqueued_per_second: jobs / filled, settings }));
  await line.close();
  if (counted !== jobs) fail(`${name}: the sink counted ${counted} of ${jobs}`);
}
