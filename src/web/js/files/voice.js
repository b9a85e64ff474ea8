// Voice messages: spoken while a finger holds or after a tap, seen as a level, listened to once more,
// sent. A microphone is given to pages by HTTPS only.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { clock } from '../text/times.js';
import { toast } from '../views/overlay.js';
import { Hold } from './hold.js';
import { quiet, voicePlayer } from './player.js';
import { reduce } from './waveform.js';

const LONGEST_MS = 15 * 60_000;
const PEAK_EVERY_MS = 50;
/** Shorter than this it was a slip of the finger. */
const SHORTEST_MS = 700;
const BITS = 32_000;
/** Safari records the first, Chromium and Firefox one of the others. */
const TYPES = ['audio/mp4;codecs=mp4a.40.2', 'audio/webm;codecs=opus', 'audio/mp4;codecs=opus'];

/** Why nothing can be recorded here: `https`, `browser`, or null. */
export function whyNoVoice() {
  if (!isSecureContext || !navigator.mediaDevices) return 'https';
  return 'MediaRecorder' in globalThis ? null : 'browser';
}

/** Says why there is no microphone, and how there can be one. */
async function explain(client, why) {
  if (why !== 'https') { toast(t(`voice.${why}`)); return; }
  const { explainSafe } = await import('../first/safe.js');
  explainSafe(client, t('voice.https'));
}

/** What was spoken in a conversation that one has left since, until it is sent or thrown away. */
const left = new Map();

/**
 * Records until the person sends or throws away, in a bar of its own. Resolves with `{bar, leave}` at
 * once, or with null; `send(file)` is called with `{kind, blob, type, extension, size, duration,
 * waveform}`, `end()` when it is over. `hold` is the finger that records while it is down; without one,
 * the bar has buttons. `flow`: whose conversation this is.
 */
export async function recordVoice({ client, flow, hold, send, end }) {
  const why = whyNoVoice();
  if (why) { hold?.end(); explain(client, why); end(); return null; }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch {
    hold?.end();
    toast(t('voice.refused'));
    end();
    return null;
  }
  const close = () => { for (const track of stream.getTracks()) track.stop(); };
  if (hold?.state === 'cancel') { close(); end(); return null; }
  // The browser asked first, and the finger has gone to the answer.
  if (hold && hold.state !== 'hold') { hold.end(); hold = null; }
  const recording = new Recording({ flow, hold, send, end, close });
  recording.record(stream);
  return recording;
}

/**
 * Resolves with what was spoken here before one looked elsewhere, to be heard and sent; with null when
 * nothing was, or when it is no longer `wanted()` once its last piece is there.
 */
export async function spokenBefore({ flow, send, end, wanted }) {
  const file = await left.get(flow);
  if (!file || !wanted()) return null;
  left.delete(flow);
  const recording = new Recording({ flow, send, end });
  recording.listen(file);
  return recording;
}

class Recording {
  bar = h('div.voice-bar', { role: 'group', 'aria-label': t('voice.recording') });
  #recorder;
  #parts;
  #type;
  #pieces = [];
  #peaks = [];
  #began = performance.now();
  #wanted = null;
  #left = null;
  #file = null;
  #time = h('time.voice-time', {}, '0:00');
  #level = h('span.voice-level', { 'aria-hidden': 'true' });
  #hint = h('span.voice-hint', {});

