// The line to the sink: how every peer in Node posts a text, and how the sink's count is read. One pool of kept connections for each process.
// Source: Undici, Documentation, "Pool" and "request": pools are its fast way, and a body has to be read to free its connection.

import { Pool } from "undici";

export const SENDER = "+13055550100";

export class Line {
  /** `connections`: as many as texts that may be under way at once. */
  constructor(sink, connections) {
    const url = new URL(sink);
    this.folder = url.pathname.replace(/\/$/, "");
    this.pool = new Pool(url.origin, { connections, pipelining: 1, keepAliveTimeout: 60_000 });
  }

  /** Posts one text, and throws unless the sink took it. */
  async send({ contact, step, to, text }) {
    const answer = await this.pool.request({
      method: "POST",
      path: `${this.folder}/messages`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ to, from: SENDER, text, reference: `${contact}-${step}` }),
    });
    await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`the sink answered ${answer.statusCode}`);
  }

  async count() {
    const answer = await this.pool.request({ method: "GET", path: `${this.folder}/count` });
    return Number((await answer.body.text()).trim());
  }

  close() {
    return this.pool.destroy();
  }
}

/** What one message is, in every peer's database alike: the text as it goes out, so that no peer has to render it. */
export const message = (contact, step) => ({
  contact,
  step,
  to: `+1305${String(contact).padStart(7, "0")}`,
  text: `Hi Ann${contact}, message ${step}: is the house at ${contact} Main St still for sale?`,
});

/** Parts of a list of numbers from 0, for statements that take many rows. */
export function* parts(total, size) {
  for (let first = 0; first < total; first += size) yield Array.from({ length: Math.min(size, total - first) }, (_, place) => first + place);
}
