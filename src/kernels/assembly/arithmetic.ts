import { loadPart, storePart } from './vector';

// Sums and products of matrices, and of each row with one vector. In place.

export function add(x: usize, y: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16, y += 16) v128.store(x, f32x4.add(v128.load(x), v128.load(y)));
  const rest = length & 3;
  if (rest) storePart(x, f32x4.add(loadPart(x, rest), loadPart(y, rest)), rest);
}

export function multiply(x: usize, y: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16, y += 16) v128.store(x, f32x4.mul(v128.load(x), v128.load(y)));
  const rest = length & 3;
  if (rest) storePart(x, f32x4.mul(loadPart(x, rest), loadPart(y, rest)), rest);
}

export function addRow(x: usize, bias: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++, x += columns << 2) add(x, bias, columns);
}

export function multiplyRow(x: usize, factors: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++, x += columns << 2) multiply(x, factors, columns);
}
