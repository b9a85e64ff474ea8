// What needs a page: pictures that a browser makes.
const { sniff: sniffed, pictureSize: sizeOf } = await load('media/sniff.js');
const canvas = document.createElement('canvas');
canvas.width = 37; canvas.height = 21;
for (const mime of ['image/png', 'image/jpeg', 'image/webp']) {
  const blob = await new Promise((done) => canvas.toBlob(done, mime));
  const content = new Uint8Array(await blob.arrayBuffer());
  const size = sizeOf(content, mime);
  same(`size of ${mime}`, [sniffed(content).mime, size?.width, size?.height], [mime, 37, 21]);
}
