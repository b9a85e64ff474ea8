// What hands do with messages: a click, a held or a sliding finger, the keyboard.

/** Longer than the browsers that tell of a held finger themselves (500 ms). */
const HOLD_MS = 550;
const DOUBLE_MS = 320;
/** How far a finger slides until the message is answered (CSS pixels), and from where on it slides. */
const SWIPE_PX = 56;
const SLIDE_PX = 12;

/**
 * Follows hands on `inner` within `scroller`. `entries()` gives what is in the page in order
 * (`{node, message}`); `act(name, message, node, anchor)` is told what a person wants;
 * `picking()`: whether several messages are being chosen.
 */
export function follow({ scroller, inner, entries, act, picking, toFirst, toNewest }) {
  const entryOf = (target) => {
    const node = target.closest?.('article.message');
    return node ? entries().find((one) => one.node === node) : undefined;
  };

  const menu = (event, target) => {
    const entry = entryOf(target);
    // A link, a picture or marked text keeps the browser's own menu.
    if (!entry || target.closest('a[target], video, audio') || String(getSelection()) !== '') return;
    event.preventDefault();
    act('menu', entry.message, entry.node, { x: event.clientX, y: event.clientY });
  };

  // While several are chosen, a tap anywhere on a message chooses it.
  inner.addEventListener('click', (event) => {
    const entry = picking() && entryOf(event.target);
    if (!entry) return;
    event.preventDefault();
    event.stopPropagation();
    act('pick', entry.message, entry.node);
  }, true);
  inner.addEventListener('contextmenu', (event) => menu(event, event.target));
  inner.addEventListener('click', (event) => {
    const target = event.target.closest('[data-act]');
    if (!target) return;
    if (target.dataset.act === 'jump') { act('jump', null, target, target.dataset.message); return; }
    const entry = entryOf(target);
    if (!entry) return;
    if (target.dataset.act === 'save') event.preventDefault();
    act(target.dataset.act, entry.message, entry.node, target);
  });

  // A finger held on a message opens the menu also where the browser has no event for that (Safari).
  let timer = null;
  let finger = null;
  let tapped = { node: null, at: 0 };
  const stop = () => clearTimeout(timer);
  const end = (event, cancelled) => {
    stop();
    if (!finger) return;
    const { entry, slid, x } = finger;
    finger = null;
    const bubble = entry.node.querySelector('.bubble');
    if (bubble) bubble.style.transform = '';
    if (slid) {
      if (!cancelled && x - event.clientX > SWIPE_PX) act('reply', entry.message, entry.node);
      return;
    }
    // Two taps in the same place: what is at hand for it.
    const twice = tapped.node === entry.node && event.timeStamp - tapped.at < DOUBLE_MS;
    tapped = { node: entry.node, at: event.timeStamp };
    if (twice && !cancelled && !event.target.closest('button, a, video, audio')) menu(new MouseEvent('contextmenu', event), event.target);
  };
  inner.addEventListener('pointerdown', (event) => {
    stop();
    finger = null;
    if (event.pointerType !== 'touch') return;
    const entry = entryOf(event.target);
    if (entry) finger = { entry, x: event.clientX, y: event.clientY, slid: false };
    timer = setTimeout(() => {
      finger = null;
      // The message may have been drawn anew under the finger.
      const target = event.target.isConnected ? event.target : document.elementFromPoint(event.clientX, event.clientY);
      if (target) menu(new MouseEvent('contextmenu', event), target);
    }, HOLD_MS);
  });
  inner.addEventListener('pointermove', (event) => {
    if (!finger) return;
    const [dx, dy] = [event.clientX - finger.x, event.clientY - finger.y];
    if (Math.hypot(dx, dy) > 3) stop();
    if (!finger.slid && dx < -SLIDE_PX && Math.abs(dx) > 1.5 * Math.abs(dy)) finger.slid = true;
    const bubble = finger.entry.node.querySelector('.bubble');
    if (finger.slid && bubble) bubble.style.transform = `translateX(${Math.max(-SWIPE_PX - 16, Math.min(0, dx))}px)`;
  }, { passive: true });
  inner.addEventListener('pointerup', (event) => end(event, false), { passive: true });
  inner.addEventListener('pointercancel', (event) => end(event, true), { passive: true });
  inner.addEventListener('contextmenu', stop);

  // Arrow keys walk from message to message, Enter opens what can be done, R answers, Home and End go all the way.
  scroller.addEventListener('keydown', (event) => {
    const node = event.target.closest('article.message');
    if (event.target !== scroller && event.target !== node) return;
    const list = entries();
    const at = list.findIndex((one) => one.node === node);
    if (event.key === 'Home') { event.preventDefault(); toFirst(); return; }
    if (event.key === 'End') { event.preventDefault(); toNewest(); return; }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      const next = at < 0 ? list.at(-1) : list[at + step];
      next?.node.focus({ preventScroll: true });
      next?.node.scrollIntoView({ block: 'nearest' });
    }
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (picking() && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      act('pick', list[at].message, node);
    } else if (event.key === 'Enter' || event.key === 'ContextMenu') {
      event.preventDefault();
      act('menu', list[at].message, node, node.querySelector('.bubble') ?? node);
    } else if (event.code === 'KeyR') {
      event.preventDefault();
      act('reply', list[at].message, node);
    }
  });
}
