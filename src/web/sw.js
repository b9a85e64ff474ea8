// The service worker: keeps the client's own files, so that it opens without the server. It never
// sees or keeps a message; those are the page's business.

const VERSION = '/assets/0/';
const FILES = [/* assets */];
const PAGE_PATIENCE_MS = 3_000;
/** Where the page leaves its language: the worker has phrases of its own. */
const WORDS_CACHE = 'morelia-words';
const WORDS = {
  en: { message: 'New message', added: 'You were added to a conversation', test: 'Notifications work', more: (title, count) => `${title} and ${count} more` },
  de: { message: 'Neue Nachricht', added: 'Du wurdest in eine Unterhaltung aufgenommen', test: 'Mitteilungen funktionieren', more: (title, count) => `${title} und ${count} weitere` },
  es: { message: 'Mensaje nuevo', added: 'Te han añadido a una conversación', test: 'Las notificaciones funcionan', more: (title, count) => `${title} y ${count} más` },
  ru: { message: 'Новое сообщение', added: 'Вас добавили в беседу', test: 'Уведомления работают', more: (title, count) => `${title} и ещё ${count}` },
};

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(VERSION);
    await cache.addAll(['/', '/manifest.webmanifest', ...FILES]);
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== VERSION && name !== WORDS_CACHE) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== location.origin) return;
  if (event.request.mode === 'navigate' && (url.pathname === '/' || /^\/(invite|reset)\//.test(url.pathname))) event.respondWith(page(event.request));
  else if (url.pathname.startsWith('/assets/')) event.respondWith(asset(event.request));
});

/** The server's page if it answers in time, else the one kept. */
async function page(request) {
  const kept = await (await caches.open(VERSION)).match('/');
  if (!kept) return fetch(request);
  const late = new Promise((resolve) => { setTimeout(() => resolve(null), PAGE_PATIENCE_MS); });
  const fresh = await Promise.race([fetch(request).catch(() => null), late]);
  return fresh?.ok ? fresh : kept;
}

async function asset(request) {
  return (await caches.match(request)) ?? fetch(request);
}

self.addEventListener('push', (event) => { event.waitUntil(show(event.data)); });

// The page asks for a new address when it starts; the worker has no token to do it with.
self.addEventListener('pushsubscriptionchange', () => {});

/** Shows a notification whatever came: a browser takes the permission away that is used for nothing. */
async function show(data) {
  let notice = {};
  try { notice = data?.json() ?? {}; } catch { /* It is shown all the same. */ }
  const words = WORDS[await language()] ?? WORDS.en;
  const { flow, message, time, badge } = notice;
  const tag = flow ?? 'morelia';
  const before = await self.registration.getNotifications({ tag });
  // A page in the background may have shown this very message already.
  const others = before.filter((shown) => !message || shown.data?.message !== message);
  const same = before.find((shown) => message && shown.data?.message === message);
  const count = Math.max(same ? (same.data.count ?? 1) - 1 : 0, ...others.map((shown) => shown.data?.count ?? 1));
  const title = notice.title ?? 'Morelia';
  await self.registration.showNotification(count > 0 && flow ? words.more(title, count) : title, {
    body: notice.body ?? (notice.test ? words.test : notice.added ? words.added : words.message),
    tag, renotify: true, timestamp: (time ?? Math.floor(Date.now() / 1000)) * 1000,
    data: { flow, message, count: count + 1 },
    icon: '/assets/0/icons/icon-192.png', badge: '/assets/0/icons/icon-192.png',
  });
  if (Number.isInteger(badge)) await (badge > 0 ? navigator.setAppBadge?.(badge) : navigator.clearAppBadge?.())?.catch(() => {});
  if (flow && !isApple() && await isLooking()) for (const shown of await self.registration.getNotifications({ tag })) shown.close();
}

async function language() {
  const kept = await (await caches.open(WORDS_CACHE)).match('/language');
  return (await kept?.text()) ?? self.navigator.language?.slice(0, 2);
}

/** Safari ends a subscription after three pushes that leave nothing on the screen. */
function isApple() {
  const agent = self.navigator.userAgent;
  return /applewebkit/i.test(agent) && !/chrome|chromium|android/i.test(agent);
}

async function isLooking() {
  return (await pages()).some((page) => page.focused && page.visibilityState === 'visible');
}

/** The windows of the client. Other pages of this server, such as the one about trust, know no places. */
async function pages() {
  const windows = await self.clients.matchAll({ type: 'window' });
  return windows.filter((page) => /^\/($|invite\/|reset\/)/.test(new URL(page.url).pathname));
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { flow, message } = event.notification.data ?? {};
  event.waitUntil(lead(message ? `/m/${message}` : flow ? `/f/${flow}` : '/'));
});

/** Opens a place of the client, in a window that is there or in a new one. */
async function lead(place) {
  const open = await pages();
  const page = open.find((one) => one.focused) ?? open.find((one) => one.visibilityState === 'visible') ?? open[0];
  if (!page) { await self.clients.openWindow(`/#${place}`); return; }
  page.postMessage({ open: place });
  // A browser may refuse; the page has its place all the same.
  await page.focus().catch(() => {});
}
