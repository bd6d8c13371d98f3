// The mission from an empty list to a refund, as a person does it: import a file, build a workflow, put things in order, start it from the
// Messenger, let days pass, answer on the phone, pause the rest. What the screen promises is held against the books.
import { readFileSync } from "node:fs";
import { expect, signIn, test } from "../server";
import { api, calm, night, type World } from "../world";

test.use({ file: "story" });
test.describe.configure({ mode: "serial" });

const CSV = [
  "First Name,Mobile,Home phone,Street,State",
  "Mia,(646) 555-0141,,7 Pine Street,NY",
  "Noah,646-555-0142,12,8 Pine Street,NY",
  "Olga,+1 646 555 0143,,9 Pine Street,NY",
  "Pete,12,,1 Short Road,NY",
].join("\n");

let ask: World["ask"];
const balance = async () => (await ask("/balances")) as { credits: number; wallet: number };
const contact = async (phone: string) => {
  const found = (await ask("/contacts")).data as { phone: string; id: string }[];
  return found.find((one) => one.phone === phone)!.id;
};

test.beforeAll(async ({ server }) => {
  ask = await api(server);
  await calm(ask);
  await night(ask);
});
test.beforeEach(({ page }) => signIn(page));

test("a file that is dropped becomes contacts, and what was not taken comes back as a file", async ({ page }) => {
  await page.goto("/contacts");
  await page.getByRole("link", { name: "Import", exact: true }).click();
  const dropped = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "leads.csv", { type: "text/csv" }));
    return transfer;
  }, CSV);
  // Beside the field, where somebody who drags lets go.
  await page.getByText("Drop a file here").dispatchEvent("drop", { dataTransfer: dropped });
  await page.getByRole("button", { name: "Upload and look" }).click();

  await expect(page.getByRole("heading", { level: 1 })).toHaveText("leads.csv");
  const meaning = (column: string) => page.getByRole("combobox", { name: column }).locator("option:checked");
  await expect(meaning("First Name")).toHaveText("First Name");
  await expect(meaning("Mobile")).toHaveText("Phone");
  await expect(meaning("Home phone")).toHaveText("Phone");
  await expect(meaning("Street")).toHaveText("Address");
  const rows = page.getByRole("region", { name: "The first rows, as they will be stored" });
  await expect(rows.getByRole("row", { name: /Mia/ })).toContainText("(646) 555-0141");
  await expect(rows.getByRole("row", { name: /Noah/ })).toContainText("too short");
  await expect(rows.getByRole("row", { name: /Rejected/ })).toContainText("too short");

  await page.locator("[name=consent_kind]").selectOption("none");
  await page.getByRole("button", { name: "Start the import" }).click();
  const done = page.getByRole("status").filter({ hasText: "Done" });
  await expect(done).toBeVisible();
  await expect(page.locator("dl div", { hasText: "New contacts" }).locator("dd")).toHaveText("3");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV with reasons" }).click();
  const file = readFileSync(await (await download).path(), "utf8");
  expect(file).toContain("Pete");
  expect(file).toContain("too short");
  expect(file).not.toContain("Mia");
  await page.getByRole("link", { name: "See the new contacts" }).click();
  for (const name of ["Mia", "Noah", "Olga"]) await expect(page.getByRole("link", { name, exact: true })).toBeVisible();
});

test("a workflow is built, its messages are put in order by hand and by keys, and leaving unsaved asks", async ({ page }) => {
  await page.goto("/workflows");
  await page.getByRole("link", { name: "New workflow" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Pine Street");
  const text = (n: number) => page.getByLabel(`Text of message ${n}`);
  await text(1).fill("Hi {First Name}, is {Address} for sale?");
  await expect(page.getByText("1 segment").first()).toBeVisible();
  for (const [n, words] of [[2, "Second thoughts?"], [3, "Last call."]] as const) {
    await page.getByRole("button", { name: "Add a message" }).click();
    await text(n).fill(words);
  }

  // By keys: the third goes up, and its handle keeps the focus for the next press.
  const handle = (n: number) => page.getByRole("button", { name: new RegExp(`^Move message ${n}: drag`) });
  await handle(3).focus();
  await page.keyboard.press("ArrowUp");
  await expect(text(2)).toHaveValue("Last call.");
  await expect(text(3)).toHaveValue("Second thoughts?");
  await expect(handle(2)).toBeFocused();

  // By hand: it goes down again.
  const from = (await handle(2).boundingBox())!;
  const to = (await handle(3).boundingBox())!;
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width / 2, to.y + to.height + 120, { steps: 12 });
  await page.mouse.up();
  await expect(text(2)).toHaveValue("Second thoughts?");
  await expect(text(3)).toHaveValue("Last call.");

  // Leaving asks: no keeps what was typed.
  const asked: string[] = [];
  page.once("dialog", (dialog) => {
    asked.push(dialog.type());
    return dialog.dismiss();
  });
  await page.getByRole("link", { name: "Contacts", exact: true }).first().click();
  await expect.poll(() => asked).toEqual(["beforeunload"]);
  await expect(page).toHaveURL(/workflows\/new/);
  await expect(text(1)).toHaveValue("Hi {First Name}, is {Address} for sale?");

  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("“Pine Street” is saved")).toBeVisible();
  const saved = (await ask("/workflows")).data.find((one: any) => one.name === "Pine Street");
  expect((await ask(`/workflows/${saved.id}`)).steps.map((step: any) => step.text)).toEqual([
    "Hi {First Name}, is {Address} for sale?",
    "Second thoughts?",
    "Last call.",
  ]);
  // Saved is saved: nothing asks any more.
  await page.getByRole("link", { name: "Contacts", exact: true }).first().click();
  await expect(page).toHaveURL(/contacts/);
});

