// pg-boss: a job queue on PostgreSQL, in Node.
// Sources: pg-boss, API, "Workers" (batchSize, burstWhenBatchFull, localConcurrency, perJobResults) and "Jobs" (insert for many at once).

import { readFileSync } from "node:fs";
import { PgBoss } from "pg-boss";
import { message, parts } from "./line.mjs";

export const name = "pg-boss";
export const version = JSON.parse(readFileSync(new URL("node_modules/pg-boss/package.json", import.meta.url))).version;

/** `sends`: texts under way at once in a process; a batch is sent all at once. */
export const settings = { processes: 1, batch: 500, concurrency: 2, connections: 10, sends: 32 };

const QUEUE = "send";

function boss(database, options) {
  const boss = new PgBoss({ connectionString: database, application_name: "peer", ...options });
  boss.on("error", (error) => console.error(`pg-boss: ${error.message}`));
  return boss;
}

export async function fill(database, jobs) {
  const filler = boss(database, { supervise: false, schedule: false });
  await filler.start();
  await filler.createQueue(QUEUE);
  for (const part of parts(jobs, 5_000)) await filler.insert(QUEUE, part.map((contact) => ({ data: message(contact, 1) })));
  await filler.stop();
}

export async function work(database, settings, send) {
  const worker = boss(database, { max: settings.connections, schedule: false });
  await worker.start();
  const options = {
    batchSize: settings.batch,
    localConcurrency: settings.concurrency,
    pollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
    // Each job for itself: without it one text that fails would send the whole batch again.
    perJobResults: true,
  };
  await worker.work(QUEUE, options, (jobs) =>
    Promise.all(
      jobs.map(async (job) => {
        try {
          await send(job.data);
          return { id: job.id, status: "completed" };
        } catch (error) {
          return { id: job.id, status: "failed", output: { message: error.message } };
        }
      }),
    ),
  );
  return () => worker.stop({ graceful: true });
}
