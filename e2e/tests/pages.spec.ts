// Every page, wide and on a phone, light and dark: nothing that axe finds, nothing wider than the screen, one picture each in screenshots/.
import AxeBuilder from "@axe-core/playwright";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, signIn, test } from "../server";
import { world, type World } from "../world";

const folder = join(import.meta.dirname, "../screenshots");
mkdirSync(folder, { recursive: true });

let made: World | undefined;
test.beforeAll(async ({ server }) => {
  made = await world(server);
});

const first = (all: Record<string, string>) => Object.values(all)[0]!;
const pages: [string, (made: World) => string][] = [
  ["home", () => "/"],
  ["simulator", () => "/simulator"],
  ["simulator-phone", (made) => `/simulator/${made.contacts["+12125550132"]}`],
];

const looks = [
  { look: "wide", width: 1440, height: 900, dark: false },
  { look: "wide-dark", width: 1440, height: 900, dark: true },
  { look: "phone", width: 360, height: 740, dark: false },
  { look: "phone-dark", width: 360, height: 740, dark: true },
];

for (const { look, width, height, dark } of looks) {
  test.describe(look, () => {
    test.use({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", contextOptions: { reducedMotion: "reduce" } });

    test("sign-in", async ({ page }) => {
      await page.goto("/sign-in");
      await check(page, `sign-in-${look}`);
    });

    for (const [name, address] of pages) {
      test(name, async ({ page }) => {
        await signIn(page);
        const answer = await page.goto(address(made!));
        expect(answer!.status()).toBe(200);
        await check(page, `${name}-${look}`);
      });
    }
  });
}

async function check(page: import("@playwright/test").Page, name: string) {
  await page.screenshot({ path: join(folder, `${name}.png`) });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wider, "the page is wider than the screen").toBeLessThanOrEqual(0);
  const axe = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  expect(axe.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`)).toEqual([]);
}
