import { type Checkpoint, type DataType, elementBytes } from '../checkpoint/index.ts';
import { InputError, nearest } from '../errors.ts';
import type { Kernels } from '../kernels/index.ts';

/** Values widened at a time: bounds what a large tensor takes of the kernel memory. */
const CHUNK = 1 << 20;
/** Names compared with a missing one: a hostile header holds millions. */
const NAMES = 2000;

/** Reads tensors of a checkpoint as float32 in shared buffers, checked for shape and for NaN and infinity. */
export class TensorReader {
  readonly #checkpoint: Checkpoint;
  readonly #kernels: Kernels;
  readonly #aliases: (tensor: string) => string[];

  constructor(checkpoint: Checkpoint, kernels: Kernels, aliases: (tensor: string) => string[] = () => []) {
    this.#checkpoint = checkpoint;
    this.#kernels = kernels;
    this.#aliases = aliases;
  }

  /** The whole tensor, or rows [from, to) of its first dimension. */
  async read(
    name: string,
    shape: readonly number[],
    rows?: { from: number; to: number },
  ): Promise<Float32Array> {
    const found = this.#find(name, shape);
    const { from, to } = rows ?? { from: 0, to: shape[0]! };
    const rowLength = shape.slice(1).reduce((product, length) => product * length, 1);
    const out = new Float32Array(new SharedArrayBuffer((to - from) * rowLength * 4));
    // A chunk of whole rows; a single row is never larger than the tensors that have one.
    const step = Math.max(1, Math.floor(CHUNK / rowLength));
    for (let row = from; row < to; row += step) {
      const end = Math.min(row + step, to);
      const bytes = await this.#checkpoint.read(found.name, { from: row, to: end });
      const part = out.subarray((row - from) * rowLength, (end - from) * rowLength);
      this.#widen(bytes, found.dtype, part, found.name, row * rowLength);
    }
    return out;
  }

  #find(name: string, shape: readonly number[]) {
    const { tensors, name: file } = this.#checkpoint;
    for (const spelling of [name, ...this.#aliases(name)]) {
      const info = tensors.get(spelling);
      if (!info) continue;
      if (info.shape.length !== shape.length || info.shape.some((length, i) => length !== shape[i])) {
        throw new InputError(`expected shape [${shape}] as config.json says, found [${info.shape}]`, {
          place: { file, key: spelling },
          note: 'the weights and config.json are of different models, or one of them is damaged',
        });
      }
      return info;
    }
    const near = nearest(name, [...tensors.keys()].slice(0, NAMES));
    throw new InputError(`the checkpoint has no tensor "${name}" of shape [${shape}]`, {
      place: { file },
      note: `${near ? `did you mean "${near}"? ` : ''}it has ${tensors.size} tensors`,
    });
  }

  #widen(bytes: Uint8Array, dtype: DataType, out: Float32Array, name: string, offset: number): void {
    const kernels = this.#kernels;
    const mark = kernels.mark();
    const values = kernels.floats(out.length);
    if (dtype === 'F32') {
      new Uint8Array(values.buffer, values.byteOffset, bytes.length).set(bytes);
    } else if (dtype === 'F16' || dtype === 'BF16') {
      const raw = kernels.bytes(bytes.length);
      raw.set(bytes);
      if (dtype === 'F16') kernels.widenFloat16(values, raw);
      else kernels.widenBfloat16(values, raw);
    } else {
      widenOther(bytes, dtype, values);
    }
    const bad = kernels.findNonFinite(values);
    if (bad >= 0) {
      throw new InputError(`element ${offset + bad} is ${values[bad]}; expected finite numbers`, {
        place: { file: this.#checkpoint.name, key: name },
        note: 'the checkpoint is damaged, or its training diverged',
      });
    }
    out.set(values);
    kernels.release(mark);
  }
}

/** Types that weights rarely have: one element at a time. */
function widenOther(bytes: Uint8Array, dtype: DataType, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = elementBytes[dtype];
  for (let i = 0; i < out.length; i++) {
    const at = i * width;
    switch (dtype) {
      case 'F64':
        out[i] = view.getFloat64(at, true);
        break;
      case 'I64':
        out[i] = Number(view.getBigInt64(at, true));
        break;
      case 'I32':
        out[i] = view.getInt32(at, true);
        break;
      case 'I16':
        out[i] = view.getInt16(at, true);
        break;
      case 'I8':
        out[i] = view.getInt8(at);
        break;
      default:
        out[i] = view.getUint8(at);
    }
  }
}
