// The first run outside of the demo: the address that the server prints makes the workspace and its owner, once; then one signs out and in.
import { inLooks, looks } from "../look";
import { expect, test } from "../server";

test.use({ demo: false, file: "first-run", allowed: ["status of 403", "status of 404", "status of 422"] });

test("the first run makes an owner, once, and nobody without the code", async ({ page, server }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/sign-in/);
  await expect(page.getByRole("button", { name: /demo/i })).toHaveCount(0);
  const stranger = await page.goto("/setup?code=guessed");
  expect(stranger!.status()).toBe(403);

  await expect.poll(() => server.printed()).toContain("/setup?code=");
  const address = /\/setup\?code=\S+/.exec(server.printed())![0];
  await page.goto(address);
  await inLooks(page, "setup");
  await expect(page.getByLabel("Time zone"), "guessed from the browser").toHaveValue("America/New_York");
  await page.getByLabel("Name of the workspace").fill("Harbor Homes");
  await page.getByLabel("Your name").fill("Ada");
  await page.getByLabel("E-mail").fill("ada@example.com");
  await page.getByLabel("Password", { exact: true }).fill("a long enough password");
  await page.getByRole("button", { name: "Create workspace" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Home");
  await expect(page.getByText("Harbor Homes").first()).toBeVisible();

  await page.goto(address);
  await expect(page.getByRole("button", { name: "Create workspace" })).toHaveCount(0);

  // What has nothing in it yet says what to do.
  test.setTimeout(120_000);
  for (const name of ["", "messenger", "contacts", "workflows", "numbers", "billing", "simulator", "settings/labels"]) {
    await page.goto(`/${name}`);
    await inLooks(page, `empty-${name.replace("/", "-") || "home"}`, [looks[0]!, looks[3]!]);
  }
  await page.goto("/settings/team");
  await page.getByLabel("E-mail").fill("ben@example.com");
  await page.getByLabel("Name", { exact: true }).fill("Ben");
  await page.getByRole("button", { name: "Make invitation link" }).click();
  const invitation = (await page.getByText(/\/invite\//).first().textContent())!.trim();
  await page.goto(invitation);
  await inLooks(page, "invite");
  await page.goto("/");
  await page.getByRole("button", { name: "Ada" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").fill("ada@example.com");
  await page.getByLabel("Password").fill("not my password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("The address or the password is wrong.")).toBeVisible();
  await page.getByLabel("Password").fill("a long enough password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Home");
});
