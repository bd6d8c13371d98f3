// A page sends nothing into another workspace than its own, even if that is the one which another tab has opened meanwhile.
import { expect, signIn, test } from "../server";
import { world, type World } from "../world";

test.use({ file: "workspace", allowed: ["status of 409", "Error Code 409"] });

const OTHER = "wsp_000000000000";
let made: World;
test.beforeAll(async ({ server }) => {
  made = await world(server);
});

test("what a page sends names its workspace, and is refused in another", async ({ page }) => {
  await signIn(page);
  await page.goto("/contacts/new");
  const here = (await page.locator("body").getAttribute("data-workspace"))!;
  expect(here).toMatch(/^wsp_/);

  // A form as the browser sends it.
  await page.evaluate((other) => (document.body.dataset["workspace"] = other), OTHER);
  await page.getByLabel("Phone").fill("(786) 555-0199");
  const sent = page.waitForRequest((request) => request.method() === "POST");
  await page.getByRole("button", { name: "Add contact" }).click();
  expect(new URL((await sent).url()).searchParams.get("in")).toBe(OTHER);
  await expect(page.getByText(/nothing was done: this page is of another workspace/i)).toBeVisible();
  await page.goto("/contacts?q=7865550199");
  await expect(page.getByText("(786) 555-0199")).toHaveCount(0);

  // One that the page's script sends.
  const contact = made.contacts["+12125550123"]!;
  await page.goto(`/contacts/${contact}`);
  const note = page.getByLabel("A note for the team");
  await note.fill("Only here");
  await page.evaluate((other) => (document.body.dataset["workspace"] = other), OTHER);
  await page.getByRole("button", { name: "Add note" }).click();
  await expect(page.getByText(/nothing was done: this page is of another workspace/i)).toBeVisible();
  await expect(note).toHaveValue("Only here");
  await page.evaluate((own) => (document.body.dataset["workspace"] = own), here);
  await page.getByRole("button", { name: "Add note" }).click();
  await expect(page.getByRole("article").getByText("Only here")).toBeVisible();
});
