// Notifications while nothing of this client runs: asking the browser for a subscription, telling the
// server of it, and saying why that cannot be done here.

import { session } from './session.js';
import { currentLanguage } from './i18n.js';

/** A browser without a push service may never answer. */
const SUBSCRIBE_MS = 20_000;
/** After this long without a touch nobody is taken to look. */
const IDLE_MS = 2 * 60_000;
const WANTED = 'morelia.push';

/**
 * Why notifications cannot work here: `insecure`, `ios`, `denied`, `unsupported`, or null when nothing
 * is in the way. Names such as `PushManager` exist on insecure pages too, so they prove nothing.
 */
export function whyNot({ secure = isSecureContext, agent = navigator.userAgent, standalone = isStandalone(), worker = 'serviceWorker' in navigator, push = 'PushManager' in globalThis, permission = globalThis.Notification?.permission } = {}) {
  if (!secure) return 'insecure';
  if (/iPhone|iPad|iPod/.test(agent) && !standalone) return 'ios';
  if (permission === 'denied') return 'denied';
  if (!worker || !push || permission === undefined) return 'unsupported';
  return null;
}

/** Whether this is the installed app. */
export function isStandalone() {
  return navigator.standalone === true || matchMedia('(display-mode: standalone)').matches;
}

export function isWanted() {
  return localStorage.getItem(WANTED) === session.current?.uuid;
}

/** Asks in the caller's click, as iOS demands. Throws a word for the reason, or the server's refusal. */
export async function switchOn(client) {
  if (await Notification.requestPermission() !== 'granted') throw new Error('denied');
  await subscribe(client);
  localStorage.setItem(WANTED, session.current.uuid);
  await testPush(client);
}

/** Has the server send a notification to this device at once; throws what the push service said. */
export function testPush(client) {
  return call(client, 'push_test');
}

export async function switchOff(client) {
  localStorage.removeItem(WANTED);
  await (await subscription())?.unsubscribe();
  await call(client, 'push_unsubscribe');
}

/**
 * Ends what the browser keeps for somebody who is signed out: the server may not have heard of it.
 * `forever`: the same person is not told again after the next sign-in either.
 */
export async function forgetPush(forever) {
  if (forever) localStorage.removeItem(WANTED);
  try {
    await (await subscription())?.unsubscribe();
    const worker = await navigator.serviceWorker?.getRegistration();
    for (const shown of await worker?.getNotifications() ?? []) shown.close();
  } catch { /* Without a push service there is nothing to end. */ }
}

/** Whether this server has the page that shows how a device is made to trust it. */
export async function hasTrustPage() {
  const answer = await fetch('/trust', { method: 'HEAD' }).catch(() => null);
  return answer?.ok === true;
}

/** Keeps what was wanted: services change addresses, and a new sign-in has none. */
export async function keepPush(client) {
  await rememberLanguage();
  if (!isWanted() || whyNot() || Notification.permission !== 'granted') return;
  await subscribe(client).catch(() => {});
}

/** Tells the server whether somebody looks here, so that telephones need not ring. */
export function followActivity(client) {
  let told = true;
  let timer;
  const tell = (on) => {
    if (told === on) return;
    told = on;
    call(client, 'active', { on }).catch(() => {});
  };
  const touched = () => {
    clearTimeout(timer);
    if (document.hidden) { tell(false); return; }
    tell(true);
    timer = setTimeout(() => tell(false), IDLE_MS);
  };
  const events = ['visibilitychange', 'pointerdown', 'keydown', 'wheel', 'focus'];
  for (const name of events) addEventListener(name, touched, { passive: true, capture: true });
  // A new connection counts as looked at.
  const close = client.on('state', () => { if (client.state === 'ready') { told = true; touched(); } });
  touched();
  return () => {
    clearTimeout(timer);
    close?.();
    for (const name of events) removeEventListener(name, touched, { capture: true });
  };
}

async function subscription() {
  const worker = await navigator.serviceWorker?.getRegistration();
  return worker?.pushManager?.getSubscription() ?? null;
}

async function subscribe(client) {
  const { key } = await call(client, 'push_key');
  const worker = await navigator.serviceWorker.ready;
  const wish = { userVisibleOnly: true, applicationServerKey: bytes(key) };
  const found = await worker.pushManager.getSubscription();
  // One that was made for another server's key tells nothing any more.
  if (found && !isSame(found.options?.applicationServerKey, wish.applicationServerKey)) await found.unsubscribe();
  const late = new Promise((_, reject) => { setTimeout(() => reject(new Error('service')), SUBSCRIBE_MS); });
  const made = await Promise.race([worker.pushManager.subscribe(wish), late]).catch((error) => {
    throw new Error(error.name === 'NotAllowedError' ? 'denied' : 'service');
  });
  const { endpoint, keys } = made.toJSON();
  await call(client, 'push_subscribe', { endpoint, p256dh: keys.p256dh, auth: keys.auth });
}

async function call(client, type, meta) {
  const { uuid, auth_id } = session.current ?? {};
  const frame = await client.connection.request(type, { user: [{ uuid, auth_id }], ...(meta && { meta }) });
  return frame.data?.meta ?? {};
}

function bytes(text) {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

function isSame(buffer, other) {
  if (!buffer) return false;
  const one = new Uint8Array(buffer);
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** The worker has its own four phrases, and no way to ask the page for its language. */
async function rememberLanguage() {
  const cache = await globalThis.caches?.open('morelia-words').catch(() => null);
  await cache?.put('/language', new Response(currentLanguage())).catch(() => {});
}
