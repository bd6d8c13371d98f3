// Every page, wide and on a phone, light and dark: nothing that axe finds, nothing wider than the screen, one picture each in screenshots/.
import { check, looks } from "../look";
import { expect, signIn, test } from "../server";
import { world, type World } from "../world";

test.use({ file: "pages", allowed: ["status of 404"] });
// Each look by itself: they take the longest, and share nothing.
test.describe.configure({ mode: "parallel" });

let made: World | undefined;
let plans: string[] = [];
test.beforeAll(async ({ server }) => {
  made = await world(server);
  plans = (await made.ask("/plans")).data.map((plan: { id: string }) => plan.id);
  await made.ask("/subscription", { plan: plans[0] });
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
  ["contacts-by-field", () => "/contacts?field=state&how=has&value=f"],
  ["import", () => "/contacts/import"],
  ["workflows", () => "/workflows"],
  ["workflow", (made) => `/workflows/${first(made.workflows)}`],
  ["workflow-edit-active", (made) => `/workflows/${first(made.workflows)}/edit`],
  ["workflow-new", () => "/workflows/new"],
  ["workflow-edit", (made) => `/workflows/${made.workflows["Price check"]}/edit`],
  ["workflow-pause", (made) => `/workflows/${first(made.workflows)}/pause`],
  ["numbers", () => "/numbers"],
  ["billing", () => "/billing"],
  ["plan", () => "/billing/plan"],
  ["plan-choose", () => `/billing/plan/${plans[1]}`],
  ["plan-cancel", () => "/billing/plan/cancel"],
  ["simulator", () => "/simulator"],
  ["simulator-world", () => "/simulator/world"],
  ["doubts", () => "/doubts"],
  ["reminders", () => "/reminders"],
  ["erase", () => "/contacts/erase"],
  ["merge", (made) => `/contacts/${made.contacts["+12125550131"]}/merge`],
  ["merge-with", (made) => `/contacts/${made.contacts["+12125550131"]}/merge?with=${made.contacts["+12125550133"]}`],
  ["operator", () => "/operator"],
  ["operator-plans", () => "/operator/plans"],
  ["operator-rates", () => "/operator/rates"],
  ["operator-acts", () => "/operator/acts"],
  ["failures", () => "/failures"],
  ["job", (made) => `/jobs/${made.job}`],
  ["simulator-phone", (made) => `/simulator/${made.contacts["+12125550132"]}`],
  ["settings-profile", () => "/settings/profile"],
  ["settings-workspace", () => "/settings/workspace"],
  ["settings-team", () => "/settings/team"],
  ["settings-keys", () => "/settings/keys"],
  ["settings-replies", () => "/settings/replies"],
  ["settings-labels", () => "/settings/labels"],
  ["settings-carriers", () => "/settings/carriers"],
  ["settings-fields", () => "/settings/fields"],
  ["settings-registration", () => "/settings/registration"],
  ["settings-brand", () => "/settings/registration/brands/new"],
  ["settings-suppressions", () => "/settings/suppressions"],
  ["settings-activity", () => "/settings/activity"],
  ["settings-webhooks", () => "/settings/webhooks"],
];

const CSV = "First Name,Mobile,Home phone\nMia,(646) 555-0141,\nNoah,646-555-0142,12\nPete,12,\n";

for (const { look, width, height, dark } of looks) {
  test.describe(look, () => {
    test.use({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", contextOptions: { reducedMotion: "reduce" } });

    test("every page", async ({ page }) => {
      test.setTimeout(300_000);
      await page.goto("/sign-in");
      await check(page, `sign-in-${look}`);
      await signIn(page);
      for (const [name, address] of pages) {
        const answer = await page.goto(address(made!));
        expect.soft(answer!.status(), name).toBe(200);
        await check(page, `${name}-${look}`);
      }
      await page.goto("/contacts/import");
      await page.getByLabel("Drop a file here").setInputFiles({ name: "leads.csv", mimeType: "text/csv", buffer: Buffer.from(CSV) });
      await page.getByRole("button", { name: "Upload and look" }).click();
      await expect(page.getByRole("button", { name: "Start the import" })).toBeVisible();
      await check(page, `import-columns-${look}`);
      await page.locator("[name=consent_kind]").selectOption("none");
      await expect(page.locator("[name=consent_kind]")).toHaveValue("none");
      await page.getByRole("button", { name: "Check the whole file first" }).click();
      await expect(page.getByText("The whole file was read, and nothing was stored.")).toBeVisible();
      await check(page, `import-checked-${look}`);
      await page.getByRole("button", { name: "Start the import" }).click();
      await expect(page.getByRole("link", { name: "CSV with reasons" })).toBeVisible();
      await check(page, `import-done-${look}`);
      await page.goto("/contacts");
      await page.getByLabel("Select everybody on this page").check();
      await page.getByRole("button", { name: "Add to workflow" }).click();
      await page.getByRole("combobox", { name: "Workflow" }).selectOption({ index: 1 });
      await page.getByRole("button", { name: "See the price" }).click();
      await expect(page.getByRole("heading", { name: "Refused" })).toBeVisible();
      await check(page, `enroll-many-${look}`);
      const missing = await page.goto("/contacts/ctc_0000000000001");
      expect.soft(missing!.status()).toBe(404);
      await check(page, `not-found-${look}`);
    });
  });
}
