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
  readonly model?: string;
  readonly tier?: string;
  readonly text: string;
  /** One or two sentences; what is code stands in backticks. */
  readonly words: string;
  readonly eta: number | null;
  readonly probability: number | null;
  readonly tokens: readonly ExplainedToken[];
  readonly promptTokens: number;
  readonly evaluatedTokens: number;
  readonly promptMs: number | null;
  readonly totalMs: number | null;
}

/** How one of the server's models does; `read` of `toRead` tokens of its prompt are evaluated. */
export interface TierStatus {
  readonly tier: string;
  readonly model: string;
  readonly state: string;
  readonly message: string;
  readonly read: number;
  readonly toRead: number;
}

export interface ServerStatus {
  readonly version: string;
  readonly engine: 'starting' | 'loading' | 'ready' | 'released' | 'resting' | 'failed';
  readonly message: string;
  readonly confidence: number;
  readonly tiers?: readonly TierStatus[];
}
