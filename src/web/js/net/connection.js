// One WebSocket to the server: answers matched to requests by order, a heartbeat, and reconnection
// with back-off. Knows frames, not what is in them.

import { Emitter } from '../core/emitter.js';
import { ConnectionLost, MtpError, envelope, isPush, readFrame } from './wire.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** Home routers and nginx drop a silent connection after 60 s; twice that often is safe. */
const HEARTBEAT_MS = 25_000;
const HEARTBEAT_ANSWER_MS = 10_000;
const ANSWER_MS = 60_000;
/** After a change of network, an answer comes this soon or the connection is dead. */
const PROBE_MS = 5_000;
/** The slowest uplink that is still waited for, so that a large file is not cut off. */
const SLOWEST_BYTES_PER_MS = 8;

/** Close codes of the server that mean something to a client. */
const SESSION_ENDED = 4401;
const TOO_SLOW = 1013;

/** Where the server that gave this page listens. */
export function socketUrl() {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}

/** Topics: `state` (`offline`, `connecting`, `open`), `push` (frame), `ended` (session refused). */
export class Connection extends Emitter {
  state = 'offline';
  /** When the next attempt begins (`Date.now()` milliseconds), for the person who waits. */
  retryAt = 0;
  #url;
  #socket = null;
  #waiting = [];
  #attempt = 0;
  #retryTimer = null;
  #heartbeat = null;
  #wanted = false;

  constructor(url) {
    super();
    this.#url = url;
    const awake = () => { if (this.state === 'open') this.#probe(); else this.retryNow(); };
    addEventListener('online', awake);
    addEventListener('offline', () => this.#drop());
    // A telephone that goes from one network to another tells nothing to the socket of the first.
    navigator.connection?.addEventListener?.('change', awake);
    document.addEventListener('visibilitychange', () => { if (!document.hidden) awake(); });
  }

  open() {
    this.#wanted = true;
    this.retryNow();
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#retryTimer);
    this.#drop();
  }

  retryNow() {
    if (!this.#wanted || this.#socket) return;
    clearTimeout(this.#retryTimer);
    this.#connect();
  }

  /** Sends a request; resolves with the answer's frame, rejects with MtpError or ConnectionLost. */
  request(type, data, { txn, progress } = {}) {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      if (socket?.readyState !== WebSocket.OPEN) { reject(new ConnectionLost()); return; }
      const text = JSON.stringify(envelope(type, data, txn));
      const patience = (type === 'ping_pong' ? HEARTBEAT_ANSWER_MS : ANSWER_MS) + text.length / SLOWEST_BYTES_PER_MS;
      const entry = { resolve, reject, timer: setTimeout(() => this.#drop(), patience) };
      this.#waiting.push(entry);
      socket.send(text);
      if (progress) watchUpload(socket, text.length, entry, progress);
    });
  }

  #connect() {
    this.#setState('connecting');
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    // A server that accepts and says nothing must not keep us waiting for ever.
    const timer = setTimeout(() => { if (socket.readyState === WebSocket.CONNECTING) this.#lost(socket); }, 15_000);
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      if (this.#socket !== socket) return;
      this.#setState('open');
      this.#scheduleBeat();
    });
    socket.addEventListener('message', (event) => { if (this.#socket === socket) this.#receive(event.data); });
    socket.addEventListener('close', (event) => { clearTimeout(timer); this.#lost(socket, event.code); });
  }

  /** The back-off starts again only when the server has really served us, not at the TCP level. */
  settled() {
    this.#attempt = 0;
  }

  #receive(text) {
    const frame = readFrame(text);
    if (!frame) return;
    this.#scheduleBeat();
    if (isPush(frame)) { this.emit('push', frame); return; }
    const entry = this.#waiting.shift();
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.done = true;
    if (frame.errors?.code >= 400) entry.reject(new MtpError(frame.errors, frame.data?.meta?.refusal ?? null));
    else entry.resolve(frame);
  }

  #scheduleBeat() {
    clearTimeout(this.#heartbeat);
    this.#heartbeat = setTimeout(() => this.#beat(), HEARTBEAT_MS);
  }

  #beat() {
    // Something is under way already: its own patience decides.
    if (this.#waiting.length > 0) { this.#scheduleBeat(); return; }
    this.request('ping_pong', null).catch(() => {});
  }

  /** Finds out soon whether the connection is still alive, whatever else waits for an answer. */
  #probe() {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    const patience = PROBE_MS + socket.bufferedAmount / SLOWEST_BYTES_PER_MS;
    const timer = setTimeout(() => this.#lost(socket), patience);
    this.request('ping_pong', null).catch(() => {}).finally(() => clearTimeout(timer));
  }

  #drop() {
    if (this.#socket) this.#lost(this.#socket);
  }

  #lost(socket, code = 0) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    clearTimeout(this.#heartbeat);
    try { socket.close(); } catch { /* closing a closed socket is no news */ }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const entry of waiting) {
      clearTimeout(entry.timer);
      entry.done = true;
      entry.reject(new ConnectionLost());
    }
    if (code === SESSION_ENDED) { this.#wanted = false; this.#setState('offline'); this.emit('ended'); return; }
    if (!this.#wanted) { this.#setState('offline'); return; }
    const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    // Random, so that a family's devices do not all come back in the same instant.
    const delay = code === TOO_SLOW ? 50 : ceiling * (0.5 + Math.random() / 2);
    this.retryAt = Date.now() + delay;
    this.#setState('offline');
    this.#retryTimer = setTimeout(() => this.retryNow(), delay);
  }

  #setState(state) {
    this.state = state;
    this.emit('state', state);
  }
}

/** A WebSocket has no progress event; what has not left its buffer yet tells the same. */
function watchUpload(socket, size, entry, progress) {
  const timer = setInterval(() => {
    if (entry.done || socket.readyState !== WebSocket.OPEN) { clearInterval(timer); return; }
    progress(Math.max(0, Math.min(1, 1 - socket.bufferedAmount / size)));
  }, 100);
}
