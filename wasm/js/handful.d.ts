// Handful for web pages. Options have the command line's names in camelCase.

/** A File, an address of this origin, bytes, or an address whose content is checked. */
export type Source =
  | File
  | Blob
  | string
  | URL
  | { name: string; bytes: Uint8Array }
  | { url: string | URL; name?: string; sha256?: string; size?: number };

/** One source or several. An address that ends with "/", or whose name has no extension, is a folder. */
export type Files = Source | ArrayLike<Source> | Iterable<Source>;

export type DeviceKind = 'auto' | 'cpu' | 'gpu';

export interface OpenOptions {
  /** A Hugging Face folder (config.json, safetensors, tokenizer.json) or one .gguf. */
  base: Files;
  /** A PEFT POLY folder: the skills that z and mu start from. */
  inventory?: Files;
  /** A PEFT LORA or POLY folder to score or generate with. */
  adapter?: Files;
  /** 'gpu' never falls back; 'auto' (the default) takes the faster and says why. */
  device?: DeviceKind;
  /** Kernel family; measured when it is not given. */
  kernel?: string;
  /** Budget in MB. */
  memory?: number;
  /** Lowers the adapter's limit for one binding, in bytes. */
  maxBinding?: number;
  onProgress?(progress: Progress): void;
  /** Stops opening. */
  signal?: AbortSignal;
  /** Where engine-worker.js and engine.wasm lie; beside this module when not given. */
  assets?: string | URL;
}

export interface Progress {
  status: 'download' | 'verify' | 'read' | 'upload' | 'compile' | 'ready';
  file?: string;
  /** Bytes so far. */
  loaded: number;
  /** Bytes in all; 0 when unknown. */
  total: number;
  /** Bytes per second, of a download. */
  rate?: number;
}

export interface Device {
  kind: 'cpu' | 'gpu';
  name: string;
  backend: string;
  family: string;
  /** A GPU adapter that computes on the CPU. */
  software: boolean;
}

export interface Info {
  model: string;
  params: number;
  /** Of the base's weights at rest. */
  bytes: number;
  layers: number;
  hidden: number;
  vocab: number;
  /** Longest row in tokens. */
  context: number;
  quant: string;
  /** false: only pre-tokenised examples. */
  tokenizer: boolean;
  device: Device;
  deviceWhy: string;
  inventory: null | {
    name: string;
    nSkills: number;
    nSplits: number;
    rank: number;
    nTasks: number;
    sites: number;
    params: number;
    taskNames?: string[];
  };
  licence: string;
  /** Bytes of weights on the device. */
  resident: number;
}

/** JSONL, a JSON array, CSV, TSV or "text => label" lines; or rows. */
export type Examples = string | Row[];

export type Row =
  | { input: string; output: string; options?: string[] }
  | { input_ids: ArrayLike<number>; labels: ArrayLike<number>; task_id?: number }
  | Record<string, unknown>;

export interface AdaptOptions {
  examples: Examples;
  /** Routing logits, the averaged adapter, everything, or LoRA. */
  method?: 'z' | 'mu' | 'mhr' | 'lora';
  instruction?: string;
  steps?: number;
  batch?: number;
  /** Of A and B. */
  lr?: number;
  /** Of the routing logits. */
  routerLr?: number;
  weightDecay?: number;
  /** Global norm; 0 is off. */
  clip?: number;
  warmup?: number;
  schedule?: 'constant' | 'linear';
  optimizer?: 'adamw';
  loss?: 'lm';
  /** fresh, mean, task:ID or keep. */
  routerInit?: string;
  order?: 'shuffle' | 'file';
  /** How many rows to use; 0 is all. */
  shots?: number;
  /** Fraction of the rows kept aside for scoring. */
  holdout?: number;
  /** Cuts a row that is too long at the front of its input. */
  truncate?: boolean;
  saveSteps?: number[];
  rank?: number;
  alpha?: number;
  targets?: string | string[];
  seed?: number;
  /** Steps between routing events; 0: only at the end. */
  routingEvery?: number;
  onStep?(step: Step): void;
  /** Everything that happens: exactly one field is set. */
  onEvent?(event: { plan?: Plan; step?: Step; routing?: Routing; score?: ScoreRow; save?: { step: number } }): void;
  /** Stops within a step and rejects with an AbortError; see also Handful.stop. */
  signal?: AbortSignal;
}

