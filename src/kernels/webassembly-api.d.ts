// The part of WebAssembly's JavaScript interface that tapeout uses, for threads without the DOM's types: neither
// TypeScript's ES library nor @types/node declares it.
declare namespace WebAssembly {
  interface Memory {
    /** Of a shared memory a SharedArrayBuffer. */
    readonly buffer: ArrayBufferLike;
    grow(delta: number): number;
  }
  var Memory: {
    prototype: Memory;
    new (descriptor: MemoryDescriptor): Memory;
  };
  interface MemoryDescriptor {
    initial: number;
    maximum?: number;
    shared?: boolean;
  }

  // biome-ignore lint/suspicious/noEmptyInterface: an opaque handle
  interface Module {}
  var Module: {
    prototype: Module;
    new (bytes: BufferSource): Module;
  };

  interface Instance {
    readonly exports: Exports;
  }
  var Instance: {
    prototype: Instance;
    new (module: Module, importObject?: Imports): Instance;
  };

  type Exports = Record<string, unknown>;
  type Imports = Record<string, Record<string, unknown>>;

  function compile(bytes: BufferSource): Promise<Module>;
}

type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer;
