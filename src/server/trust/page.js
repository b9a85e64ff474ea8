// Takes an invitation along: it stands behind the # so that it does not cross the network in clear.
// Only a path of this server is taken, whoever made the link.
const next = new URLSearchParams(location.hash.slice(1)).get('next') ?? '';
if (/^\/(invite|reset)\/[\w-]+$/.test(next)) {
  const link = document.getElementById('continue');
  link.href = new URL(next, link.href).href;
}
// The other language keeps it too.
for (const link of document.querySelectorAll('.languages a')) link.hash = location.hash;
