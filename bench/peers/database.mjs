// A database of its own for each run, on the server of DRIPLINE_TEST_POSTGRES.
//
// node database.mjs NAME: drops it, makes it anew, prints its address.

import pg from "pg";

/** The server's address as both node-postgres and sqlx read it: the socket's folder as a parameter instead of a percent-encoded host. */
export function address(database) {
  const given = process.env.DRIPLINE_TEST_POSTGRES;
  if (!given) throw new Error("DRIPLINE_TEST_POSTGRES is not set; run this beside scripts/postgres");
  const [, user, host, query] = /^postgres(?:ql)?:\/\/(?:([^@/]*)@)?([^/?]*)\/[^?]*(\?.*)?$/.exec(given) ?? [];
  if (host === undefined) throw new Error("DRIPLINE_TEST_POSTGRES is not an address of the form postgres://user@host/database");
  const folder = decodeURIComponent(host);
  const owner = user ? `${user}@` : "";
  if (!folder.startsWith("/")) return `postgres://${owner}${host}/${database}${query ?? ""}`;
  return `postgres://${owner}localhost/${database}?host=${encodeURIComponent(folder)}`;
}

export async function fresh(database) {
  const client = new pg.Client({ connectionString: address("postgres") });
  await client.connect();
  try {
    await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
    // What the peer before this one left to be written does not fall into this one's time.
    await client.query("CHECKPOINT");
  } finally {
    await client.end();
  }
  return address(database);
}

if (process.argv[1] === new URL(import.meta.url).pathname) console.log(await fresh(process.argv[2]));
