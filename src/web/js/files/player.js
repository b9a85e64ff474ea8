// Voice messages and music: one sound at a time for the whole page, which goes on while one looks
// elsewhere, and from one voice message to the next.

import { h, icon, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { blobOf, urlOf } from '../media/loader.js';
import { clock } from '../text/times.js';
import { peaksOf } from './waveform.js';

const BARS = 40;
const SPEEDS = [1, 1.5, 2];
const SPEED_KEY = 'morelia.speed';

let sound = null;
let playing = null;
/** Where each was left, by file. */
const positions = new Map();

function element() {
  if (sound) return sound;
  sound = new Audio();
  sound.addEventListener('timeupdate', () => playing?.draw());
  for (const type of ['play', 'pause']) sound.addEventListener(type, () => playing?.draw());
  sound.addEventListener('ended', () => {
    const last = playing;
    positions.delete(last?.file.id);
    playing = null;
    last?.draw();
    last?.next()?.click();
  });
  return sound;
}

function speed() {
  return SPEEDS.includes(Number(localStorage.getItem(SPEED_KEY))) ? Number(localStorage.getItem(SPEED_KEY)) : 1;
}

/** Nothing is heard any more. */
export function quiet() {
  if (playing) sound.pause();
}

/** A voice message in its bubble. */
export function voicePlayer(file) {
  const length = (file.duration ?? 0) / 1000;
  const bars = peaksOf(file.waveform, BARS).map((peak) => { const bar = h('i', {}); bar.style.height = `${Math.max(10, Math.round(peak / 2.55))}%`; return bar; });
  const wave = h('div.wave', { role: 'slider', tabindex: '0', 'aria-label': t('voice.position'), 'aria-valuemin': '0', 'aria-valuemax': String(Math.round(length)), 'aria-valuenow': '0' }, bars);
  const time = h('span.voice-time', {}, clock(length));
  const button = h('button.voice-play', { type: 'button', 'aria-label': t('voice.play') }, icon('play'));
  const rate = h('button.voice-speed', { type: 'button', 'aria-label': t('voice.speed'), title: t('voice.speed') }, `${speed()}×`);
  const node = h('div.voice-player', {}, button, h('div.voice-middle', {}, wave, time), rate);
  const self = {
    file,
    draw() {
      const mine = playing === self;
      const at = mine ? sound.currentTime : positions.get(file.id) ?? 0;
      const on = mine && !sound.paused;
      replace(button, icon(on ? 'pause' : 'play'));
      button.setAttribute('aria-label', t(on ? 'voice.pause' : 'voice.play'));
      time.textContent = clock(at > 0 ? at : length);
      wave.setAttribute('aria-valuenow', String(Math.round(at)));
      const done = length > 0 ? (at / length) * BARS : 0;
      bars.forEach((bar, i) => bar.classList.toggle('done', i < done));
    },
    /** The play button of the voice message after this one, if it is here. */
    next() {
      const all = [...document.querySelectorAll('.voice-player .voice-play')];
      const message = node.closest('article');
      const following = all[all.indexOf(button) + 1];
      // Only what follows at once, with nothing else between.
      return following && message?.nextElementSibling === following.closest('article') ? following : null;
    },
  };
  button.addEventListener('click', (event) => { event.stopPropagation(); toggle(self, node); });
  rate.addEventListener('click', (event) => {
    event.stopPropagation();
    const next = SPEEDS[(SPEEDS.indexOf(speed()) + 1) % SPEEDS.length];
    localStorage.setItem(SPEED_KEY, String(next));
    for (const one of document.querySelectorAll('.voice-speed')) one.textContent = `${next}×`;
    if (sound) sound.playbackRate = next;
  });
  const seek = (share) => {
    positions.set(file.id, Math.max(0, Math.min(length, share * length)));
    if (playing === self) sound.currentTime = positions.get(file.id);
    self.draw();
  };
  wave.addEventListener('click', (event) => {
    event.stopPropagation();
    const box = wave.getBoundingClientRect();
    seek((event.clientX - box.left) / box.width);
  });
  wave.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 5, ArrowLeft: -5 }[event.key];
    if (!step || length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    seek(((playing === self ? sound.currentTime : positions.get(file.id) ?? 0) + step) / length);
  });
  return node;
}

async function toggle(self, node) {
  const audio = element();
  if (playing === self) {
    if (audio.paused) audio.play().catch(() => {}); else audio.pause();
    return;
  }
  if (playing) { positions.set(playing.file.id, audio.currentTime); const before = playing; playing = null; audio.pause(); before.draw(); }
  playing = self;
  node.classList.add('loading');
  try {
    const blob = await blobOf(self.file);
    if (playing !== self) return;
    audio.src = urlOf(blob);
    audio.playbackRate = speed();
    audio.currentTime = positions.get(self.file.id) ?? 0;
    await audio.play();
    if ('mediaSession' in navigator) navigator.mediaSession.metadata = new globalThis.MediaMetadata({ title: t('file.voice'), artist: 'Morelia' });
  } catch {
    if (playing === self) playing = null;
    node.querySelector('.voice-time').textContent = t('voice.unplayable');
  } finally {
    node.classList.remove('loading');
    self.draw();
  }
}
