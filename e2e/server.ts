// A server for one test file: the real program on a free port of the loopback, its data in a temporary folder, stopped at the end.
// `page` fails the test if the browser's console has an error or a request leaves the host.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";

const program = process.env["DRIPLINE_PROGRAM"] ?? join(import.meta.dirname, "../target/debug/dripline");

export interface Server {
  /** Where it answers. */
  url: string;
  /** What it has printed, with the code of the first run. */
  printed: () => string;
}

async function start(demo: boolean): Promise<{ server: Server; child: ChildProcess; data: string }> {
  const data = mkdtempSync(join(tmpdir(), "dripline-e2e-"));
  const args = ["serve", "--listen", "127.0.0.1:0", "--data", data];
  if (demo) args.push("--demo");
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env["PATH"] } });
  let text = "";
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      text += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
      if (found) resolve(found[0]);
    };
    child.stdout!.on("data", read);
    child.stderr!.on("data", read);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${text}`)));
  });
  return { server: { url, printed: () => text }, child, data };
}

async function stop(child: ChildProcess, data: string) {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.removeAllListeners("exit");
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await Promise.race([ended, gone]);
  rmSync(data, { recursive: true, force: true });
}

/** Watches a page: whatever it logs as an error and asks of other hosts is collected. */
export function watch(page: Page, url: string): string[] {
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(url) && !to.startsWith("data:") && !to.startsWith("blob:")) faults.push(`request to ${to}`);
  });
  return faults;
}

interface Fixtures {
  /** Errors that the test expects in the console, as parts of their text. */
  allowed: string[];
}
interface WorkerFixtures {
  /** Whether it is the demo. */
  demo: boolean;
  /** The test file: each has a server of its own. */
  file: string;
  server: Server;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  demo: [true, { option: true, scope: "worker" }],
  file: ["", { option: true, scope: "worker" }],
  server: [
    async ({ demo, file: _ }, use) => {
      const { server, child, data } = await start(demo);
      await use(server);
      await stop(child, data);
    },
    { scope: "worker" },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  allowed: [[], { option: true }],
  page: async ({ page, server, allowed }, use) => {
    const faults = watch(page, server.url);
    await use(page);
    expect(faults.filter((fault) => !allowed.some((part) => fault.includes(part)))).toEqual([]);
  },
});

export { expect };

/** Signs in as the demo's user, by the button that the demo shows. */
export async function signIn(page: Page) {
  await page.goto("/sign-in");
  await page.getByRole("button", { name: /demo/i }).click();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
}