export interface Plan {
  train: number;
  held: number;
  steps: number;
  trainable: number;
  tokens: number;
  arena: number;
  dispatches: number;
  cut?: { line: number; tokens: number }[];
  hints?: string[];
}

export interface Step {
  /** From 1. */
  step: number;
  /** Before the update, in nats per label token. */
  loss: number;
  lr: number;
  /** Before clipping. */
  gradNorm: number;
  ms: number;
}

export interface Routing {
  step: number;
  sites: string[];
  /** w[site][head][skill] */
  w: number[][][];
}

export interface ScoreRow {
  name: string;
  n: number;
  accuracy: number;
  balanced: number;
  /** Of generated answers. */
  exact?: number;
  rougeL?: number;
  loss: number;
  labels?: string[];
  rows?: { input: string; want: string; got: string; loss: number }[];
}

export interface Fit {
  method: string;
  losses: number[];
  steps: Step[];
  trainable: number;
  device: Device;
  /** Kernels of one step. */
  dispatches: number;
  /** Ended early by Handful.stop. */
  stopped: boolean;
  routing?: Routing;
  /** base, mean and adapted on the rows kept aside. */
  scores?: ScoreRow[];
  /** The PEFT folder with routing.json, train.jsonl and a card. */
  export(): Promise<{ name: string; bytes: Uint8Array }[]>;
  /** Drops it from the engine's memory. */
  free(): Promise<void>;
}

/** What to run the base with. Not given: the newest fit, else the opened adapter, else the base. */
export interface Using {
  adapter?: Fit | 'base' | 'mean' | 'routed' | 'file' | `task:${string}`;
  /** The same as adapter: 'task:ID'. */
  task?: string | number;
  signal?: AbortSignal;
}

export interface ScoreOptions extends Using {
  examples: Examples;
  instruction?: string;
  truncate?: boolean;
}

export interface EvalOptions extends ScoreOptions {
  /** Labels to choose from. */
  options?: string[];
  /** Judge at most so many rows, of each class its share. */
  limit?: number;
  /** Judge what greedy decoding writes, whatever labels there are. */
  generate?: boolean;
  /** Tokens of a generated answer. */
  maxTokens?: number;
  /** Examples (JSONL) to show in the prompt before each row, as many as fit. */
  context?: string;
  /** The labels that balanced accuracy is over; default: the options, or the outputs. */
  classes?: string[];
}

export interface GenerateOptions extends Using {
  prompt?: string;
  instruction?: string;
  /** As the rows that were learned from had them. */
  options?: string[];
  maxTokens?: number;
  /** 0 is greedy. */
  temperature?: number;
  topP?: number;
  seed?: number;
  /** The prompt as it is, not through the inventory's template. */
  raw?: boolean;
}

export interface Handful {
  readonly info: Info;
  adapt(options: AdaptOptions): Promise<Fit>;
  /** Ends a running adapt after its step; its promise gives what it has learned. */
  stop(): void;
  preview(options: { examples: Examples; instruction?: string; signal?: AbortSignal }): Promise<{
    rows: number;
    format: string;
    labels?: Record<string, number>;
    faults?: { kind: string; op: string; msg: string; hint?: string }[];
    hints?: string[];
    /** Those of every row, where all have the same. */
    options?: string[];
    prompt?: string;
    tokens: number;
    longest: number;
    cut?: { line: number; tokens: number }[];
  }>;
  score(options: ScoreOptions): Promise<{ loss: number; rows: { nll_sum: number; nll_mean: number; tokens: number }[] }>;
  evaluate(options: EvalOptions): Promise<ScoreRow>;
  generate(options: GenerateOptions): AsyncGenerator<string, void, void>;
  generate(prompt: string, options?: GenerateOptions): AsyncGenerator<string, void, void>;
  /** Ends the Worker and gives all memory back. */
  dispose(): Promise<void>;
}

export type FaultKind =
  | 'bug' | 'input' | 'unsupported' | 'no-gpu' | 'device-lost' | 'memory' | 'quota' | 'network' | 'corrupt' | 'cancelled';

/** What went wrong and what to do next. Its name is AbortError when kind is cancelled. */
export class HandfulError extends Error {
  readonly kind: FaultKind;
  readonly op: string;
  readonly hint: string;
}

export function createHandful(options: OpenOptions): Promise<Handful>;

declare global {
  interface Window {
    createHandful: typeof createHandful;
  }
}
