// Starting a workflow when something stands in the way, and without a mouse.
import { expect, signIn, test } from "../server";
import { world, type World } from "../world";

test.use({ file: "enrolling", allowed: ["status of 422"] });

let made: World;
test.beforeAll(async ({ server }) => {
  made = await world(server);
});

test("the keyboard alone adds a contact to a workflow", async ({ page }) => {
  await signIn(page);
  await page.goto("/messenger?q=eloise");
  await page.keyboard.press("j");
  await expect(page).toHaveURL(/messenger\/ctc_/);
  await page.keyboard.press("e");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByPlaceholder("Search workflows")).toBeFocused();
  await page.keyboard.type("price");
  await expect(dialog.getByRole("link", { name: /New lead/ })).toHaveCount(0);
  await page.keyboard.press("Tab");
  await expect(dialog.getByRole("link", { name: /Price check/ })).toBeFocused();
  await page.keyboard.press("Enter");
  const start = dialog.getByRole("button", { name: /^Start for/ });
  await expect(start).toBeVisible();
  for (let press = 0; press < 8 && !(await start.evaluate((one) => one === document.activeElement)); press++) await page.keyboard.press("Tab");
  await expect(start).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText(/is in the workflow Price check/)).toBeVisible();
  await expect(page.locator("[data-coming]")).toHaveCount(2);
});

test("without enough money the refusal says what is missing, and after the top-up it starts", async ({ page }) => {
  const { ask } = made;
  const RATE = 15_000;
  const balance = async () => (await ask("/balances")) as { credits: number; wallet: number };
  const segments = ({ credits, wallet }: { credits: number; wallet: number }) => credits + Math.floor(wallet / RATE);
  // Nine messages of two segments each, for as many as can be paid: the next one cannot.
  const text = "A text that is long enough to be billed as two segments by every carrier there is. ".repeat(3).trim();
  const flow = await ask("/workflows", { name: "Long", steps: Array.from({ length: 9 }, (_, place) => ({ after_days: place === 0 ? 0 : 1, text })) });
  const crowd: string[] = [];
  for (let n = Math.floor(segments(await balance()) / 18); n > 0; n--) crowd.push((await ask("/contacts", { phone: `+1212555${1000 + n}`, name: `Crowd ${n}` })).id);
  await ask("/enrollments/many", { workflow: flow.id, contacts: crowd });
  await expect.poll(async () => segments(await balance())).toBeLessThan(18);
  const left = await balance();
  const missing = (18 - left.credits) * RATE - left.wallet;

  const chloe = made.contacts["+12125550132"]!;
  await signIn(page);
  await page.goto(`/messenger/${chloe}`);
  await page.getByRole("link", { name: "Add to workflow" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link", { name: /^Long/ }).click();
  const refusal = dialog.getByRole("listitem").filter({ has: page.getByRole("link", { name: "Top up" }) });
  await expect(refusal).toContainText(`$${(missing / 1e6).toString()}`);
  await expect(dialog.getByRole("button", { name: /^Start/ })).toHaveCount(0);
  await refusal.getByRole("link", { name: "Top up" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Billing");
  await page.getByRole("button", { name: "Add $25 of demo money" }).click();
  await expect(page.getByText("$25.00 of demo money added")).toBeVisible();
  // Back at the preview that the money did not do for.
  await page.getByRole("button", { name: /^Start for/ }).click();
  await expect(page.getByText("Chloe Dubois is in the workflow Long")).toBeVisible();
});
