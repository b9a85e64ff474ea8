// A finger on the microphone: held it records, let go it sends, slid to the side it throws away, slid
// up it records on by itself. A tap records on by itself as well.

/** How far a finger slides to throw away, and to lock (CSS pixels). */
export const CANCEL_PX = 110;
export const LOCK_PX = 70;
/** Let go sooner than this, it was a tap. */
const TAP_MS = 350;
/** A click that follows a finger comes within this time. */
const CLICK_MS = 400;

/**
 * What a finger means that has moved by `dx`, `dy` within `ms`: `hold`, `lock`, `cancel` or `send`. `up`:
 * it has left the screen; `side`: the way to throw away, -1 to the left, 1 to the right.
 */
export function meaning({ dx, dy, ms, up, side = -1 }) {
  const aside = dx * side;
  if (aside > CANCEL_PX && aside > -dy) return 'cancel';
  if (-dy > LOCK_PX) return 'lock';
  if (!up) return 'hold';
  return ms < TAP_MS ? 'lock' : 'send';
}

/** Follows the pointer of `event` from when it went down: `state` is what it means, `tell` is called as that changes or it moves. */
export class Hold {
  state = 'hold';
  /** @type {(() => void) | null} */
  tell = null;
  /** How far it is on its way aside and up, 0 to 1. */
  aside = 0;
  up = 0;
  #close;

  constructor(event) {
    const { pointerId, clientX, clientY, timeStamp } = event;
    const side = getComputedStyle(event.target).direction === 'rtl' ? 1 : -1;
    const follow = (next, up) => {
      if (next.pointerId !== pointerId) return;
      const [dx, dy] = [next.clientX - clientX, next.clientY - clientY];
      this.aside = Math.max(0, Math.min(1, (dx * side) / CANCEL_PX));
      this.up = Math.max(0, Math.min(1, -dy / LOCK_PX));
      this.#settle(meaning({ dx, dy, ms: next.timeStamp - timeStamp, up, side }));
    };
    const listeners = {
      pointermove: (next) => follow(next, false),
      pointerup: (next) => { if (next.pointerId === pointerId) { swallowClick(); follow(next, true); } },
      // The browser took the finger away (a call, a gesture of its own): what was said is not lost.
      pointercancel: (next) => { if (next.pointerId === pointerId) this.#settle('lock'); },
    };
    for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener);
    this.#close = () => { for (const [name, listener] of Object.entries(listeners)) document.removeEventListener(name, listener); };
  }

  /** Nothing more is followed; what was not decided is locked. */
  end() {
    if (this.state === 'hold') this.state = 'lock';
    this.#close();
  }

  #settle(state) {
    this.state = state;
    if (state !== 'hold') this.#close();
    this.tell?.();
  }
}

/** The click of a finger that let go would meet what has come to lie below it. */
function swallowClick() {
  const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
  document.addEventListener('click', swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener('click', swallow, { capture: true }), CLICK_MS);
}
