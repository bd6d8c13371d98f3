// The Messenger in a real browser: two windows at once, the keyboard alone, what is typed stays.
import { expect, signIn, test, watch } from "../server";
import { world, type World } from "../world";

test.use({ file: "messenger" });

let made: World;
test.beforeAll(async ({ server }) => {
  made = await world(server);
});

test("a reply shows in two windows without reload, and what is typed stays", async ({ page, context, server }) => {
  const ben = made.contacts["+12125550131"]!;
  await signIn(page);
  await page.goto(`/messenger/${ben}`);
  const other = await context.newPage();
  const faults = watch(other, server.url);
  await other.goto("/messenger");
  await page.getByLabel("Text to Ben Ortiz").fill("I was just about to");
  await made.ask("/simulator/replies", { from: "+12125550131", to: "+12125550100", body: "Too late, it is sold." });
  await expect(page.getByRole("log").getByText("Too late, it is sold.")).toBeVisible();
  await expect(page.getByRole("log").getByText("New lead stopped: the contact replied")).toBeVisible();
  await expect(page.getByLabel("Text to Ben Ortiz")).toHaveValue("I was just about to");
  await expect(other.locator("#conversations li").first()).toContainText("Too late, it is sold.");
  await expect(other.locator("#conversations li").first()).toContainText("Ben Ortiz");
  await page.goto("/messenger");
  await page.goto(`/messenger/${ben}`);
  await expect(page.getByLabel("Text to Ben Ortiz"), "the draft is kept").toHaveValue("I was just about to");
  expect(faults).toEqual([]);
});

test("a page that can be told nothing says so, and catches up by itself", async ({ page, context }) => {
  const ben = made.contacts["+12125550131"]!;
  await signIn(page);
  // A window of its own: the browser writes of each refusal to its console.
  const other = await context.newPage();
  await other.route("**/live", (route) => route.fulfill({ status: 503 }));
  await other.goto(`/messenger/${ben}`);
  const note = other.getByText("Not live");
  await expect(note).toBeVisible({ timeout: 15_000 });
  await made.ask("/simulator/replies", { from: "+12125550131", to: "+12125550100", body: "Said meanwhile." });
  await other.unroute("**/live");
  await expect(other.getByRole("log").getByText("Said meanwhile.")).toBeVisible({ timeout: 30_000 });
  await expect(note).toBeHidden();
});

test("a text arrives on the phone on screen without reload", async ({ page }) => {
  const chloe = made.contacts["+12125550132"]!;
  await signIn(page);
  await page.goto(`/simulator/${chloe}`);
  const texts = page.getByRole("log");
  // Whoever has just written is answered at any hour.
  await made.ask("/simulator/replies", { from: "+12125550132", to: "+12125550100", body: "Are you there?" });
  await expect(texts.getByText("Are you there?")).toBeVisible();
  await made.ask(`/contacts/${chloe}/messages`, { body: "Here I am." });
  await expect(texts.getByText("Here I am.")).toBeVisible();
});

test("the keyboard alone goes through conversations, writes, and shows the shortcuts", async ({ page }) => {
  await signIn(page);
  await page.goto("/messenger");
  await page.keyboard.press("j");
  await expect(page).toHaveURL(/messenger\/ctc_/);
  const first = page.url();
  await page.keyboard.press("j");
  await expect(page).not.toHaveURL(first);
  await page.keyboard.press("k");
  await expect(page).toHaveURL(first);
  await page.keyboard.press("?");
  const shortcuts = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(shortcuts.getByText("Search", { exact: true })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await expect(page.getByPlaceholder("Name, number or text")).toBeFocused();
  await page.keyboard.type("chloe");
  await page.keyboard.press("Enter");
  await page.locator("[data-line]", { hasText: "Chloe Dubois" }).focus();
  await page.keyboard.press("Enter");
  const field = page.getByLabel("Text to Chloe Dubois");
  await field.focus();
  await page.keyboard.type("We offer 300,000 “in cash”");
  await expect(page.locator("#meter")).toContainText("1 segment");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("log").getByText('We offer 300,000 "in cash"'), "look-alikes are replaced").toBeVisible();
  await expect(field).toHaveValue("");
});
