// Voice messages: spoken, seen as a wave, listened to once more, sent. A microphone is given to pages
// by HTTPS only.

import { h, icon, iconButton } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { clock } from '../text/times.js';
import { toast } from '../views/overlay.js';
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

/**
 * Records until the person sends or throws away, in a bar of its own. Resolves with the bar at once;
 * `send(file)` is called with `{kind, blob, type, extension, size, duration, waveform}`, `end()` when
 * it is over.
 */
export async function recordVoice({ send, end }) {
  const why = whyNoVoice();
  if (why) { toast(t(`voice.${why}`)); end(); return null; }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch {
    toast(t('voice.refused'));
    end();
    return null;
  }
  const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, { ...(mimeType ? { mimeType } : {}), audioBitsPerSecond: BITS });
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  const [pieces, peaks] = [[], []];
  const began = performance.now();
  let wanted = null;

  const time = h('time.voice-time', {}, '0:00');
  const level = h('span.voice-level', { 'aria-hidden': 'true' });
  const stop = (what) => { if (wanted === null) { wanted = what; recorder.stop(); } };
  const bar = h('div.voice-bar', { role: 'group', 'aria-label': t('voice.recording') },
    iconButton('trash', t('voice.cancel'), () => stop('cancel')),
    h('span.voice-dot', { 'aria-hidden': 'true' }), time, level,
    iconButton('send', t('composer.send'), () => stop('send'), { class: 'send' }));
  bar.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); stop('cancel'); } });
  slideToCancel(bar, () => stop('cancel'));

  const timer = setInterval(() => {
    analyser.getByteTimeDomainData(samples);
    const peak = samples.reduce((most, one) => Math.max(most, Math.abs(one - 128)), 0) * 2;
    peaks.push(Math.min(255, peak));
    level.style.transform = `scaleX(${0.05 + peak / 270})`;
    const past = performance.now() - began;
    time.textContent = clock(past / 1000);
    if (past > LONGEST_MS) stop('send');
  }, PEAK_EVERY_MS);

  recorder.addEventListener('dataavailable', (event) => { if (event.data.size > 0) pieces.push(event.data); });
  recorder.addEventListener('stop', () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    context.close();
    const duration = Math.round(performance.now() - began);
    if (wanted === 'send' && duration >= SHORTEST_MS) {
      const type = (recorder.mimeType || mimeType || 'audio/webm').split(';')[0];
      const blob = new Blob(pieces, { type });
      send({ kind: 'voice', blob, type, extension: type === 'audio/mp4' ? 'm4a' : 'weba', size: blob.size, width: 0, height: 0, duration, waveform: reduce(peaks) });
    } else if (wanted === 'send') toast(t('voice.short'));
    end();
  });
  // A piece a second: what breaks loses one.
  recorder.start(1_000);
  return bar;
}

/** A finger that slides to the side throws away. */
function slideToCancel(bar, cancel) {
  let from = null;
  bar.addEventListener('pointerdown', (event) => { if (!event.target.closest('button')) from = event.clientX; });
  bar.addEventListener('pointermove', (event) => { if (from !== null && from - event.clientX > 90) { from = null; cancel(); } });
  bar.addEventListener('pointerup', () => { from = null; });
}

/** The button beside an empty field. */
export function voiceButton(start) {
  return h('button.icon-button.voice', { type: 'button', 'aria-label': t('voice.record'), title: t('voice.record'), onclick: start }, icon('mic'));
}
