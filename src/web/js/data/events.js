// What happened in a flow between its messages: who came, who went, the new name. Kept by the number
// of the message that each follows. Pure.

export class Events {
  #after = new Map();
  #known = new Set();

  /** Adds events in the order in which they came; gives whether one was new. */
  put(events) {
    let changed = false;
    for (const event of events) {
      if (this.#known.has(event.id)) continue;
      this.#known.add(event.id);
      const list = this.#after.get(event.after) ?? [];
      // A page of history tells older ones than a push did: by time, and as told within one second.
      let at = list.length;
      while (at > 0 && list[at - 1].time > event.time) at -= 1;
      list.splice(at, 0, event);
      this.#after.set(event.after, list);
      changed = true;
    }
    return changed;
  }

  /** Those that follow message `number`; -1: those before the first. */
  after(number) { return this.#after.get(number) ?? []; }

  clear() {
    this.#after.clear();
    this.#known.clear();
  }
}
