// A demo with something in it, made through the API: contacts, a second workflow, a running enrollment, one that a reply stopped, one opted out.
import type { Server } from "./server";

export interface World {
  ask: (path: string, body?: unknown, method?: string) => Promise<any>;
  contacts: Record<string, string>;
  workflows: Record<string, string>;
  /** A job that started nobody: whom it was asked for runs already, or opted out. */
  job: string;
}

const NUMBER = "+12125550100";

export async function api(server: Server): Promise<World["ask"]> {
  const page = await (await fetch(`${server.url}/api/start`)).text();
  const key = /KEY=(drip_\w+)/.exec(page)![1];
  return async (path, body, method = body === undefined ? "GET" : "POST") => {
    const answer = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
}

/** No handset fails or answers by itself: what a test counts is what it made. */
export async function calm(ask: World["ask"]) {
  const now = await ask("/simulator/behaviour");
  const faults = { ...now.faults, permanent: 0, temporary: 0 };
  const receipts = { ...now.receipts, failed: 0, doubled: 0 };
  await ask("/simulator/behaviour", { ...now, faults, receipts, replies: { ...now.replies, rate: 0 } }, "PUT");
}

/**
 * Pushes a fresh server's clock on to five in the morning in New York, past a day's open hours: whatever is started from then on waits for
 * nine, so that the hour at which the tests run changes nothing.
 */
export async function night(ask: World["ask"]) {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hour: "numeric", minute: "numeric", hourCycle: "h23" }).formatToParts(new Date());
  const part = (type: string) => Number(parts.find((one) => one.type === type)!.value);
  const now = part("hour") + part("minute") / 60;
  const until = now < 20 ? 29 : 53;
  await ask("/simulator/clock", { seconds: Math.round((until - now) * 3_600) });
}

/** Makes the world once for a server. */
export async function world(server: Server): Promise<World> {
  const ask = await api(server);
  await calm(ask);
  const people = [
    ["Ben Ortiz", "+12125550131"],
    ["Chloe Dubois", "+12125550132"],
    ["Dmitri Ivanov", "+12125550133"],
    ["Éloïse <b>Žižek</b>", "+12125550134"],
  ] as const;
  for (const [name, phone] of people) {
    const fields = { "First Name": name.split(" ")[0], Address: "4 Elm Road", State: "NY" };
    await ask("/contacts", { phone, name, fields });
  }
  await ask("/workflows", { name: "Price check", steps: [{ after_days: 0, text: "Hi {First Name|there}, a quick question about the price." }, { after_days: 5, text: "Any news?" }] });
  const contacts = Object.fromEntries((await ask("/contacts")).data.map((one: any) => [one.phone, one.id]));
  const workflows = Object.fromEntries((await ask("/workflows")).data.map((one: any) => [one.name, one.id]));
  const enroll = (phone: string, workflow: string) => ask("/enrollments", { contact: contacts[phone], workflow: workflows[workflow] });
  await enroll("+12125550131", "New lead");
  await enroll("+12125550132", "New lead");
  await enroll("+12125550133", "Price check");
  await night(ask);
  await ask("/simulator/replies", { from: "+12125550132", to: NUMBER, body: "Yes, still for sale. What do you offer?" });
  await ask("/simulator/replies", { from: "+12125550133", to: NUMBER, body: "STOP" });
  await ask("/simulator/clock", { seconds: 3_600 });
  const refused = ["+12125550131", "+12125550133"].map((phone) => contacts[phone]);
  const job = (await ask("/enrollments/many", { workflow: workflows["New lead"], contacts: refused })).id;
  return { ask, contacts, workflows, job };
}
