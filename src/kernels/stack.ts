import { RunError } from '../errors.ts';

const PAGE = 65_536;
const MAX_PAGES = 65_536;
/** The last page stays unused, so that the end of no array is the address 2^32, which would read as 0. */
const CAPACITY = (MAX_PAGES - 1) * PAGE;
/** Growing by less than this at a time would only make more buffer objects. */
const GROWTH = 16 * 1024 * 1024;
const ALIGNMENT = 64;

/**
 * A WebAssembly memory of up to 4 GiB used as a stack: arrays are taken from its top and given back by `release`.
 * Growing gives a new buffer object over the same bytes; V8 does so for every shared memory of the thread when one of
 * them grows. Views of the older ones stay valid and are told from strangers by the set of all that were handed out.
 */
export class KernelStack {
  readonly memory: WebAssembly.Memory;
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  #base: number;
  #top: number;

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: MAX_PAGES, shared: true });
    this.#base = ALIGNMENT;
    this.#top = this.#base;
  }

  /** Bytes below `base` belong to the module. To be called before anything is taken. */
  protected reserve(base: number): void {
    this.#base = align(base);
    this.#top = this.#base;
  }

  floats(length: number): Float32Array {
    const start = this.take(length * 4);
    return new Float32Array(this.buffer(), start, length);
  }

  bytes(length: number): Uint8Array {
    const start = this.take(length);
    return new Uint8Array(this.buffer(), start, length);
  }

  integers(length: number): Int32Array {
    const start = this.take(length * 4);
    return new Int32Array(this.buffer(), start, length);
  }

  doubles(length: number): Float64Array {
    const start = this.take(length * 8);
    return new Float64Array(this.buffer(), start, length);
  }

  load(values: Float32Array): Float32Array {
    const copy = this.floats(values.length);
    copy.set(values);
    return copy;
  }

  mark(): number {
    return this.#top;
  }

  release(mark: number): void {
    if (!(mark >= this.#base && mark <= this.#top)) {
      throw new Error(`release: ${mark} is no mark of this stack (${this.#base} to ${this.#top})`);
    }
    this.#top = mark;
  }

  /** Address of `size` fresh bytes at a multiple of 64. */
  take(size: number): number {
    if (!(Number.isSafeInteger(size) && size >= 0)) throw new Error(`an array of ${size} bytes`);
    const start = align(this.#top);
    const end = start + size;
    if (end > CAPACITY) {
      const total = (end / 2 ** 30).toFixed(2);
      throw new RunError(
        `one thread's kernel memory would need ${total} GiB, and WebAssembly ends at 4 GiB: use shorter sequences or smaller batches`,
      );
    }
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.#grow(missing);
    this.#top = end;
    return start;
  }

  #grow(missing: number): void {
    const size = this.memory.buffer.byteLength;
    const pages = Math.min(Math.ceil(Math.max(missing, GROWTH) / PAGE), MAX_PAGES - size / PAGE);
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new RunError(
        `the system gave no memory to grow the kernel memory from ${size} bytes by ${pages * PAGE}`,
        { cause },
      );
    }
  }

  /** The memory's buffer as it is now, remembered as its own. */
  protected buffer(): ArrayBufferLike {
    const { buffer } = this.memory;
    this.#buffers.add(buffer);
    return buffer;
  }

  /** Whether a view lies in this memory. */
  owns(view: ArrayBufferView): boolean {
    return this.#buffers.has(view.buffer);
  }

  /** Runs `work` and gives back what it took from the stack. */
  scratch(work: () => void): void {
    const mark = this.mark();
    try {
      work();
    } finally {
      this.release(mark);
    }
  }

  /** Address of a small vector of any buffer: its own, or that of a copy. */
  vector(values: Float32Array): number {
    return this.owns(values) ? values.byteOffset : this.load(values).byteOffset;
  }

  /** Address of a view, which must lie in this memory. */
  at(kernel: string, view: ArrayBufferView): number {
    if (!this.owns(view)) throw new Error(`${kernel}: an array lies outside the memory of these kernels`);
    return view.byteOffset;
  }
}

function align(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}
