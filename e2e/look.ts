// How a page is looked at: a picture in screenshots/, nothing wider than the screen, nothing that axe finds.
import AxeBuilder from "@axe-core/playwright";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect } from "./server";

const folder = join(import.meta.dirname, "screenshots");
mkdirSync(folder, { recursive: true });

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export interface Look {
  look: string;
  width: number;
  height: number;
  dark: boolean;
}
export const looks: Look[] = [
  { look: "wide", width: 1440, height: 900, dark: false },
  { look: "wide-dark", width: 1440, height: 900, dark: true },
  { look: "phone", width: 360, height: 740, dark: false },
  { look: "phone-dark", width: 360, height: 740, dark: true },
];

/** Looks at the page as it stands. */
export async function check(page: Page, name: string) {
  // Chromium at times refuses a picture ("Unable to capture screenshot") and takes the same one a moment later.
  await expect(() => page.screenshot({ path: join(folder, `${name}.png`) })).toPass({ timeout: 10_000 });
  const wider = await page.evaluate(() => Math.max(...[document.documentElement, document.querySelector("main")!].map((box) => box.scrollWidth - box.clientWidth)));
  expect.soft(wider, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
  // In the page alone, which has no frames: the other way opens a second page for each look, and takes three times as long.
  const axe = await new AxeBuilder({ page }).setLegacyMode(true).withTags(TAGS).analyze();
  expect.soft(axe.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`), name).toEqual([]);
}

/** Looks at the page in some looks, one after the other; then it is wide and light again. */
export async function inLooks(page: Page, name: string, some = looks) {
  for (const { look, width, height, dark } of some) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
    await check(page, `${name}-${look}`);
  }
  const { width, height } = looks[0]!;
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: "light" });
}
