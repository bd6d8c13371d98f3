// The mission, as a person does it in the demo: add a contact to a workflow from the Messenger, see what it costs, see it arrive on the phone,
// reply there, and see that it has stopped and the rest is back.
import { expect, signIn, test } from "../server";
import { world, type World } from "../world";

test.use({ file: "mission" });

let made: World;
test.beforeAll(async ({ server }) => {
  made = await world(server);
});

test("a reply stops the workflow, and the money for the rest is back", async ({ page }) => {
  const ann = made.contacts["+12125550123"]!;
  const balance = async () => (await made.ask("/balances")) as { credits: number; wallet: number };
  const before = await balance();

  await signIn(page);
  await page.goto(`/messenger/${ann}`);
  await page.getByRole("link", { name: "Add to workflow" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByPlaceholder("Search workflows").fill("lead");
  await expect(dialog.getByRole("link", { name: /Price check/ })).toHaveCount(0);
  await dialog.getByRole("link", { name: /New lead/ }).click();
  await expect(dialog.getByText("Hi Ann, this is Sam from Acme Homes. Is 12 Oak Street still for sale?")).toBeVisible();
  await expect(dialog.getByRole("listitem")).toHaveCount(3);
  const start = dialog.getByRole("button", { name: "Start for 3 credits" });

  // A double click starts it once.
  await start.dblclick();
  await expect(page.getByText("Ann is in the workflow New lead")).toBeVisible();
  const after = await balance();
  expect(before.credits - after.credits, "what was shown is what is charged").toBe(3);
  await expect(page.locator("[data-coming]").first()).toBeVisible();

  await page.getByRole("button", { name: "Next message" }).click();
  await expect(page.locator("[data-coming]")).toHaveCount(2);
  await expect(page.locator(`#line-${ann}`).getByRole("img", { name: /In workflow New lead: message 2 of 3/ })).toBeVisible();

  await page.goto(`/simulator/${ann}`);
  await expect(page.getByRole("log").getByText("Hi Ann, this is Sam")).toBeVisible();
  await page.getByLabel("Reply as Ann").fill("Who is this?");
  await page.getByRole("button", { name: "Reply", exact: true }).click();
  await expect(page.getByRole("log").getByText("Who is this?")).toBeVisible();

  await page.getByRole("link", { name: "Conversation" }).click();
  await expect(page.getByRole("log").getByText("New lead stopped: the contact replied; 2 credits came back")).toBeVisible();
  await expect(page.locator("[data-coming]")).toHaveCount(0);
  await expect(page.locator(`#line-${ann}`).getByRole("img", { name: /In workflow/ })).toHaveCount(0);
  expect((await balance()).credits).toBe(after.credits + 2);

  // A month later nothing more has come.
  for (let week = 0; week < 4; week++) await made.ask("/simulator/clock", { seconds: 7 * 86_400 });
  const phone = await made.ask("/simulator/handsets/+12125550123");
  expect(phone.data).toHaveLength(1);
});

test("whoever opted out cannot be added, and the dialog says why", async ({ page }) => {
  const dmitri = made.contacts["+12125550133"]!;
  await signIn(page);
  await page.goto(`/messenger/${dmitri}`);
  await expect(page.getByText("opted out. Only they can undo this")).toBeVisible();
  await page.getByRole("link", { name: "Add to workflow" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link", { name: /New lead/ }).click();
  await expect(dialog.getByText("The contact opted out of texts")).toBeVisible();
  await expect(dialog.getByRole("button", { name: /Start/ })).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
});
