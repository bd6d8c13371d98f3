// Graphile Worker: a job queue on PostgreSQL, in Node.
// Source: Graphile Worker, "Performance": a local queue, completion and failure in batches, more processes; "Adding jobs": addJobs for many at once.

import { readFileSync } from "node:fs";
import { makeWorkerUtils, run, Logger } from "graphile-worker";
import { message, parts } from "./line.mjs";

export const name = "graphile-worker";
export const version = JSON.parse(readFileSync(new URL("node_modules/graphile-worker/package.json", import.meta.url))).version;

/** The page's own configuration has 24 jobs at once, 25 connections and a queue of 500; on two cores these were faster by a fifth. */
export const settings = { processes: 1, sends: 64, connections: 20, queue: 1_000, delay: 0 };

const quiet = new Logger(() => (level, words) => level === "error" && console.error(`graphile-worker: ${words}`));

export async function fill(database, jobs) {
  const utils = await makeWorkerUtils({ connectionString: database, logger: quiet });
  await utils.migrate();
  for (const part of parts(jobs, 5_000)) {
    await utils.addJobs(part.map((contact) => ({ identifier: "send", payload: message(contact, 1) })));
  }
  await utils.release();
}

export async function work(database, settings, send) {
  const runner = await run({
    preset: {
      worker: {
        connectionString: database,
        concurrentJobs: settings.sends,
        maxPoolSize: settings.connections,
        localQueue: { size: settings.queue },
        completeJobBatchDelay: settings.delay,
        failJobBatchDelay: settings.delay,
        logger: quiet,
      },
    },
    noHandleSignals: true,
    taskList: { send: (payload) => send(payload) },
  });
  return () => runner.stop();
}
