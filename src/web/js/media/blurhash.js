// Blurhash: the colours of a picture in some thirty signs, which come with its message and are shown
// until a byte of it is here. Pure; the format is that of https://blurha.sh, measured in the middle of
// each pixel, so that one colour stays one.

const SIGNS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~';

const toLinear = (byte) => { const part = byte / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
const toByte = (linear) => {
  const part = Math.max(0, Math.min(1, linear));
  return Math.round((part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055) * 255);
};
const signedPower = (value, exponent) => Math.sign(value) * Math.abs(value) ** exponent;

function written(value, length) {
  let text = '';
  for (let at = length - 1; at >= 0; at -= 1) text += SIGNS[Math.floor(value / 83 ** at) % 83];
  return text;
}

function read(text) {
  let value = 0;
  for (const sign of text) {
    const digit = SIGNS.indexOf(sign);
    if (digit < 0) return null;
    value = value * 83 + digit;
  }
  return value;
}

/** The hash of `pixels` (RGBA, `width` × `height`), of `across` × `down` waves, each 1 to 9. */
export function encode(pixels, width, height, across = 4, down = 3) {
  const linear = Array.from({ length: 256 }, (_, byte) => toLinear(byte));
  const factors = [];
  for (let j = 0; j < down; j += 1) {
    for (let i = 0; i < across; i += 1) {
      const sum = [0, 0, 0];
      for (let y = 0; y < height; y += 1) {
        const wave = Math.cos((Math.PI * j * (y + 0.5)) / height);
        for (let x = 0; x < width; x += 1) {
          const weight = Math.cos((Math.PI * i * (x + 0.5)) / width) * wave;
          const at = 4 * (y * width + x);
          for (let colour = 0; colour < 3; colour += 1) sum[colour] += weight * linear[pixels[at + colour]];
        }
      }
      const scale = (i + j === 0 ? 1 : 2) / (width * height);
      factors.push(sum.map((one) => one * scale));
    }
  }
  const [mean, ...waves] = factors;
  const largest = Math.max(0, ...waves.flat().map(Math.abs));
  const step = waves.length > 0 ? Math.max(0, Math.min(82, Math.floor(largest * 166 - 0.5))) : 0;
  const most = (step + 1) / 166;
  const part = (value) => Math.max(0, Math.min(18, Math.floor(signedPower(value / most, 0.5) * 9 + 9.5)));
  const [r, g, b] = mean.map(toByte);
  return written(across - 1 + (down - 1) * 9, 1) + written(step, 1) + written(r * 65_536 + g * 256 + b, 4)
    + waves.map(([red, green, blue]) => written(part(red) * 361 + part(green) * 19 + part(blue), 2)).join('');
}

/** The pixels (RGBA, `width` × `height`) of a hash; null for what is none. */
export function decode(hash, width, height) {
  const size = read(hash.slice(0, 1));
  if (size === null || hash.length < 6) return null;
  const [across, down] = [(size % 9) + 1, Math.floor(size / 9) + 1];
  if (hash.length !== 4 + 2 * across * down) return null;
  const [step, mean] = [read(hash[1]), read(hash.slice(2, 6))];
  if (step === null || mean === null) return null;
  const most = (step + 1) / 166;
  const colours = [[mean >> 16, (mean >> 8) & 255, mean & 255].map(toLinear)];
  for (let at = 6; at < hash.length; at += 2) {
    const value = read(hash.slice(at, at + 2));
    if (value === null) return null;
    colours.push([Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19].map((one) => signedPower((one - 9) / 9, 2) * most));
  }
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const sum = [0, 0, 0];
      for (let j = 0; j < down; j += 1) {
        for (let i = 0; i < across; i += 1) {
          const weight = Math.cos((Math.PI * (x + 0.5) * i) / width) * Math.cos((Math.PI * (y + 0.5) * j) / height);
          for (let colour = 0; colour < 3; colour += 1) sum[colour] += weight * colours[i + j * across][colour];
        }
      }
      pixels.set([...sum.map(toByte), 255], 4 * (y * width + x));
    }
  }
  return pixels;
}
