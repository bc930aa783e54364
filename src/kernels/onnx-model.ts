/**
 * An ONNX model of one node, as bytes: just enough of protobuf's wire format to write ModelProto (onnx.proto, IR version
 * 8). All inputs and outputs are matrices of any size.
 */
export interface OnnxNode {
  operator: string;
  inputs: { name: string; type: OnnxType }[];
  output: { name: string; type: OnnxType };
  /** Integer attributes. */
  attributes?: Record<string, number>;
  /** Scalar uint8 constants, appended to the inputs. */
  constants?: Record<string, number>;
}

/** TensorProto.DataType. */
const TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6 };

export type OnnxType = keyof typeof TYPES;

const IR_VERSION = 8;
/** MatMul, Gemm and MatMulInteger have not changed since. */
const OPSET = 13;
/** AttributeProto.AttributeType.INT */
const ATTRIBUTE_INT = 2;

export function onnxModel(node: OnnxNode): Uint8Array {
  const constants = Object.entries(node.constants ?? {});
  const inputs = [...node.inputs.map((input) => input.name), ...constants.map(([name]) => name)];
  const attributes = Object.entries(node.attributes ?? {});
  const graph = [
    message(1, [
      ...inputs.flatMap((name) => text(1, name)),
      ...text(2, node.output.name),
      ...text(4, node.operator),
      ...attributes.flatMap(([name, value]) =>
        message(5, [...text(1, name), ...integer(3, value), ...integer(20, ATTRIBUTE_INT)]),
      ),
    ]),
    text(2, 'product'),
    ...constants.map(([name, value]) =>
      message(5, [...integer(2, TYPES.uint8), ...text(8, name), ...message(9, [value])]),
    ),
    ...node.inputs.map((input) => message(11, matrix(input))),
    message(12, matrix(node.output)),
  ].flat();
  return Uint8Array.from([
    ...integer(1, IR_VERSION),
    ...message(7, graph),
    ...message(8, [...text(1, ''), ...integer(2, OPSET)]),
  ]);
}

/** ValueInfoProto of a matrix whose two dimensions have names only. */
function matrix({ name, type }: { name: string; type: OnnxType }): number[] {
  const dimensions = ['rows', 'columns'].flatMap((side) => message(1, text(2, `${name}_${side}`)));
  return [
    ...text(1, name),
    ...message(2, message(1, [...integer(1, TYPES[type]), ...message(2, dimensions)])),
  ];
}

/** Field of wire type 0. */
function integer(field: number, value: number): number[] {
  return [...varint(field << 3), ...varint(value)];
}

/** Field of wire type 2: a message, or bytes. */
function message(field: number, content: number[]): number[] {
  return [...varint((field << 3) | 2), ...varint(content.length), ...content];
}

function text(field: number, value: string): number[] {
  return message(field, [...new TextEncoder().encode(value)]);
}

function varint(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...out, rest];
    out.push((rest & 0x7f) | 0x80);
  }
}
