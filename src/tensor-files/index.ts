/**
 * Files of tensors: .npy, .safetensors and packed ones, into the kernel memory, through a format and out again.
 *
 * May import formats, kernels, checkpoint, tensor.
 */
export { type FileQuantizeOptions, quantizeFile, type TensorReport, unpackFile } from './quantize-file.ts';
