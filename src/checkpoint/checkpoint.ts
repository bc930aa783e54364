/** Element types of a safetensors file that a model can use. */
export type DataType = 'F32' | 'F16' | 'BF16' | 'F64' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

export interface TensorInfo {
  name: string;
  dtype: DataType;
  shape: number[];
  bytes: number;
}

/** A checkpoint on disk in the Hugging Face layout. Opening reads headers only; tensors are read by byte ranges. */
export interface Checkpoint {
  /** What the user named: a folder, a hub id or a demo model. */
  readonly name: string;
  readonly folder: string;
  /** The commit that a hub id stood for; absent for a plain folder. */
  readonly commit?: string;
  /** config.json as parsed JSON, not yet checked. */
  readonly config: Record<string, unknown>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Rows [from, to) of the first dimension as raw little-endian bytes, read into the start of `target` where given
   * (the result is then that part of it), else into a buffer of their own. Defaults to the whole tensor.
   * Throws InputError where there is no such tensor, RangeError for rows or a target that cannot be.
   */
  read(name: string, rows?: { from: number; to: number }, target?: Uint8Array): Promise<Uint8Array>;
  /** SHA-256 over names, types, shapes and bytes of all tensors, hex; reads everything, so call it when recording. */
  hash(): Promise<string>;
  close(): Promise<void>;
}
