// QQ asks OpenClaw: a simulated NapCat, catflap with `backend: openclaw`, a real gateway, and a scripted model behind it.
// The configurations of both sides are those of docs/openclaw.md.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Box, Gateway, Model, count, patience, snippets, until } from "./stage.mjs";

const page = snippets("openclaw.md", "As the brain");
const theirs = new Function(`return (${page.find((b) => b.language === "json5").block})`)(); // JSON5 is JavaScript
const ours = page.find((b) => b.language === "yaml").block;

// of is the page's configuration for this machine, with some of its lines replaced.
function of(gateway, ...pairs) {
  let text = ours;
  for (const [from, to] of [["http://127.0.0.1:18789/v1", `http://127.0.0.1:${gateway.port}/v1`], ["the-token-of-the-gateway", Gateway.token], ...pairs]) {
    assert.ok(text.includes(from), `the page does not have ${from}`);
    text = text.replace(from, to);
  }
  return text;
}

// The account lets everybody in, so what keeps them out is the app's own filter.
const open = 'dmPolicy: open\nallowFrom: ["*"]\n';
const everybody = ['    only: {chats: ["user:20002"]}\n', ""];
const owner = 20002, friend = 20003;

let model, gateway, box;
before(async () => {
  model = await Model.start();
  gateway = await Gateway.start(model, theirs);
  box = await Box.start(of(gateway) + open);
}, { timeout: 3 * patience });
after(async () => {
  await box?.stop();
  await gateway?.stop();
  await model?.stop();
}, { timeout: patience });

const whole = { timeout: 2 * patience };

test("the agents of the page are there", () => {
  assert.deepEqual(gateway.models.sort(), ["openclaw", "openclaw/default", "openclaw/main", "openclaw/qq"]);
});

test("a message is answered, and the session remembers it", whole, async () => {
  await box.say(owner, "turn 1: the cat is called Miso");
  await box.hears(owner, "the answer to 1");
  const first = await model.about("turn 1");
  assert.match(first.turn, /Miso/);
  assert.match(first.talk, /session=agent:qq:catflap:openclaw:default:user:20002 /);
  // catflap's own words are added to OpenClaw's prompt.
  assert.match(first.system, /OpenClaw/);
  assert.match(first.system, /QQ/);
  assert.match(first.system, /10001/);

  await box.say(owner, "turn 2: what is it called?");
  await box.hears(owner, "the answer to 2");
  const second = await model.about("turn 2");
  assert.equal(count(second.talk, "the answer to 1"), 1, second.talk);
  assert.equal(count(second.talk, "Miso"), 1, "catflap has sent the first turn again:\n" + second.talk);
  assert.doesNotMatch(second.turn, /Miso/);
});

test("the agent is the one that was named, and it has no tools", whole, async () => {
  const asked = await model.about("turn 1");
  assert.deepEqual(asked.tools, []);
});

test("no bound on the length of a step", whole, async () => {
  const asked = await model.about("turn 1");
  assert.equal(asked.body.max_completion_tokens ?? asked.body.max_tokens, 8192);
});

test("/new begins another session", whole, async () => {
  await box.say(owner, "/new");
  await box.say(owner, "turn 3: who am I?");
  await box.hears(owner, "the answer to 3");
  const asked = await model.about("turn 3");
  assert.doesNotMatch(asked.talk, /Miso/);
  assert.match(asked.talk, /session=agent:qq:catflap:openclaw:default:user:20002:\d+ /);
});

