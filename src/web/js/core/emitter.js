// The only event mechanism of the client: named topics, synchronous delivery.

export class Emitter {
  #listeners = new Map();

  /** Calls `listener` on every `emit(topic)`; returns the function that ends it. */
  on(topic, listener) {
    if (!this.#listeners.has(topic)) this.#listeners.set(topic, new Set());
    const set = this.#listeners.get(topic);
    set.add(listener);
    return () => set.delete(listener);
  }

  emit(topic, value) {
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) {
      // One broken view must not keep the others from hearing the news.
      try { listener(value); } catch (error) { console.error(error); }
    }
  }
}

/** Runs `work` once per burst of calls, `delay` milliseconds after the first of them. */
export function debounce(work, delay) {
  let timer = null;
  const run = () => { timer = null; work(); };
  const call = () => { timer ??= setTimeout(run, delay); };
  call.now = () => { if (timer !== null) { clearTimeout(timer); run(); } };
  return call;
}

/** Runs `work` at most once per animation frame (a hidden page has none: a timer stands in). */
export function perFrame(work) {
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    const run = () => { if (pending) { pending = false; work(); } };
    if (document.hidden) setTimeout(run, 50); else requestAnimationFrame(run);
  };
}
