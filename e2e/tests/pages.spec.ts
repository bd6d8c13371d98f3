// Every page, wide and on a phone, light and dark: nothing that axe finds, nothing wider than the screen, one picture each in screenshots/.
import AxeBuilder from "@axe-core/playwright";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, signIn, test } from "../server";
import { world, type World } from "../world";

const folder = join(import.meta.dirname, "../screenshots");
mkdirSync(folder, { recursive: true });

test.use({ file: "pages" });
// Each look by itself: they take the longest, and share nothing.
test.describe.configure({ mode: "parallel" });

let made: World | undefined;
test.beforeAll(async ({ server }) => {
  made = await world(server);
});

const first = (all: Record<string, string>) => Object.values(all)[0]!;
const pages: [string, (made: World) => string][] = [
  ["home", () => "/"],
  ["messenger", () => "/messenger"],
  ["conversation-running", (made) => `/messenger/${made.contacts["+12125550131"]}`],
  ["conversation-stopped", (made) => `/messenger/${made.contacts["+12125550132"]}`],
  ["conversation-opted-out", (made) => `/messenger/${made.contacts["+12125550133"]}`],
  ["conversation-side", (made) => `/messenger/${made.contacts["+12125550131"]}?pane=side`],
  ["enroll-pick", (made) => `/enroll?contact=${made.contacts["+12125550134"]}`],
  ["enroll-preview", (made) => `/enroll?contact=${made.contacts["+12125550134"]}&workflow=${first(made.workflows)}`],
  ["enroll-refused", (made) => `/enroll?contact=${made.contacts["+12125550133"]}&workflow=${first(made.workflows)}`],
  ["contacts", () => "/contacts"],
  ["contact", (made) => `/contacts/${made.contacts["+12125550131"]}`],
  ["contact-new", () => "/contacts/new"],
  ["import", () => "/contacts/import"],
  ["workflows", () => "/workflows"],
  ["workflow", (made) => `/workflows/${first(made.workflows)}`],
  ["workflow-edit-active", (made) => `/workflows/${first(made.workflows)}/edit`],
  ["workflow-new", () => "/workflows/new"],
  ["numbers", () => "/numbers"],
  ["billing", () => "/billing"],
  ["simulator", () => "/simulator"],
  ["simulator-phone", (made) => `/simulator/${made.contacts["+12125550132"]}`],
  ["settings-profile", () => "/settings/profile"],
  ["settings-workspace", () => "/settings/workspace"],
  ["settings-team", () => "/settings/team"],
  ["settings-keys", () => "/settings/keys"],
  ["settings-replies", () => "/settings/replies"],
  ["settings-labels", () => "/settings/labels"],
  ["settings-fields", () => "/settings/fields"],
  ["settings-suppressions", () => "/settings/suppressions"],
  ["settings-activity", () => "/settings/activity"],
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

    test("every page", async ({ page }) => {
      test.setTimeout(240_000);
      await page.goto("/sign-in");
      await check(page, `sign-in-${look}`);
      await signIn(page);
      for (const [name, address] of pages) {
        const answer = await page.goto(address(made!));
        expect.soft(answer!.status(), name).toBe(200);
        await check(page, `${name}-${look}`);
      }
    });
  });
}

async function check(page: import("@playwright/test").Page, name: string) {
  await page.screenshot({ path: join(folder, `${name}.png`) });
  const wider = await page.evaluate(() => Math.max(...[document.documentElement, document.querySelector("main")!].map((box) => box.scrollWidth - box.clientWidth)));
  expect.soft(wider, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
  const axe = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  expect.soft(axe.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`), name).toEqual([]);
}
