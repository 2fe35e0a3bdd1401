// A real OpenClaw gateway with a scripted model behind it, and a catflap with a simulated NapCat in front of it.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const modules = path.join(top, ".cache/openclaw/node_modules");
const node = path.join(modules, `node-linux-${process.arch}/bin/node`);
const program = process.env.CATFLAP || path.join(top, "build/catflap");

// A loaded machine with two cores takes its time: whatever is waited for gets this long, in milliseconds.
export const patience = 120_000;

// What a page of the documentation has under a heading, by the language of the block.
export function snippets(page, heading) {
  const text = readFileSync(path.join(top, "docs", page), "utf8");
  const part = text.split(/^## /m).find((p) => p.startsWith(heading));
  if (!part) throw new Error(`${page} has no heading ${heading}`);
  return [...part.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, block]) => ({ language, block }));
}

// freePort is one that was free a moment ago.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// until asks again until there is an answer; what is said at the end explains why there was none.
export async function until(what, ask, explain = () => "") {
  const end = Date.now() + patience;
  for (;;) {
    const got = await ask();
    if (got) return got;
    if (Date.now() > end) throw new Error(`no ${what}\n${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// Child is a process that was started here, with what it says.
class Child {
  constructor(command, args, options) {
    this.said = "";
    this.child = spawn(command, args, options);
    this.gone = new Promise((resolve) => {
      this.child.on("exit", () => { this.over = true; resolve(); });
      this.child.on("error", (e) => { this.over = true; this.said += e; resolve(); });
    });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (d) => (this.said += d));
  }

  async stop() {
    this.child.kill("SIGTERM");
    const late = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    await this.gone;
    clearTimeout(late);
  }
}

// Model is a chat-completions server. Each request is kept; what it does depends on the words of the turn.
export class Model {
  static async start() {
    const model = new Model();
    model.requests = [];
    model.server = http.createServer((request, response) => {
      let body = "";
      request.on("data", (d) => (body += d));
      request.on("end", () => model.answer(JSON.parse(body || "{}"), response));
    });
    await new Promise((resolve) => model.server.listen(0, "127.0.0.1", resolve));
    model.url = `http://127.0.0.1:${model.server.address().port}`;
    return model;
  }

  answer(body, response) {
    if (!body.messages) {
      response.writeHead(404).end(); // OpenClaw looks for a catalog of models
      return;
    }
    const asked = new Asked(body);
    this.requests.push(asked);
    response.on("close", () => { asked.aborted = !response.writableFinished; });
    if (asked.turn.includes("break")) {
      response.writeHead(400, { "Content-Type": "application/json" }).end('{"error":{"message":"the scripted model is broken"}}');
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const chunk = (choices, more = {}) => response.write(`data: ${JSON.stringify({ id: "s", object: "chat.completion.chunk", created: 1, model: "small", choices, ...more })}\n\n`);
    chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);
    if (asked.turn.includes("think for ever")) return;
    const number = asked.turn.match(/turn (\d+)/)?.[1] ?? "none";
    for (const word of ["the", " answer", ` to ${number}`]) chunk([{ index: 0, delta: { content: word }, finish_reason: null }]);
    chunk([{ index: 0, delta: {}, finish_reason: "stop" }]);
    chunk([], { usage: { prompt_tokens: 100, completion_tokens: 7, total_tokens: 107 } });
    response.end("data: [DONE]\n\n");
  }

  // about is the request whose turn has some words; OpenClaw asks its model about other things as well.
  about(words) {
    return until(`request about ${words}`, () => this.requests.find((r) => r.turn.includes(words)), () => this.requests.map((r) => r.turn).join("\n"));
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

// Asked is one request to the model.
class Asked {
  constructor(body) {
    this.body = body;
    const texts = body.messages.filter((m) => m.role === "user").map((m) => text(m.content)).filter((t) => !t.includes("OPENCLAW_INTERNAL_CONTEXT"));
    this.turn = texts.at(-1) ?? "";
    this.system = body.messages.filter((m) => m.role === "system" || m.role === "developer").map((m) => text(m.content)).join("\n");
    this.talk = body.messages.filter((m) => m.role === "user" || m.role === "assistant").map((m) => text(m.content)).join("\n");
    this.tools = (body.tools ?? []).map((t) => t.function.name);
  }
}

const text = (content) => (typeof content === "string" ? content : (content ?? []).map((p) => p.text ?? "").join("\n"));

// count is how often a text has a word.
export const count = (text, word) => text.split(word).length - 1;

// Gateway is OpenClaw with a folder of its own. What is given goes on top of its configuration.
export class Gateway {
  static token = "gateway-token-of-the-test";

  static async start(model, more) {
    const gateway = new Gateway();
    gateway.folder = mkdtempSync(path.join(tmpdir(), "catflap-openclaw-"));
    gateway.port = await freePort();
    const config = merge({
      gateway: { mode: "local", port: gateway.port, bind: "loopback", auth: { mode: "token", token: Gateway.token }, controlUi: { enabled: false } },
      agents: { defaults: { model: { primary: "scripted/small" }, workspace: path.join(gateway.folder, "workspace"), skipBootstrap: true } },
      models: {
        mode: "replace", catalogRefresh: { url: `${model.url}/catalog` },
        providers: { scripted: { baseUrl: `${model.url}/v1`, apiKey: "sk-scripted", api: "openai-completions", models: [{ id: "small", name: "Scripted", input: ["text", "image"], contextWindow: 120000, maxTokens: 8192 }] } },
      },
      skills: { workshop: { autonomous: { mode: "off" } } },
      update: { checkOnStart: false },
      logging: { file: path.join(gateway.folder, "openclaw.log") },
    }, more);
    const file = path.join(gateway.folder, "openclaw.json");
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    gateway.process = new Child(node, [path.join(modules, "openclaw/openclaw.mjs"), "gateway", "run"], {
      cwd: gateway.folder,
      // Nothing is asked outside of this machine: a proxy that nobody answers at sees to that.
      env: {
        PATH: process.env.PATH, HOME: gateway.folder, TMPDIR: gateway.folder, OPENCLAW_STATE_DIR: path.join(gateway.folder, "state"), OPENCLAW_CONFIG_PATH: file, OPENCLAW_DISABLE_BONJOUR: "1",
        HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1,localhost", NO_COLOR: "1",
      },
    });
    gateway.models = await until("gateway", async () => {
      if (gateway.process.over) throw new Error(`the gateway has ended:\n${gateway.process.said}`);
      try {
        const answer = await fetch(`http://127.0.0.1:${gateway.port}/v1/models`, { headers: { Authorization: `Bearer ${Gateway.token}` } });
        return answer.ok && (await answer.json()).data.map((m) => m.id);
      } catch {
        return null; // not yet
      }
    }, () => gateway.process.said);
    return gateway;
  }

  async stop() {
    await this.process.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function merge(a, b) {
  const out = { ...a };
  for (const [key, value] of Object.entries(b)) {
    out[key] = value && typeof value === "object" && !Array.isArray(value) ? merge(out[key] ?? {}, value) : value;
  }
  return out;
}

// Box is a catflap and its NapCat.
export class Box {
  static async start(config) {
    const box = new Box();
    box.folder = mkdtempSync(path.join(tmpdir(), "catflap-box-"));
    mkdirSync(path.join(box.folder, "data"), { mode: 0o700 });
    box.file = path.join(box.folder, "catflap.yaml");
    box.head = `wsPort: ${await freePort()}\naccessToken: napcat-token-of-the-test\ngateway: {listen: "127.0.0.1:${await freePort()}"}\nconsole: {listen: off}\ndataDir: ${path.join(box.folder, "data")}\nlanguage: en\n`;
    box.write(config);
    const env = { PATH: process.env.PATH, HOME: box.folder, CATFLAP_CONFIG: box.file, CATFLAP_LANG: "en", NO_COLOR: "1" };
    box.env = env;
    box.process = new Child(program, ["run"], { env });
    box.napcat = new Child(program, ["simulate"], { env, stdio: ["pipe", "pipe", "pipe"] });
    await until("link", () => {
      if (box.process.over) throw new Error(`catflap has ended:\n${box.process.said}`);
      return box.process.said.includes("NapCat linked");
    }, () => box.process.said + box.napcat.said);
    return box;
  }

  write(config) {
    writeFileSync(this.file, this.head + config, { mode: 0o600 });
  }

  // run uses the command line.
  run(...args) {
    const child = new Child(program, args, { env: this.env });
    return child.gone.then(() => child.said);
  }

  // say lets somebody speak at the simulated NapCat.
  say(user, message) {
    const body = JSON.stringify({ action: "catflap_say", params: { user_id: user, message } });
    return new Promise((resolve, reject) => {
      const r = http.request({ socketPath: path.join(this.folder, "data/admin.sock"), path: "/api/v1/call", method: "POST" }, (answer) => {
        let text = "";
        answer.on("data", (d) => (text += d));
        answer.on("end", () => (answer.statusCode === 200 && JSON.parse(text).status === "ok" ? resolve() : reject(new Error(text))));
      });
      r.on("error", reject);
      r.end(body);
    });
  }

  // hears waits until the bot has said something to somebody.
  hears(user, words) {
    return until(`"${words}" to ${user}`, () => this.napcat.said.split("\n").find((l) => l.startsWith(`bot -> ${user}:`) && l.includes(words)), () => this.napcat.said + this.process.said);
  }

  logs(words) {
    return until(`log of "${words}"`, () => this.process.said.split("\n").find((l) => l.includes(words)), () => this.process.said);
  }

  async stop() {
    await this.napcat.stop();
    await this.process.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
