// What the owner of a box does in the console, as a person would: in both languages, on a phone and on a desk.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Box, Eyes } from "./box.mjs";

let eyes;
before(async () => { eyes = await Eyes.open(); });
after(() => eyes?.close());

const words = {
  en: { enter: "Enter", approve: "Approve", mention: "Answer without a mention", review: "Check and compare", apply: "Apply", back: "Return to this",
    pause: "Pause", resume: "Resume", replay: "Replay", say: "Say it", well: "All is well.", mistakes: "Mistakes: 1", needed: "the bot was not mentioned" },
  zh: { enter: "进入", approve: "批准", mention: "此群不需要 @", review: "检查并比较", apply: "应用更改", back: "恢复此版本",
    pause: "暂停", resume: "恢复", replay: "重放", say: "发送", well: "一切正常。", mistakes: "错误：1 处", needed: "消息没有 @" },
};

for (const who of [
  { language: "zh", width: 360 }, { language: "en", width: 1280 }, { language: "en", width: 360 }, { language: "zh", width: 1280, dark: true },
]) {
  test(`the console in ${who.language} at ${who.width} px`, { timeout: 240_000 }, async () => {
    const box = await Box.start();
    try {
      await tour(await eyes.person(box, who));
    } finally {
      await box.stop();
    }
  });
}

