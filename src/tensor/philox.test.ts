import { describe, expect, it } from 'vitest';
import { philox, uniform } from './philox.ts';

describe('philox 4x32-10', () => {
  // Known-answer tests of the authors' Random123 library (kat_vectors).
  it('gives the known answers', () => {
    expect(philox([0, 0], [0, 0, 0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    const ones = 0xffffffff;
    expect(philox([ones, ones], [ones, ones, ones, ones])).toEqual([
      0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd,
    ]);
    expect(philox([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344])).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ]);
  });

  it('draws uniformly from [0, 1)', () => {
    let sum = 0;
    for (let i = 0; i < 10000; i++) {
      const [a, b] = philox([7, 0], [i, 0, 0, 0]);
      const u = uniform(a, b);
      expect(u >= 0 && u < 1).toBe(true);
      sum += u;
    }
    // Six standard deviations of the mean of 10,000 draws.
    expect(Math.abs(sum / 10000 - 0.5)).toBeLessThan(6 * Math.sqrt(1 / 12 / 10000));
  });
});
