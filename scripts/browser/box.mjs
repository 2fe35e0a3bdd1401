// A catflap with a simulated NapCat and an echo app, and a browser that looks at it.
import { spawn } from "node:child_process";
import http from "node:http";
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(path.join(top, ".cache/browser/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const program = process.env.CATFLAP || path.join(top, "build/catflap");
const pictures = process.env.SCREENSHOTS || path.join(top, "build/browser");
mkdirSync(pictures, { recursive: true });

// A loaded machine with two cores takes its time: whatever is waited for gets this long, in milliseconds.
export const patience = 60_000;

// Box is one throw-away instance.
export class Box {
  static async start() {
    const box = new Box();
    box.child = spawn(program, ["demo"], { env: { ...process.env, LANG: "en_US.UTF-8", CATFLAP_LANG: "en", NO_COLOR: "1" } });
    box.said = "";
    box.gone = new Promise((resolve) => box.child.on("exit", resolve));
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        box.child.kill("SIGKILL");
        reject(new Error("the demo does not come up:\n" + box.said));
      }, 2 * patience);
      const hear = (data) => {
        box.said += data;
        const link = box.said.match(/http:\/\/\S+\/login\?key=\S+/);
        const config = box.said.match(/CATFLAP_CONFIG=(\S+)/);
        if (link && config) {
          clearTimeout(late);
          [box.link, box.config] = [link[0], config[1]];
          box.base = new URL(box.link).origin;
          resolve();
        }
      };
      box.child.stdout.on("data", hear);
      box.child.stderr.on("data", hear);
      box.gone.then(() => {
        clearTimeout(late);
        reject(new Error("the demo has ended:\n" + box.said));
      });
    });
    return box;
  }

  // run uses the command line against the instance.
  run(...args) {
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { env: { ...process.env, CATFLAP_CONFIG: this.config, NO_COLOR: "1" } });
      let out = "";
      child.stdout.on("data", (d) => (out += d));
      child.stderr.on("data", (d) => (out += d));
      child.on("exit", (code) => (code === 0 ? resolve(out) : reject(new Error(`catflap ${args.join(" ")}: ${out}`))));
    });
  }

  // say lets somebody speak at the simulated NapCat.
  say(params) {
    return this.call("catflap_say", params);
  }

  // call performs an action there, by the API on the box's own socket.
  call(action, params) {
    const body = JSON.stringify({ action, params });
    return new Promise((resolve, reject) => {
      const r = http.request({ socketPath: path.join(path.dirname(this.config), "data/admin.sock"), path: "/api/v1/call", method: "POST" }, (answer) => {
        let text = "";
        answer.on("data", (d) => (text += d));
        answer.on("end", () => (answer.statusCode === 200 && JSON.parse(text).status === "ok" ? resolve() : reject(new Error(text))));
      });
      r.on("error", reject);
      r.end(body);
    });
  }

  async stop() {
    this.child.kill("SIGINT");
    const late = setTimeout(() => this.child.kill("SIGKILL"), patience);
    await this.gone;
    clearTimeout(late);
  }
}

// Eyes is one browser with a profile of its own.
export class Eyes {
  static async open() {
    const eyes = new Eyes();
    eyes.profile = mkdtempSync(path.join(tmpdir(), "catflap-browser-"));
    eyes.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      timeout: 2 * patience,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disk-cache-dir=" + eyes.profile],
    });
    return eyes;
  }

  async close() {
    await this.browser.close();
    rmSync(this.profile, { recursive: true, force: true });
  }

  // person is somebody with a screen and a language. Whatever leaves the box is noted.
  async person(box, { language, width, dark }) {
    const context = await this.browser.newContext({
      locale: language === "zh" ? "zh-CN" : "en-US", viewport: { width, height: width < 500 ? 780 : 900 },
      colorScheme: dark ? "dark" : "light", acceptDownloads: true,
    });
    const page = await context.newPage();
    const person = Object.assign(new Person(), { box, context, page, language, width, foreign: [], bad: [], name: `${language}-${width}${dark ? "-dark" : ""}` });
    context.on("request", (r) => {
      if (!r.url().startsWith(box.base + "/") && !r.url().startsWith("data:")) person.foreign.push(r.url());
    });
    page.on("pageerror", (e) => person.bad.push(String(e)));
    page.on("console", (m) => {
      if (m.type() === "error" && !/status of (4\d\d|503)/.test(m.text())) person.bad.push(m.text());
    });
    page.setDefaultTimeout(patience);
    return person;
  }
}

export class Person {
  go(where) {
    return this.page.goto(this.box.base + where);
  }

  // send presses a button that sends a form, and waits for the page that answers.
  async send(button) {
    await this.page.evaluate(() => { window.sent = true; });
    await button.click();
    await this.answer();
  }

  // key is send by a key of the keyboard.
  key(name) {
    return this.pressed(() => this.page.keyboard.press(name));
  }

  // pressed is send by anything else.
  async pressed(press) {
    await this.page.evaluate(() => { window.sent = true; });
    await press();
    await this.answer();
  }

  async answer() {
    await this.page.waitForFunction(() => !window.sent && document.readyState === "complete");
  }

  // look keeps a picture, asks axe, and checks that nothing is wider than the screen.
  async look(name, problems) {
    await this.page.screenshot({ path: path.join(pictures, `${this.name}-${name}.png`), fullPage: true });
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) problems.push(`${this.name} ${name}: ${wide} px wider than the screen`);
    // The page's policy forbids inline scripts; the driver's own world does not.
    const found = await this.page.evaluate(async (source) => {
      if (!window.axe) (0, eval)(source);
      const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
      return violations.map((v) => `${v.impact} ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
    }, axe);
    for (const v of found) problems.push(`${this.name} ${name}: ${v}`);
    const lang = await this.page.evaluate(() => document.documentElement.lang);
    if (lang !== (this.language === "zh" ? "zh-CN" : "en")) problems.push(`${this.name} ${name}: the page is in ${lang}`);
  }
}
