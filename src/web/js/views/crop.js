// Cutting an avatar out of a picture: drag to move, slide to zoom, arrow keys for both.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { cut } from '../media/shrink.js';
import { dialog } from './overlay.js';

const VIEW_PX = 260;
const AVATAR_PX = 320;
const STEP_PX = 10;

/** Asks how to cut `file`; resolves with a square JPEG, or null when the person thought better of it. */
export async function cropPicture(file) {
  const bitmap = await createImageBitmap(file);
  const smallest = VIEW_PX / Math.min(bitmap.width, bitmap.height);
  const state = { scale: smallest, x: 0, y: 0 };
  const canvas = h('canvas.crop-view', { width: VIEW_PX, height: VIEW_PX, tabindex: '0', role: 'img', 'aria-label': t('avatar.crop') });
  const context = canvas.getContext('2d');

  const draw = () => {
    const free = (side) => Math.max(0, (side * state.scale - VIEW_PX) / 2);
    state.x = Math.max(-free(bitmap.width), Math.min(free(bitmap.width), state.x));
    state.y = Math.max(-free(bitmap.height), Math.min(free(bitmap.height), state.y));
    const width = bitmap.width * state.scale;
    const height = bitmap.height * state.scale;
    context.fillStyle = '#ffffff';
    context.fillRect(0, 0, VIEW_PX, VIEW_PX);
    context.drawImage(bitmap, (VIEW_PX - width) / 2 + state.x, (VIEW_PX - height) / 2 + state.y, width, height);
  };

  let held = null;
  canvas.addEventListener('pointerdown', (event) => { held = { x: event.clientX - state.x, y: event.clientY - state.y }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener('pointermove', (event) => { if (held) { state.x = event.clientX - held.x; state.y = event.clientY - held.y; draw(); } });
  canvas.addEventListener('pointerup', () => { held = null; });
  canvas.addEventListener('pointercancel', () => { held = null; });
  canvas.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [-STEP_PX, 0], ArrowRight: [STEP_PX, 0], ArrowUp: [0, -STEP_PX], ArrowDown: [0, STEP_PX] }[event.key];
    if (!step) return;
    event.preventDefault();
    state.x += step[0];
    state.y += step[1];
    draw();
  });
  draw();

  const accepted = await dialog(t('avatar.crop'), (close) => h('form.question.crop', { onsubmit: (event) => { event.preventDefault(); close(true); } },
    h('h2', {}, t('avatar.crop')), canvas,
    h('input', { type: 'range', min: '1', max: '4', step: '0.01', value: '1', 'aria-label': t('avatar.zoom'), oninput: (event) => {
      const before = state.scale;
      state.scale = smallest * Number(event.target.value);
      state.x *= state.scale / before;
      state.y *= state.scale / before;
      draw();
    } }),
    h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close(false) }, t('cancel')), h('button.button', {}, t('save')))));
  if (!accepted) { bitmap.close(); return null; }
  const side = VIEW_PX / state.scale;
  const blob = await cut(bitmap, { x: (bitmap.width - side) / 2 - state.x / state.scale, y: (bitmap.height - side) / 2 - state.y / state.scale, side }, AVATAR_PX);
  bitmap.close();
  return blob;
}