test("a picture reaches the model", whole, async () => {
  const png = "iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAACDRijCAAAAI0lEQVR42mP8z0A9wEhFs0YNGjVo1KBRg0YNGjVo1KBRgwYnAACvBQEhQpWcLAAAAABJRU5ErkJggg==";
  await box.say(owner, [{ type: "text", data: { text: "turn 4: what is this?" } }, { type: "image", data: { file: "base64://" + png } }]);
  await box.hears(owner, "the answer to 4");
  const asked = await model.about("turn 4");
  const parts = asked.body.messages.flatMap((m) => (Array.isArray(m.content) ? m.content : []));
  const urls = parts.filter((p) => p.type === "image_url").map((p) => p.image_url.url);
  assert.equal(urls.length, 1, JSON.stringify(asked.body.messages.slice(1)).slice(0, 2000));
  assert.match(urls[0], /^data:image\/(png|jpeg);base64,/);
});

test("/stop ends the run at OpenClaw and its model", whole, async () => {
  await box.say(owner, "turn 5: think for ever");
  const asked = await model.about("turn 5");
  assert.ok(!asked.aborted);
  await box.say(owner, "/stop");
  await until("end of the request to the model", () => asked.aborted, () => gateway.process.said);
});

test("trouble behind OpenClaw is told", whole, async () => {
  await box.say(owner, "turn 6: break");
  await box.logs("the scripted model is broken");
});

test("only the owner is heard", whole, async () => {
  await box.say(friend, "turn 7: let me in");
  await box.say(owner, "turn 8: anybody else?");
  await box.hears(owner, "the answer to 8");
  assert.ok(!model.requests.some((r) => r.talk.includes("turn 7")));
});

test("several agents want a name", whole, async () => {
  box.write(of(gateway, ["model: openclaw/qq", "model: openclaw/default"]) + open);
  await box.run("reload");
  await box.say(owner, "turn 9");
  await box.logs("model openclaw/default at 127.0.0.1:" + gateway.port + ": it answered 400: Multiple agents are configured");
  box.write(of(gateway, ["model: openclaw/qq", "model: openclaw/nobody"]) + open);
  await box.run("reload");
  await box.say(owner, "turn 10");
  await box.logs("it answered 400: Unknown agent 'nobody'");
});

test("a wrong token is told, without the token", whole, async () => {
  const wrong = "a-wrong-token-of-the-test";
  box.write(of(gateway, [Gateway.token, wrong]) + open);
  await box.run("reload");
  await box.say(owner, "turn 11");
  await box.logs("it answered 401: Unauthorized: check apiKey");
  const status = await box.run("status");
  assert.match(status, /401: Unauthorized: check apiKey/);
  for (const said of [status, box.process.said]) assert.ok(!said.includes(wrong) && !said.includes(Gateway.token), "a token is shown");
});

test("doctor calls it critical when others are let in", whole, async () => {
  box.write(of(gateway) + open);
  assert.doesNotMatch(await box.run("doctor"), /full operator/);
  box.write(of(gateway, everybody) + open);
  assert.match(await box.run("doctor"), /full operator/);
});

test("the channel of the page is taken over", whole, async () => {
  const file = path.join(box.folder, "openclaw.json");
  writeFileSync(file, snippets("openclaw.md", "Moving").find((b) => b.language === "json5").block);
  const said = await box.run("config", "import", file);
  assert.match(said, /^wsPort: 3001$/m);
  assert.match(said, /^ {4}systemPrompt: Be brief\.$/m);
  assert.doesNotMatch(said, /openclaw\.json:\d/, "something of the page's example is not taken over");
});

// With one agent the name of the default is enough.
test("openclaw/default is the only agent", whole, async () => {
  const single = await Gateway.start(model, { gateway: theirs.gateway });
  const other = await Box.start(of(single, ["    model: openclaw/qq\n", ""]));
  try {
    assert.match(await other.run("agent", "try", "turn 20: hello"), /the answer to 20/);
    await other.say(owner, "turn 21: hello");
    await other.hears(owner, "the answer to 21");
    const asked = await model.about("turn 21");
    assert.match(asked.talk, /session=agent:main:catflap:openclaw:default:user:20002 /);
    assert.ok(asked.tools.includes("exec"), "the page says that an ordinary agent is offered a shell: " + asked.tools);
  } finally {
    await other.stop();
    await single.stop();
  }
});
