// What the owner of a box does in the console, as a person would: in both languages, on a phone and on a desk.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Box, Eyes, patience } from "./box.mjs";

let eyes;
before(async () => { eyes = await Eyes.open(); });
after(() => eyes?.close());

const words = {
  en: { enter: "Enter", approve: "Approve", mention: "Answer without a mention", review: "Check and compare", apply: "Apply", back: "Return to this",
    pause: "Pause", resume: "Resume", replay: "Replay", say: "Say it", well: "All is well.", mistakes: "Mistakes: 1", needed: "the bot was not mentioned", whole: "expected a whole number from 0 to 65535",
    out: "Log out", why: "Which, and how to let them through" },
  zh: { enter: "进入", approve: "批准", mention: "此群不需要 @", review: "检查并比较", apply: "应用更改", back: "恢复此版本",
    pause: "暂停", resume: "恢复", replay: "重放", say: "发送", well: "一切正常。", mistakes: "错误：1 处", needed: "消息没有 @", whole: "应为 0 到 65535 的整数",
    out: "退出", why: "查看是哪些，以及如何放行" },
};

for (const who of [
  { language: "zh", width: 360 }, { language: "en", width: 1280 }, { language: "en", width: 360, dark: true }, { language: "zh", width: 1280, dark: true },
]) {
  test(`the console in ${who.language} at ${who.width} px`, { timeout: 10 * patience }, async () => {
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
  const told = async () => assert.equal(await page.locator("p.told.good").count(), 1, await page.locator("main").textContent());

  // What the stream has told, in front of the page's own ears.
  await page.addInitScript(() => {
    window.EventSource = class extends EventSource {
      constructor(...all) {
        super(...all);
        this.addEventListener("part", (e) => { window.heard = e.data; });
      }
    };
  });

  // Log in by the link, set a password, and come back with it.
  await page.goto(box.link);
  await p.look("login", problems);
  await p.send(button(w.enter));
  await page.getByText(w.well).waitFor();
  await p.look("overview", problems);
  await p.go("/password");
  await page.locator("#new").fill("eight letters");
  await page.locator("#again").fill("eight letters");
  await p.look("password", problems);
  await p.send(page.locator("main form button").first());
  await page.locator("#password").fill("wrong password");
  await p.key("Enter");
  await page.getByRole("alert").first().waitFor();
  await p.look("login-wrong", problems);
  await page.locator("#password").fill("eight letters");
  await p.key("Enter");
  await page.getByText(w.well).waitFor();

  // A stranger writes; the owner sees it come, lets him in, and his next message is answered.
  const speak = async ({ user, group = "", text, at = false }) => {
    await p.go("/simulator");
    await page.locator("#user").fill(user);
    await page.locator("#group").fill(group);
    await page.locator("#said").fill(text);
    await page.locator("#at").setChecked(at);
    await p.send(button(w.say));
    await told();
  };
  await p.go("/access");
  await box.say({ user_id: 20077, message: "ping 70" });
  await page.locator("[data-part=pending] li").filter({ hasText: "20077" }).waitFor(); // by itself
  // Somebody else comes and goes: the button keeps its focus, and a press that spans the news is a press.
  const approve = page.locator("[data-part=pending] li").filter({ hasText: "20077" }).getByRole("button", { name: w.approve });
  const focused = (button) => button.evaluate((b) => b === document.activeElement);
  await approve.focus();
  await box.say({ user_id: 20079, message: "ping 79" });
  await page.locator("[data-part=pending] li").filter({ hasText: "20079" }).waitFor();
  assert.ok(await focused(approve), "a live part took the focus");
  await p.look("access-pending", problems);
  await approve.hover();
  await page.mouse.down();
  await box.run("pairing", "deny", "20079");
  await page.waitForFunction(() => !window.heard.includes("20079"));
  await p.pressed(() => page.mouse.up());
  await told();
  await page.locator("section[aria-labelledby=approved] li").filter({ hasText: "20077" }).waitFor();
  await page.locator("section[aria-labelledby=approved] bdi").filter({ hasText: "Eve" }).waitFor(); // people have names
  assert.equal(await page.locator("[data-part=pending] li").filter({ hasText: "20077" }).count(), 0);
  await p.look("access", problems);
  await speak({ user: "20077", text: "ping 71" });
  await page.locator(".bubble.own").filter({ hasText: "pong 71" }).waitFor(); // by itself
  await p.look("simulator", problems);

  // The start page says it too, and who is in a hurry lets somebody in from there.
  await p.go("/");
  await box.say({ user_id: 20078, message: "ping 76" });
  const hurry = page.locator("[data-part=pending] li").filter({ hasText: "20078" });
  await hurry.waitFor(); // by itself
  await page.locator("[data-part=silence] li").first().waitFor();
  await p.look("overview-busy", problems);
  await p.send(hurry.getByRole("button", { name: w.approve }));
  await told();
  assert.equal(new URL(page.url()).pathname, "/");
  assert.equal(await hurry.count(), 0);
  await box.say({ user_id: 20078, message: "ping 77" });
  await p.go("/chats/talk?account=default&chat=user:20078");
  await page.locator(".bubble.own").filter({ hasText: "pong 77" }).waitFor();

  // Why was that ignored? And let it through next time. The comments of the file stay.
  const before = readFileSync(box.config, "utf8");
  assert.match(before, /# written by catflap demo/);
  await speak({ user: "20002", group: "30003", text: "ping 72" });
  await p.go("/");
  await p.send(page.getByRole("link", { name: w.why }));
  assert.equal(new URL(page.url()).search, "?show=ignored");
  const row = page.locator("li.row").filter({ hasText: w.needed }).first();
  await row.waitFor();
  await p.look("decisions", problems);
  await p.send(row.getByRole("button", { name: w.mention }));
  await told();
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
  await p.key("Space");
  await told();
  assert.equal(await page.locator("#grouplist li").filter({ hasText: "30003" }).getByRole("switch").nth(1).getAttribute("aria-checked"), "true");
  const other = page.locator("#grouplist li").filter({ hasText: "30004" }).getByRole("switch").nth(0);
  assert.equal(await other.getAttribute("aria-checked"), "false");
  await p.send(other);
  await told();
  assert.match(readFileSync(box.config, "utf8"), /"30004": \{"enabled": true\}/);

  // A chat with a quote and a picture.
  const png = "iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAACDRijCAAACnklEQVR42g3MkQKFMABA0XEyiudJFM+TUTxPJvk8meS7nEzycTTJx9GkD3jvfMARQtAJeoESDIJJoAWzYBFYwSrYBF6wCw5BFJyCS5AFt+ARVMEr+ARCSDpJL1GSQTJJtGSWLBIrWSWbxEt2ySGJklNySbLkljySKnkln/xHik7RK5RiUEwKrZgVi8IqVsWm8IpdcSii4lRciqy4FY+iKl7Fp/7RSDfSj6iRYWQa0SPzyDJiR9aRbcSP7CPHSBw5R66RPHKPPCN15B35xn+k6TS9RmkGzaTRmlmzaKxm1Wwar9k1hyZqTs2lyZpb82iq5tV8+h8ZOkNvUIbBMBm0YTYsBmtYDZvBG3bDYYiG03AZsuE2PIZqeA2f+UeWztJblGWwTBZtmS2LxVpWy2bxlt1yWKLltFyWbLktj6VaXstn/5Gjc/QO5Rgck0M7ZsfisI7VsTm8Y3ccjug4HZcjO27H46iO1/G5f+TpPL1HeQbP5NGe2bN4rGf1bB7v2T2HJ3pOz+XJntvzeKrn9Xz+HwW6QB9QgSEwBXRgDiwBG1gDW8AH9sARiIEzcAVy4A48gRp4A1/4R5Eu0kdUZIhMER2ZI0vERtbIFvGRPXJEYuSMXJEcuSNPpEbeyBf/UaJL9AmVGBJTQifmxJKwiTWxJXxiTxyJmDgTVyIn7sSTqIk38aV/lOkyfUZlhsyU0Zk5s2RsZs1sGZ/ZM0cmZs7MlcmZO/NkaubNfPkfFbpCX1CFoTAVdGEuLAVbWAtbwRf2wlGIhbNwFXLhLjyFWngLX/lHla7SV1RlqEwVXZkrS8VW1spW8ZW9clRi5axclVy5K0+lVt7KV/9Ro2v0DdUYGlNDN+bG0rCNtbE1fGNvHI3YOBtXIzfuxtOojbfxNX5tQ1lXVGfMwAAAAABJRU5ErkJggg==";
  await box.say({ user_id: 20002, message: [{ type: "text", data: { text: "ping 74 <b>not bold</b>" } }, { type: "image", data: { file: "base64://" + png } }] });
  await p.go("/chats");
  await p.look("chats", problems);
  await p.send(page.getByRole("link", { name: "20002" }));
  await page.locator(".bubble:not(.own)").filter({ hasText: "<b>not bold</b>" }).waitFor();
  const picture = page.locator(".bubble .medium img").first();
  await picture.waitFor();
  await picture.scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelector(".bubble .medium img").naturalWidth === 24);
  await p.look("chat", problems);

  // Who reads the end of a long chat stays there.
  await box.say({ user_id: 20002, message: "ping 80" + "\n.".repeat(60) });
  await page.locator(".bubble.own").filter({ hasText: "pong 80" }).waitFor();
  await p.go("/chats/talk?account=default&chat=user:20002");
  await box.say({ user_id: 20002, message: "ping 81" });
  await page.locator(".bubble.own").filter({ hasText: "pong 81" }).waitFor();
  await page.waitForFunction(() => scrollY > 0 && document.querySelector(".bubble:last-child").getBoundingClientRect().bottom < innerHeight + 2);

  // A word stands for a picture that is gone; a card says what it is about.
  await page.route("**/media/*", (route) => route.fulfill({ status: 404 }));
  await box.say({ user_id: 20002, message: [{ type: "json", data: { data: JSON.stringify({ app: "a", prompt: "[QQ小程序]<i>天气" }) } }] });
  await page.locator(".bubble .said").filter({ hasText: "[QQ小程序]<i>天气" }).waitFor();
  await page.reload();
  await picture.scrollIntoViewIfNeeded();
  await page.locator(".bubble .lost").first().waitFor();
  await p.look("chat-lost", problems);
  await page.unroute("**/media/*");
  await p.go("/media");
  await page.waitForFunction(() => document.querySelector(".gallery img")?.naturalWidth === 24);
  await p.look("media", problems);
  await p.go("/chats?q=ping+73");
  await page.locator("li.row").filter({ hasText: "ping 73" }).first().waitFor();
  await p.look("search", problems);

  // QQ users choose names, texts and names of files: nothing of it runs, nothing of it breaks the page.
  const evil = `<img src=x onerror="window.evil=1"><script>window.evil=1</script>"'&\u202e${"长".repeat(40)}${"W".repeat(60)}`;
  await box.call("set_group_card", { group_id: 30003, user_id: 20002, card: evil });
  await box.say({ user_id: 20002, group_id: 30003, message: evil });
  await box.say({ user_id: 20002, group_id: 30003, at: true, message: [{ type: "text", data: { text: " ping 78 " + evil } }, { type: "file", data: { file: '<img src=x onerror="window.evil=1">.txt' } }] });
  await p.go("/chats/talk?account=default&chat=group:30003");
  await page.locator(".bubble.own").filter({ hasText: "pong 78" }).waitFor();
  await page.locator(".bubble .who").filter({ hasText: "onerror" }).first().waitFor();
  await page.locator(".bubble .medium").filter({ hasText: "onerror" }).first().waitFor();
  // A recalled text goes from what quotes it, too.
  const quoted = await page.evaluate(async () => (await (await fetch("/api/v1/history/show?account=default&chat=group:30003")).json()).findLast((m) => m.text.includes("pong 73")));
  await box.say({ user_id: 20002, group_id: 30003, message: [{ type: "reply", data: { id: String(quoted.message_id) } }, { type: "text", data: { text: "as you said" } }] });
  await page.locator("blockquote").filter({ hasText: "pong 73" }).waitFor();
  await box.call("delete_msg", { message_id: quoted.message_id });
  await page.waitForFunction(() => !document.querySelector("main").textContent.includes("pong 73"));
  for (const [name, where] of [["hostile-chat", page.url().slice(box.base.length)], ["hostile-chats", "/chats"], ["hostile-search", "/chats?q=onerror"]]) {
    await p.go(where);
    await p.look(name, problems);
    assert.equal(await page.evaluate(() => window.evil ?? document.querySelectorAll("[onerror], main script").length), 0, where);
  }

  // Break the configuration, see where, mend it, apply it, and return to what it was.
  await p.go("/config");
  const editor = page.locator("#text");
  const good = await editor.inputValue();
  await editor.fill(good.replace("wsPort: 0", "wsPort: many"));
  await p.send(button(w.review));
  await page.getByText(w.mistakes).waitFor();
  await page.getByText(w.whole).waitFor();
  await p.look("config-wrong", problems);
  await page.locator("button[data-line]").first().click();
  const chosen = await editor.evaluate((e) => e.value.slice(e.selectionStart, e.selectionEnd));
  assert.equal(chosen, "many");
  assert.equal(readFileSync(box.config, "utf8"), good);
  await editor.fill(good + "historyLimit: 50 # 少一点\n");
  await p.send(button(w.review));
  await page.locator(".diff .plus").filter({ hasText: "historyLimit: 50" }).waitFor();
  await p.look("config-diff", problems);
  // Somebody else turns a switch meanwhile: the editor does not overwrite that by itself.
  writeFileSync(box.config, good + "# another hand\n");
  await p.send(button(w.review));
  await page.locator(".diff .minus").filter({ hasText: "another hand" }).waitFor();
  await p.look("config-moved", problems);
  writeFileSync(box.config, good);
  await p.send(button(w.review));
  await p.send(button(w.apply));
  await told();
  assert.equal(readFileSync(box.config, "utf8"), good + "historyLimit: 50 # 少一点\n");
  await p.look("config", problems);
  await p.send(button(w.back).first());
  await told();
  assert.equal(readFileSync(box.config, "utf8"), good);

  // What somebody else does to an app shows by itself, with the button that undoes it.
  await p.go("/apps");
  await button(w.pause).focus();
  await box.run("app", "pause", "echo");
  await button(w.resume).waitFor();
  await box.run("app", "resume", "echo");
  await button(w.pause).waitFor();
  assert.ok(await focused(button(w.pause)), "a live part took the focus");

  // Pause an app: what comes waits. Resume it: what waited is answered. Replay: it hears it again.
  await p.go("/apps");
  await p.look("apps", problems);
  await p.send(button(w.pause));
  await told();
  const waiting = page.locator("#app-echo ~ [data-part=app-echo] dd").first();
  assert.equal(await waiting.textContent(), "0");
  await box.say({ user_id: 20002, message: "ping 75" });
  await page.waitForFunction(() => document.querySelector("[data-part=app-echo] dd").textContent === "1"); // by itself
  await p.look("apps-paused", problems);
  await p.send(button(w.resume));
  await told();
  await p.go("/chats/talk?account=default&chat=user:20002");
  await page.locator(".bubble.own").filter({ hasText: "pong 75" }).waitFor();
  await p.go("/apps");
  await page.locator("input[name=last]").fill("1");
  await p.send(button(w.replay));
  await told();
  await p.go("/chats/talk?account=default&chat=user:20002");
  await page.waitForFunction(() => [...document.querySelectorAll(".bubble.own")].filter((b) => b.textContent.includes("pong 75")).length === 2);

  await p.go("/logs");
  await page.locator("li.row").first().waitFor();
  await p.look("logs", problems);
  await p.go("/nothing");
  await p.look("missing", problems);

  // Five tabs cost the box little: the middle of some samples, while all of them stream.
  const rss = async () => {
    const samples = [];
    for (let i = 0; i < 9; i++) {
      samples.push(JSON.parse(await box.run("status", "--json")).memory.rss);
      await page.waitForTimeout(300);
    }
    return samples.sort((x, y) => x - y)[4];
  };
  await p.go("/nothing");
  const alone = await rss();
  const tabs = [];
  for (const where of ["/", "/decisions", "/apps", "/access", "/chats/talk?account=default&chat=user:20002"]) {
    const tab = await p.context.newPage();
    const streams = tab.waitForResponse((r) => new URL(r.url()).pathname === "/live");
    await tab.goto(box.base + where);
    assert.equal((await streams).status(), 200);
    tabs.push(tab);
  }
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

  // Out, and the pages are closed.
  await p.go("/");
  await p.send(button(w.out));
  await p.go("/chats");
  assert.equal(new URL(page.url()).pathname, "/login");

  assert.deepEqual(p.foreign, [], "requests left the box");
  assert.deepEqual(p.bad, [], "the page complained");
  assert.deepEqual(problems, []);
  assert.ok(more < 3 * 1048576, `five tabs take ${more} bytes`);
  await p.context.close();
}
