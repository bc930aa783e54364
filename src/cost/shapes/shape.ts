/** A published model without weights: what its config.json says of its sizes, and where that stands. */
export interface Shape {
  /** The keys of config.json that decide sizes. */
  config: Record<string, unknown>;
  source: string;
}