async function tour(p) {
  const { page, box } = p;
  const w = words[p.language];
  const problems = [];
  const button = (name) => page.getByRole("button", { name });
  const told = () => page.getByRole("status").first();

  // Log in by the link, set a password, and come back with it.
  await page.goto(box.link);
  await p.look("login", problems);
  await button(w.enter).click();
  await page.getByText(w.well).waitFor();
  await p.look("overview", problems);
  await p.go("/password");
  await page.locator("#new").fill("eight letters");
  await page.locator("#again").fill("eight letters");
  await p.look("password", problems);
  await page.locator("main form button").first().click();
  await page.locator("#password").fill("wrong password");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").first().waitFor();
  await p.look("login-wrong", problems);
  await page.locator("#password").fill("eight letters");
  await page.keyboard.press("Enter");
  await page.getByText(w.well).waitFor();

  // A stranger writes; the owner sees it come, lets him in, and his next message is answered.
  const speak = async ({ user, group = "", text, at = false }) => {
    await p.go("/simulator");
    await page.locator("#user").fill(user);
    await page.locator("#group").fill(group);
    await page.locator("#said").fill(text);
    await page.locator("#at").setChecked(at);
    await button(w.say).click();
    await told().waitFor();
  };
  await p.go("/access");
  await box.say({ user_id: 20077, message: "ping 70" });
  await page.locator("[data-part=pending] li").filter({ hasText: "20077" }).waitFor(); // by itself
  await p.look("access-pending", problems);
  await page.locator("[data-part=pending] li").filter({ hasText: "20077" }).getByRole("button", { name: w.approve }).click();
  await told().waitFor();
  await page.locator("section[aria-labelledby=approved] li").filter({ hasText: "20077" }).waitFor();
  assert.equal(await page.locator("[data-part=pending] li").filter({ hasText: "20077" }).count(), 0);
  await p.look("access", problems);
  await speak({ user: "20077", text: "ping 71" });
  await page.locator(".bubble.own").filter({ hasText: "pong 71" }).waitFor(); // by itself
  await p.look("simulator", problems);

  // Why was that ignored? And let it through next time. The comments of the file stay.
  const before = readFileSync(box.config, "utf8");
  assert.match(before, /# written by catflap demo/);
  await speak({ user: "20002", group: "30003", text: "ping 72" });
  await p.go("/decisions?show=ignored");
  const row = page.locator("li.row").filter({ hasText: w.needed }).first();
  await row.waitFor();
  await p.look("decisions", problems);
  await row.getByRole("button", { name: w.mention }).click();
  await told().waitFor();
  const after = readFileSync(box.config, "utf8");
  assert.match(after, /# written by catflap demo/);
  assert.match(after, /"requireMention": false/);
  await speak({ user: "20002", group: "30003", text: "ping 73" });
  await page.locator(".bubble.own").filter({ hasText: "pong 73" }).waitFor();

  // The switch of the page does the same, by keyboard.
  await p.go("/access");
  const mention = page.locator("#grouplist li").filter({ hasText: "30003" }).getByRole("switch").nth(1);
  assert.equal(await mention.getAttribute("aria-checked"), "false");
  await mention.focus();
  await page.keyboard.press("Space");
  await told().waitFor();
  assert.equal(await page.locator("#grouplist li").filter({ hasText: "30003" }).getByRole("switch").nth(1).getAttribute("aria-checked"), "true");
  const other = page.locator("#grouplist li").filter({ hasText: "30004" }).getByRole("switch").nth(0);
  assert.equal(await other.getAttribute("aria-checked"), "false");
  await other.click();
  await told().waitFor();
  assert.match(readFileSync(box.config, "utf8"), /"30004": \{"enabled": true\}/);

  // A chat with a quote and a picture.
  const png = "iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAACDRijCAAACnklEQVR42g3MkQKFMABA0XEyiudJFM+TUTxPJvk8meS7nEzycTTJx9GkD3jvfMARQtAJeoESDIJJoAWzYBFYwSrYBF6wCw5BFJyCS5AFt+ARVMEr+ARCSDpJL1GSQTJJtGSWLBIrWSWbxEt2ySGJklNySbLkljySKnkln/xHik7RK5RiUEwKrZgVi8IqVsWm8IpdcSii4lRciqy4FY+iKl7Fp/7RSDfSj6iRYWQa0SPzyDJiR9aRbcSP7CPHSBw5R66RPHKPPCN15B35xn+k6TS9RmkGzaTRmlmzaKxm1Wwar9k1hyZqTs2lyZpb82iq5tV8+h8ZOkNvUIbBMBm0YTYsBmtYDZvBG3bDYYiG03AZsuE2PIZqeA2f+UeWztJblGWwTBZtmS2LxVpWy2bxlt1yWKLltFyWbLktj6VaXstn/5Gjc/QO5Rgck0M7ZsfisI7VsTm8Y3ccjug4HZcjO27H46iO1/G5f+TpPL1HeQbP5NGe2bN4rGf1bB7v2T2HJ3pOz+XJntvzeKrn9Xz+HwW6QB9QgSEwBXRgDiwBG1gDW8AH9sARiIEzcAVy4A48gRp4A1/4R5Eu0kdUZIhMER2ZI0vERtbIFvGRPXJEYuSMXJEcuSNPpEbeyBf/UaJL9AmVGBJTQifmxJKwiTWxJXxiTxyJmDgTVyIn7sSTqIk38aV/lOkyfUZlhsyU0Zk5s2RsZs1sGZ/ZM0cmZs7MlcmZO/NkaubNfPkfFbpCX1CFoTAVdGEuLAVbWAtbwRf2wlGIhbNwFXLhLjyFWngLX/lHla7SV1RlqEwVXZkrS8VW1spW8ZW9clRi5axclVy5K0+lVt7KV/9Ro2v0DdUYGlNDN+bG0rCNtbE1fGNvHI3YOBtXIzfuxtOojbfxNX5tQ1lXVGfMwAAAAABJRU5ErkJggg==";
  await box.say({ user_id: 20002, message: [{ type: "text", data: { text: "ping 74 <b>not bold</b>" } }, { type: "image", data: { file: "base64://" + png } }] });
  await p.go("/chats");
  await p.look("chats", problems);
  await page.getByRole("link", { name: "20002" }).click();
  await page.locator(".bubble:not(.own)").filter({ hasText: "<b>not bold</b>" }).waitFor();
  const picture = page.locator(".bubble .medium img").first();
  await picture.waitFor();
  await picture.scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelector(".bubble .medium img").naturalWidth === 24);
  await p.look("chat", problems);
  await p.go("/media");
  await page.waitForFunction(() => document.querySelector(".gallery img")?.naturalWidth === 24);
  await p.look("media", problems);
  await p.go("/chats?q=ping+73");
  await page.locator("li.row").filter({ hasText: "ping 73" }).first().waitFor();
  await p.look("search", problems);

  // Break the configuration, see where, mend it, apply it, and return to what it was.
  await p.go("/config");
  const editor = page.locator("#text");
  const good = await editor.inputValue();
  await editor.fill(good.replace("wsPort: 0", "wsPort: many"));
  await button(w.review).click();
  await page.getByText(w.mistakes).waitFor();
  await p.look("config-wrong", problems);
  await page.locator("button[data-line]").first().click();
  const chosen = await editor.evaluate((e) => e.value.slice(e.selectionStart, e.selectionEnd));
  assert.equal(chosen, "many");
  assert.equal(readFileSync(box.config, "utf8"), good);
  await editor.fill(good + "historyLimit: 50 # 少一点\n");
  await button(w.review).click();
  await page.locator(".diff .plus").filter({ hasText: "historyLimit: 50" }).waitFor();
  await p.look("config-diff", problems);
  await button(w.apply).click();
  await told().waitFor();
  assert.equal(readFileSync(box.config, "utf8"), good + "historyLimit: 50 # 少一点\n");
  await p.look("config", problems);
  await button(w.back).first().click();
  await told().waitFor();
  assert.equal(readFileSync(box.config, "utf8"), good);

  // Pause an app: what comes waits. Resume it: what waited is answered. Replay: it hears it again.
  await p.go("/apps");
  await p.look("apps", problems);
  await button(w.pause).click();
  await told().waitFor();
  const waiting = page.locator("#app-echo ~ [data-part=app-echo] dd").first();
  assert.equal(await waiting.textContent(), "0");
  await box.say({ user_id: 20002, message: "ping 75" });
  await page.waitForFunction(() => document.querySelector("[data-part=app-echo] dd").textContent === "1"); // by itself
  await p.look("apps-paused", problems);
  await button(w.resume).click();
  await told().waitFor();
  await p.go("/chats/talk?account=default&chat=user:20002");
  await page.locator(".bubble.own").filter({ hasText: "pong 75" }).waitFor();
  await p.go("/apps");
  await page.locator("input[name=last]").fill("1");
  await button(w.replay).click();
  await told().waitFor();
  await p.go("/chats/talk?account=default&chat=user:20002");
  await page.waitForFunction(() => [...document.querySelectorAll(".bubble.own")].filter((b) => b.textContent.includes("pong 75")).length === 2);

  await p.go("/logs");
  await page.locator("li.row").first().waitFor();
  await p.look("logs", problems);
  await p.go("/nothing");
  await p.look("missing", problems);

  // Five tabs cost the box little.
  const rss = async () => JSON.parse(await box.run("status", "--json")).memory.rss;
  await p.go("/logs");
  const alone = await rss();
  const tabs = [];
  for (const where of ["/", "/decisions", "/apps", "/access", "/chats/talk?account=default&chat=user:20002"]) {
    const tab = await p.context.newPage();
    await tab.goto(box.base + where);
    tabs.push(tab);
  }
  await page.waitForTimeout(5000);
  const more = (await rss()) - alone;
  for (const tab of tabs) await tab.close();
  console.log(`${p.name}: five tabs take ${(more / 1048576).toFixed(1)} MiB`);

  // What a browser loads at first.
  const fresh = await p.context.newPage();
  let bytes = 0;
  const wire = await p.context.newCDPSession(fresh);
  await wire.send("Network.enable");
  await wire.send("Network.setCacheDisabled", { cacheDisabled: true });
  wire.on("Network.loadingFinished", (e) => (bytes += e.encodedDataLength));
  await fresh.goto(box.base + "/");
  await fresh.close();
  console.log(`${p.name}: the first load takes ${(bytes / 1024).toFixed(1)} KiB`);
  assert.ok(bytes > 0 && bytes < 150 * 1024, `the first load takes ${bytes} bytes`);

  assert.deepEqual(p.foreign, [], "requests left the box");
  assert.deepEqual(p.bad, [], "the page complained");
  assert.deepEqual(problems, []);
  assert.ok(more < 3 * 1048576, `five tabs take ${more} bytes`);
  await p.context.close();
}
