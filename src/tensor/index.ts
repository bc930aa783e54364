/** Numbers without a model: .npy files, counter-based random numbers. May import errors.ts only. */
export { openNpy, writeNpy } from './npy.ts';
export { philox, uniform } from './philox.ts';
