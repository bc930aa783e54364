/**
 * Of each point, a list of figures that are better the less they are, whether no other is at least as good in all of them
 * and better in one. Points that are equal in all are on the front together.
 */
export function paretoFront(points: readonly (readonly number[])[]): boolean[] {
  const best = points.map(() => false);
  // Sorted, a point can only be beaten by an earlier one, and then by one of those that nothing beats.
  const order = points.map((_, i) => i).sort((a, b) => compareFigures(points[a]!, points[b]!));
  const front: (readonly number[])[] = [];
  for (const i of order) {
    const point = points[i]!;
    const beaten = front.some(
      (other) =>
        other.every((figure, k) => figure <= point[k]!) && other.some((figure, k) => figure < point[k]!),
    );
    if (beaten) continue;
    best[i] = true;
    front.push(point);
  }
  return best;
}

function compareFigures(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((figure, k) => figure !== b[k]);
  return differs < 0 ? 0 : a[differs]! - b[differs]!;
}
