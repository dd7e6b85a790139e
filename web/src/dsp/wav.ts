/** The header of a 16-bit wav file. */

/** Returns the 44 bytes before the samples of a 16-bit PCM wav file. */
export function wavHeader(
  sampleRate: number,
  nChannels: number,
  nSamples: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44);
  const view = new DataView(bytes.buffer);
  const size = nSamples * nChannels * 2;
  const text = (offset: number, value: string) =>
    [...value].forEach((letter, n) => (bytes[offset + n] = letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, nChannels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * nChannels * 2, true);
  view.setUint16(32, nChannels * 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, size, true);
  return bytes;
}
