// Telling a person who looks elsewhere: the page's title, the app's badge, notifications.

import { authorOf, summary } from '../data/message.js';
import { flowTitle } from '../views/avatar.js';
import { t } from './i18n.js';
import { followActivity, keepPush } from './push.js';
import { router } from './router.js';

const KEY = 'morelia.notifications';

/** `on`, `off`, or `impossible` (no HTTPS, or refused in the browser). */
export function notificationState() {
  if (!('Notification' in globalThis) || !isSecureContext || Notification.permission === 'denied') return 'impossible';
  return Notification.permission === 'granted' && localStorage.getItem(KEY) === 'on' ? 'on' : 'off';
}

/** Gives what it came to: the browser may ask the person, who may refuse. */
export async function setNotifications(on) {
  localStorage.setItem(KEY, on ? 'on' : 'off');
  if (on && Notification.permission !== 'granted') await Notification.requestPermission();
  return notificationState() === 'on';
}

/** Follows a client until it stops; returns the function that ends it. */
export function startNotifying(client) {
  const { store } = client;
  const count = () => {
    const unread = store.totalUnread;
    const title = unread > 0 ? `(${unread}) Morelia` : 'Morelia';
    if (document.title !== title) document.title = title;
    if (unread > 0) navigator.setAppBadge?.(unread)?.catch(() => {}); else navigator.clearAppBadge?.()?.catch(() => {});
  };
  const closers = [store.on('flows', count), store.on('flows', () => closeRead(store)), store.on('messages', count), store.on('incoming', (message) => notify(store, message)), followActivity(client)];
  client.whenReady(() => keepPush(client)).catch(() => {});
  // What came before this was loaded counts as well.
  count();
  return () => { for (const close of closers) close(); document.title = 'Morelia'; navigator.clearAppBadge?.()?.catch(() => {}); };
}

async function notify(store, message) {
  const looking = !document.hidden && document.hasFocus();
  const flow = store.flows.get(message.flow);
  if (looking || !flow || message.from === store.me || message.deleted || store.blocked.has(message.from) || isQuiet(store, flow, message) || notificationState() !== 'on' || message.number <= (flow.read ?? -1)) return;
  const title = flowTitle(store, flow);
  const text = summary(message, t);
  const body = flow.type === 'chat' ? text : `${authorOf(message, store, t)}: ${text}`;
  // The tag makes two tabs show one notification, and a flow's newest replace the one before.
  const options = { body, tag: message.flow, renotify: true, data: { flow: message.flow, message: message.uuid } };
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker) {
    // The worker may have been told of it sooner, by the push service.
    const before = await worker.getNotifications({ tag: message.flow });
    if (!before.some((shown) => shown.data?.message === message.uuid)) await worker.showNotification(title, options);
    return;
  }
  const shown = new Notification(title, options);
  shown.onclick = () => { focus(); router.go(`/f/${message.flow}`); shown.close(); };
}

/** Takes notifications of what has been read off the screen, here or on another device. */
async function closeRead(store) {
  if (notificationState() === 'impossible') return;
  const worker = await navigator.serviceWorker?.getRegistration();
  for (const shown of await worker?.getNotifications() ?? []) if (shown.data?.flow && store.flows.get(shown.data.flow)?.unread === 0) shown.close();
}

/** Muted; only what calls or answers the person comes through, where that is wished for. */
function isQuiet(store, flow, message) {
  const toMe = message.mentions.includes(store.me) || message.everyone || message.reply?.from_user === store.me;
  return store.isMuted(flow) || (flow.settings.mentions_only === true && !toMe);
}
