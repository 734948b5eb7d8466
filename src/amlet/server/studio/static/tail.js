// A log that grows: new bytes are fetched from where the page stands and added as text, never as markup.

const KEEP_CHARACTERS = 400_000;
const JUMP_BYTES = 2_000_000;
const TAIL_BYTES = 256_000;
const COLOURS = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)/g;

export class Tail {
  #panel;
  #pre;
  #api;
  #offset;
  #decoder = new TextDecoder();
  #busy = null;
  #wanted = 0;
  #torn = false;

  constructor(panel, api) {
    this.#panel = panel;
    this.#pre = panel.querySelector("pre");
    this.#api = api;
    this.#offset = Number(this.#pre.dataset.offset);
  }

  get path() {
    return this.#panel.dataset.log;
  }

  /** Show the log up to this size. Calls while one is under way are taken up by it. */
  async follow(sizeBytes) {
    this.#wanted = Math.max(this.#wanted, sizeBytes);
    this.#show();
    if (this.#busy === null) {
      this.#busy = this.#read().finally(() => {
        this.#busy = null;
      });
    }
    return this.#busy;
  }

  async #read() {
    while (this.#offset < this.#wanted) {
      if (this.#wanted - this.#offset > JUMP_BYTES) {
        this.#add("\n… left out: see the whole log …\n");
        this.#offset = this.#wanted - TAIL_BYTES;
        this.#decoder = new TextDecoder();
        this.#torn = true;
      }
      const query = new URLSearchParams({ path: this.path, offset: String(this.#offset) });
      const answer = await fetch(`${this.#api}/file?${query}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(`the log could not be read: ${answer.status}`);
      const reader = answer.body.getReader();
      const before = this.#offset;
      for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
        this.#offset += value.byteLength;
        this.#add(this.#whole(this.#decoder.decode(value, { stream: true })));
      }
      if (this.#offset === before) return;
    }
  }

  /** The text without the line that a jump has torn. */
  #whole(text) {
    if (!this.#torn) return text;
    const end = text.indexOf("\n");
    if (end >= 0) this.#torn = false;
    return end >= 0 ? text.slice(end + 1) : "";
  }

  #add(text) {
    if (text === "") return;
    const pre = this.#pre;
    const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
    const empty = this.#panel.querySelector("[data-log-empty]");
    if (empty) empty.hidden = true;
    pre.append(document.createTextNode(text.replace(COLOURS, "").replace(/\r+\n|\r/g, "\n")));
    let length = pre.textContent.length;
    while (length > KEEP_CHARACTERS && pre.childNodes.length > 1) {
      length -= pre.firstChild.textContent.length;
      pre.firstChild.remove();
    }
    if (atEnd) pre.scrollTop = pre.scrollHeight;
  }

  #show() {
    this.#panel.hidden = false;
    const link = this.#panel.querySelector("[data-log-link]");
    if (link) link.hidden = false;
  }

  /** Scroll to the newest line. */
  toEnd() {
    this.#pre.scrollTop = this.#pre.scrollHeight;
  }
}
