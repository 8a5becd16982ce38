import { inflateRawSync } from "node:zlib";

/// Name and content of every file in a zip archive, read from its central directory (APPNOTE 4.3).
export function unzip(bytes) {
  const end = bytes.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0) throw new Error("no end of central directory: not a zip archive");
  const files = {};
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    const method = bytes.readUInt16LE(at + 10);
    const size = bytes.readUInt32LE(at + 20);
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const raw = bytes.subarray(start, start + size);
    files[bytes.toString("utf8", at + 46, at + 46 + name)] = method === 0 ? raw : inflateRawSync(raw);
    at += 46 + name + extra + comment;
  }
  return files;
}

/// Tensors of a safetensors file by name: { dtype, shape, data }.
export function safetensors(bytes) {
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: _, ...tensors } = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  for (const tensor of Object.values(tensors)) {
    const [from, to] = tensor.data_offsets;
    tensor.data = bytes.subarray(8 + length + from, 8 + length + to);
  }
  return tensors;
}
