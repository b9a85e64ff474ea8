// The service worker: keeps the client's own files, so that it opens without the server. It never
// sees or keeps a message; those are the page's business.

const VERSION = '/assets/0/';
const FILES = [/* assets */];
const PAGE_PATIENCE_MS = 3_000;

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(VERSION);
    await cache.addAll(['/', '/manifest.webmanifest', ...FILES]);
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== VERSION) await caches.delete(name);
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

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { flow } = event.notification.data ?? {};
  event.waitUntil((async () => {
    const [open] = await self.clients.matchAll({ type: 'window' });
    if (!open) { await self.clients.openWindow(flow ? `/#/f/${flow}` : '/'); return; }
    await open.focus();
    open.postMessage({ open: flow });
  })());
});