test("workflows are put in order on their table, and the picker has that order", async ({ page }) => {
  const order = async () => (await ask("/workflows")).data.map((one: any) => one.name);
  expect(await order()).toEqual(["New lead", "Pine Street"]);
  await page.goto("/workflows");
  await page.getByRole("button", { name: /^Move Pine Street: drag/ }).focus();
  await page.keyboard.press("ArrowUp");
  await expect.poll(order).toEqual(["Pine Street", "New lead"]);
  await page.goto("/workflows");
  const from = (await page.getByRole("button", { name: /^Move Pine Street: drag/ }).boundingBox())!;
  await page.mouse.move(from.x + 8, from.y + 8);
  await page.mouse.down();
  await page.mouse.move(from.x + 8, from.y + 90, { steps: 8 });
  await page.mouse.up();
  await expect.poll(order).toEqual(["New lead", "Pine Street"]);
  await page.getByRole("button", { name: "Move Pine Street up" }).click();
  await expect.poll(order).toEqual(["Pine Street", "New lead"]);
  await page.goto(`/messenger/${await contact("+16465550141")}`);
  await page.getByRole("link", { name: "Add to workflow" }).click();
  const picks = page.getByRole("dialog").getByRole("listitem");
  await expect(picks.first()).toContainText("Pine Street");
  await expect(picks.nth(1)).toContainText("New lead");
});

test("the preview is what is charged, and a reply brings back the rest", async ({ page }) => {
  const mia = await contact("+16465550141");
  const before = await balance();
  await page.goto(`/messenger/${mia}`);
  await page.getByRole("link", { name: "Add to workflow" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link", { name: /Pine Street/ }).click();
  const texts = dialog.getByRole("list", { name: "Messages" }).locator("p.whitespace-pre-wrap");
  await expect(texts).toHaveText(["Hi Mia, is 7 Pine Street for sale?", "Second thoughts?", "Last call."]);
  const promised = await texts.allTextContents();
  await expect(dialog.locator("dd", { hasText: `${before.credits} → ${before.credits - 3}` })).toBeVisible();
  await dialog.getByRole("button", { name: "Start for 3 credits" }).click();
  await expect(page.getByText("Mia is in the workflow Pine Street")).toBeVisible();
  expect((await balance()).credits, "what was shown is what is charged").toBe(before.credits - 3);

  // Days pass: two texts arrive as they were promised.
  for (const left of [2, 1]) {
    await page.getByRole("button", { name: "Next message" }).click();
    await expect(page.locator("[data-coming]")).toHaveCount(left);
  }
  await expect(page.locator(`#line-${mia}`).getByRole("img", { name: /In workflow Pine Street: message 3 of 3/ })).toBeVisible();
  await page.getByRole("link", { name: "Their phone" }).click();
  const phone = page.getByRole("log");
  await expect(phone.locator(".chat-start .chat-bubble")).toHaveText(promised.slice(0, 2));
  await page.getByRole("button", { name: "Who is this?" }).click();
  await expect(page.getByText("1 message will not be sent; 1 credit came back").first()).toBeVisible();

  await page.getByRole("link", { name: "Conversation" }).click();
  await expect(page.getByRole("log").getByText("Pine Street stopped: the contact replied; 1 credit came back")).toBeVisible();
  await expect(page.locator(`#line-${mia}`).getByRole("img", { name: /In workflow/ })).toHaveCount(0);
  await page.goto("/billing");
  await expect(page.locator("dl div", { hasText: "Credits" }).first().locator("dd").first()).toHaveText(String(before.credits - 2));
  expect(await balance()).toMatchObject({ credits: before.credits - 2, wallet: before.wallet });
});

test("pausing a workflow with three contacts says how many and how much, and that is what happens", async ({ page }) => {
  const before = await balance();
  const flow = (await ask("/workflows")).data.find((one: any) => one.name === "Pine Street");
  const people = await Promise.all(["+16465550141", "+16465550142", "+16465550143"].map(contact));
  await ask("/enrollments/many", { workflow: flow.id, contacts: people });
  await expect.poll(async () => (await balance()).credits).toBe(before.credits - 9);
  // The first text of each goes out, so two of three come back.
  await ask("/simulator/clock", { seconds: 86_400 });

  await page.goto("/workflows");
  await page.getByRole("link", { name: "Pause Pine Street" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.locator("[data-contacts]")).toHaveText("3 contacts are");
  await expect(dialog.locator("[data-refund]")).toHaveText("6 credits");
  await dialog.getByRole("button", { name: /Pause/ }).click();
  await expect(page.getByRole("row", { name: /Pine Street/ })).toContainText("inactive");
  expect((await balance()).credits).toBe(before.credits - 3);
});
