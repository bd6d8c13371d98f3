// DBOS Transact: durable execution on PostgreSQL, in Node. A message is a workflow with one step, taken from a queue.
// Sources: DBOS, TypeScript, "Queues & Concurrency" (workerConcurrency, minPollingIntervalMs), "Reference: Configuration" (pool size), "DBOS Client".

import { readFileSync } from "node:fs";
import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import pg from "pg";
import { message, parts } from "./line.mjs";

export const name = "dbos";
export const version = JSON.parse(readFileSync(new URL("node_modules/@dbos-inc/dbos-sdk/package.json", import.meta.url))).version;

export const settings = { processes: 1, sends: 64, concurrency: 100, polling: 20, connections: 20 };

const QUEUE = "sends";
const APPLICATION = "peer";
const VERSION = "1";

const configure = (database, settings) =>
  DBOS.setConfig({
    name: APPLICATION,
    systemDatabaseUrl: database,
    systemDatabasePoolSize: settings.connections,
    applicationVersion: VERSION,
    executorID: `executor-${process.env.DRIPLINE_WORKER ?? 0}`,
    logLevel: "error",
  });

/** Many workflows to a transaction: the client has no call for many at once. */
export async function fill(database, jobs, settings) {
  DBOS.registerWorkflow(async () => {}, { name: "send" });
  configure(database, { ...settings, connections: 5 });
  await DBOS.launch();
  await DBOS.registerQueue(QUEUE, { workerConcurrency: settings.concurrency, minPollingIntervalMs: settings.polling, onConflict: "always_update" });
  await DBOS.shutdown();
  const client = await DBOSClient.create({ systemDatabaseUrl: database, applicationName: APPLICATION });
  const connection = new pg.Client({ connectionString: database });
  await connection.connect();
  for (const part of parts(jobs, 1_000)) {
    await connection.query("BEGIN");
    for (const contact of part) {
      await client.enqueueInTransaction(connection, { queueName: QUEUE, workflowName: "send", appVersion: VERSION }, message(contact, 1));
    }
    await connection.query("COMMIT");
  }
  await connection.end();
  await client.destroy();
}

export async function work(database, settings, send) {
  DBOS.registerWorkflow((message) => DBOS.runStep(() => send(message), { name: "post" }), { name: "send" });
  configure(database, settings);
  await DBOS.launch();
  return () => DBOS.shutdown();
}
