// What the server's commands `empower.why` and `empower.status` answer.

/** A token of the last completion computed; bits are null when they are infinite. */
export interface ExplainedToken {
  readonly text: string;
  readonly surprisal: number | null;
  readonly entropy: number | null;
  readonly kept: boolean;
}

/** The last completion computed, shown or not; eta in bits, durations in milliseconds. */
export interface Explanation {
  readonly text: string;
  readonly end: string;
  readonly eta: number | null;
  readonly probability: number | null;
  readonly tokens: readonly ExplainedToken[];
  readonly promptTokens: number;
  readonly evaluatedTokens: number;
  readonly promptMs: number | null;
  readonly totalMs: number | null;
}

export interface ServerStatus {
  readonly version: string;
  readonly engine: 'starting' | 'loading' | 'ready' | 'released' | 'failed';
  readonly message: string;
  readonly confidence: number;
}