  constructor(parts) {
    this.#parts = parts;
    this.bar.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); this.#stop('cancel'); } });
  }

  record(stream) {
    const parts = this.#parts;
    this.#type = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { ...(this.#type ? { mimeType: this.#type } : {}), audioBitsPerSecond: BITS });
    this.#recorder.addEventListener('dataavailable', (event) => { if (event.data.size > 0) this.#pieces.push(event.data); });
    const stopMeasuring = this.#measure(stream);
    this.#recorder.addEventListener('stop', () => { stopMeasuring(); parts.close(); this.#finished(); });
    if (parts.hold) this.#follow(parts.hold); else this.#drawLocked();
    // A piece a second: what breaks loses one.
    this.#recorder.start(1_000);
  }

  /** Something that was spoken: it is heard before it goes. */
  listen(file) {
    this.#file = file;
    this.bar.setAttribute('aria-label', t('file.voice'));
    replace(this.bar,
      iconButton('trash', t('voice.cancel'), () => this.#stop('cancel')),
      voicePlayer({ ...file, id: `spoken ${this.#began}` }),
      this.#sendButton());
  }

  /** The person looks at another conversation: what was spoken waits in this one. */
  leave() {
    quiet();
    if (this.#file) { left.set(this.#parts.flow, this.#file); return; }
    // The last piece comes in a moment: who is back before it waits for it.
    left.set(this.#parts.flow, new Promise((resolve) => { this.#left = resolve; }));
    this.#stop('leave');
  }

  #measure(stream) {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getByteTimeDomainData(samples);
      const peak = samples.reduce((most, one) => Math.max(most, Math.abs(one - 128)), 0) * 2;
      this.#peaks.push(Math.min(255, peak));
      this.#level.style.transform = `scaleX(${0.05 + peak / 270})`;
      const spoken = performance.now() - this.#began;
      this.#time.textContent = clock(spoken / 1000);
      if (spoken >= LONGEST_MS) this.#stop('listen');
    }, PEAK_EVERY_MS);
    return () => { clearInterval(timer); context.close(); };
  }

  #stop(what) {
    if (this.#file) { quiet(); if (what === 'send') this.#parts.send(this.#file); this.#parts.end(); return; }
    if (this.#wanted !== null) return;
    this.#wanted = what;
    this.#recorder.stop();
  }

  #finished() {
    this.#parts.hold?.end();
    const duration = Math.round(performance.now() - this.#began);
    if (this.#wanted === 'cancel') { this.#left?.(null); this.#parts.end(); return; }
    if (duration < SHORTEST_MS) { this.#left?.(null); toast(t('voice.short')); this.#parts.end(); return; }
    const type = (this.#recorder.mimeType || this.#type || 'audio/webm').split(';')[0];
    const blob = new Blob(this.#pieces, { type });
    const file = { kind: 'voice', blob, type, extension: type === 'audio/mp4' ? 'm4a' : 'weba', size: blob.size, width: 0, height: 0, duration, waveform: reduce(this.#peaks) };
    if (this.#left) { this.#left(file); return; }
    this.listen(file);
    if (this.#wanted === 'send') this.#stop('send'); else this.bar.querySelector('.voice-play').focus({ preventScroll: true });
  }

  /** While a finger is down: what it can do is said, and shown as it does it. */
  #follow(hold) {
    this.bar.classList.add('held');
    this.#hint.textContent = t('voice.slide');
    const lock = h('span.voice-lock', { 'aria-hidden': 'true' }, icon('lock'));
    replace(this.bar, h('span.voice-dot', { 'aria-hidden': 'true' }), this.#time, this.#hint, this.#level, lock);
    hold.tell = () => {
      this.#hint.style.opacity = String(1 - hold.aside * 0.8);
      this.#hint.style.transform = `translateX(${(getComputedStyle(this.bar).direction === 'rtl' ? 30 : -30) * hold.aside}px)`;
      lock.style.transform = `translateY(${-24 * hold.up}px)`;
      if (hold.state === 'cancel' || hold.state === 'send') this.#stop(hold.state);
      if (hold.state === 'lock') this.#drawLocked();
    };
  }

  /** It records by itself. */
  #drawLocked() {
    if (this.#wanted !== null) return;
    this.bar.classList.remove('held');
    replace(this.bar,
      iconButton('trash', t('voice.cancel'), () => this.#stop('cancel')),
      h('span.voice-dot', { 'aria-hidden': 'true' }), this.#time, this.#level,
      iconButton('stop', t('voice.listen'), () => this.#stop('listen'), { class: 'voice-stop' }),
      this.#sendButton());
    this.bar.querySelector('.send').focus({ preventScroll: true });
  }

  #sendButton() { return iconButton('send', t('composer.send'), () => this.#stop('send'), { class: 'send' }); }
}

/** The button beside an empty field; `start(hold)` with the finger that went down on it, or without one. */
export function voiceButton(start) {
  return h('button.icon-button.voice', {
    type: 'button', 'aria-label': t('voice.record'), title: t('voice.record'),
    onpointerdown: (event) => {
      if (event.button !== 0) return;
      // Neither selected text nor a keyboard that closes.
      event.preventDefault();
      start(new Hold(event));
    },
    oncontextmenu: (event) => event.preventDefault(),
    // From a keyboard or a screen reader: there was no finger.
    onclick: (event) => { if (event.detail === 0) start(null); },
  }, icon('mic'));
}
