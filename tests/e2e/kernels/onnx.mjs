// An ONNX file of one linear layer, in the few fields of protobuf that it takes.
// Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

const [IR, OPSET, FLOAT, ATTRIBUTE_INT] = [8, 17, 1, 2];

/// y = x Wᵀ as a model of one `Gemm`: x [samples, inputs], W [outputs, inputs] inside, y [samples, outputs].
export function linear(samples, inputs, outputs, weight) {
  const transposed = join(text(1, "transB"), number(3, 1), number(20, ATTRIBUTE_INT));
  const node = join(text(1, "x"), text(1, "w"), text(2, "y"), text(4, "Gemm"), field(5, transposed));
  const values = new Uint8Array(weight.buffer, weight.byteOffset, weight.byteLength);
  const tensor = join(number(1, outputs), number(1, inputs), number(2, FLOAT), text(8, "w"), field(9, values));
  const given = described("x", [samples, inputs]);
  const made = described("y", [samples, outputs]);
  const graph = join(field(1, node), text(2, "linear"), field(5, tensor), field(11, given), field(12, made));
  return join(number(1, IR), field(7, graph), field(8, number(2, OPSET)));
}

/// A ValueInfoProto: the name, type and shape of an input or output.
function described(name, shape) {
  const sizes = join(...shape.map((size) => field(1, number(1, size))));
  return join(text(1, name), field(2, field(1, join(number(1, FLOAT), field(2, sizes)))));
}

/// A number in seven bits a byte, the lowest first.
function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return [...bytes, value];
}

const number = (at, value) => Uint8Array.from([...varint(at * 8), ...varint(value)]);
const field = (at, bytes) => join(Uint8Array.from([...varint(at * 8 + 2), ...varint(bytes.length)]), bytes);
const text = (at, string) => field(at, new TextEncoder().encode(string));

function join(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
