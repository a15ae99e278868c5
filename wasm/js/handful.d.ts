// Handful for web pages, Workers and Node. Options have the command line's names in camelCase.

/** The release. */
export const version: string;

/**
 * A File, an address of this origin, bytes, or an address whose content is checked: what has a sha256 and a size is
 * kept in the browser's storage; `of` is what it is a part of, for the page's list of what is stored. On Node a string
 * is the path of a file or a folder.
 */
export type Source =
  | File
  | Blob
  | string
  | URL
  | { name: string; bytes: Uint8Array }
  | { url: string | URL; name?: string; sha256?: string; size?: number; of?: string };

/** One source or several. An address that ends with "/", or whose name has no extension, is a folder. */
export type Files = Source | ArrayLike<Source> | Iterable<Source>;

export type DeviceKind = 'auto' | 'cpu' | 'gpu';

/** What is used of a Worker that runs engine-worker.js. */
export interface WorkerLike {
  onmessage: ((event: any) => any) | null;
  onerror: ((event: any) => any) | null;
  postMessage(message: any, transfer: any[]): void;
  terminate(): unknown;
}

/** Where the engine is. Not given: a Worker of its own, whose files lie beside this module. */
export interface Where {
  /** Its program's address or its bytes, where that does not lie beside engine-worker.js. */
  wasm?: string | URL | Blob | ArrayBuffer | Uint8Array;
  /** A Worker that runs engine-worker.js, or what starts one; dispose ends it. */
  worker?: WorkerLike | (() => WorkerLike);
  /** The folder of engine-worker.js and engine.wasm, on this origin. */
  assets?: string | URL;
  /** On Node: the package that gives WebGPU, by its name or path. Not given: webgpu, where it is installed; false: none. */
  webgpu?: string | URL | false;
  /** An <iframe> with the page in it, at an address with ?embed: its engine is used, and addresses are as seen from there. */
  frame?: { readonly src: string; readonly contentWindow: unknown };
}

export interface OpenOptions extends Where {
  /** A Hugging Face folder (config.json, safetensors, tokenizer.json) or one .gguf. */
  base: Files;
  /** The skills that z and mu start from: a PEFT POLY folder, a checkpoint of mttl, or LoRAs, each a skill; zips of them too. */
  inventory?: Files;
  /** A PEFT LORA, IA3 or POLY folder, a checkpoint of mttl, or a .handful file, to score or generate with, or to begin with (fromAdapter). */
  adapter?: Files;
  /** 'gpu' never falls back; 'auto' (the default) takes the faster and says why. */
  device?: DeviceKind;
  /** Kernel family; measured when it is not given. */
  kernel?: string;
  /** Budget in MB. */
  memory?: number;
  /** Lowers the adapter's limit for one binding, in bytes. */
  maxBinding?: number;
  /** Keeps downloads in the browser's storage, where it has any; true when not given. */
  keep?: boolean;
  onProgress?(progress: Progress): void;
  /** Stops opening; what has arrived of a file that is kept is gone on with next time. */
  signal?: AbortSignal;
}

export interface Progress {
  /** verify: what is stored; wait: for another tab that downloads the same; retry: the connection broke. */
  status: 'verify' | 'wait' | 'download' | 'retry' | 'read' | 'upload' | 'compile' | 'ready';
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
  /** Of an encoder-decoder, whose layers are the decoder's. */
  encoderLayers?: number;
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
    /** `similar` can compare gradients with those of its training tasks. */
    gradients?: boolean;
    /** Options of adapt that it recommends, by method: they stand where none is given. */
    fewShot?: Record<string, Record<string, unknown>>;
  };
  licence: string;
  /** Bytes of weights on the device. */
  resident: number;
  /** Bytes that weights and a step of 8 rows of 64 tokens take; null where the device does not tell what room it has. */
  need: null | { weights: number; step: number };
  /** What a .handful file, given as adapter, says of itself. */
  adapter: Card | null;
  /** Where the files were gotten that were given by address. */
  files: Gotten[];
}

export interface Gotten {
  of: 'base' | 'inventory' | 'adapter';
  name: string;
  bytes: number;
  /** page: it is a part of the page that serves this module. */
  from: 'network' | 'storage' | 'page';
  /** It is in the browser's storage. */
  kept: boolean;
  /** Why it is not, where it was to be. */
  why?: string;
}

/** JSONL, a JSON array, CSV, TSV or "text => label" lines; or rows. */
export type Examples = string | Row[];

export type Row =
  | { input: string; output: string; options?: string[] }
  | {
      input_ids: ArrayLike<number>;
      labels: ArrayLike<number>;
      task_id?: number;
      /** Answers to choose from, as ids behind the input; one is the labels without -100. */
      options?: ArrayLike<number>[];
    }
  | Record<string, unknown>;

/** Which columns of a table, or fields of JSON, are read; where not given, those of the usual names. */
export interface Columns {
  /** By its name in the header, or its number from 1. */
  inputColumn?: string;
  outputColumn?: string;
  /** The first line is a row: columns go by number. */
  noHeader?: boolean;
}

export interface AdaptOptions extends Columns {
  examples: Examples;
  /** Routing logits, the averaged adapter, everything, LoRA, or (IA)³. */
  method?: 'z' | 'mu' | 'mhr' | 'lora' | 'ia3';
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
  optimizer?: 'adamw' | 'adafactor';
  /** adafactor: rates are relative to each tensor's size (the default). */
  scaleParameter?: boolean;
  /** Of the label tokens; T-Few's over the answers that each row could have; smoothed and summed, as for Natural Instructions; or T-Few's where there are answers to choose from. */
  loss?: 'lm' | 'tfew' | 'ni' | 'auto';
  /** Labels to choose from, of rows without options of their own. By default the outputs, where they are few and come again. */
  options?: string[];
  /** fresh, mean, task:ID, best, best:K or keep. */
  routerInit?: string;
  /** From logits to weights. */
  selector?: 'sigmoid' | 'l2' | 'straight-through' | 'correction' | 'shared';
  /** A router for each linear, sub-layer, block, encoder and decoder, or one. */
  granularity?: 'fine' | 'layer' | 'block' | 'coder' | 'coarse';
  /** Samples routes while training. */
  relaxed?: boolean;
  order?: 'shuffle' | 'file';
  /** How many rows to use; 0 is all. */
  shots?: number;
  /** Fraction of the rows kept aside for scoring. */
  holdout?: number;
  /** Rows to score on instead. */
  held?: Examples;
  /** The last state of the run, or the best: of the lowest loss on held-out rows, among up to ten that are tried. */
  keep?: 'last' | 'best';
  /** Cuts a row that is too long at the front of its input. */
  truncate?: boolean;
  saveSteps?: number[];
  rank?: number;
  alpha?: number;
  targets?: string | string[];
  /** lora, ia3: begin with the opened adapter, not from scratch. */
  fromAdapter?: boolean;
  seed?: number;
  /** Steps between routing events; 0: only at the end. */
  routingEvery?: number;
  /** Seconds between snapshot events; 0: none. */
  snapshotEvery?: number;
}

export interface Listening {
  onStep?(step: Step): void;
  /** Everything that happens: exactly one field is set. */
  onEvent?(event: Event): void;
  /** Stops within a step and rejects with an AbortError; see also Handful.stop. */
  signal?: AbortSignal;
}

export interface Event {
  /** What a run that goes on has been asked and has done. */
  resumed?: { options: AdaptOptions; steps: Step[]; heldLosses?: HeldStep[] };
  start?: Start;
  plan?: Plan;
  step?: Step;
  held?: HeldStep;
  routing?: Routing;
  score?: ScoreRow;
  save?: { step: number };
  /** The run after a step, for Handful.resume: the examples are in it. */
  snapshot?: { step: number; bytes: Uint8Array };
  /** The device was lost: the run goes on from after `step`, whose later steps are told again, on `device`. */
  lost?: { step: number; why: string; device: Device };
}

/** How the search for a start (routerInit best) goes on; the last has rows. */
export interface Start {
  /** Forwards. */
  done: number;
  of: number;
  /** That the rows were tried on. */
  examples?: number;
  /** Best first: training starts from their mean. */
  rows?: StartRow[];
}

export interface StartRow {
  task: string;
  loss: number;
}

export interface Plan {
  train: number;
  /** Rows kept aside. */
  held: number;
  /** Of those whose loss is told while training. */
  followed: number;
  steps: number;
  trainable: number;
  /** Of the largest batch, or part of one. */
  tokens: number;
  /** Of the largest batch: more than 1 where memory is so short that a step is computed in parts. */
  parts: number;
  /** Bytes of a step's values. */
  arena: number;
  dispatches: number;
  /** For a step's way back: products, or blocks where memory is short, and much is computed twice. */
  stored: 'products' | 'blocks';
  /** What is trained with. */
  loss: 'lm' | 'tfew' | 'ni';
  cut?: { line: number; tokens: number }[];
  hints?: string[];
  /** Settings that are as the inventory recommends, such as 'router-lr 0.5'. */
  recommended?: string[];
}

export interface Step {
  /** From 1. */
  step: number;
  /** Before the update, in nats; that of lm is per label token. */
  loss: number;
  lr: number;
  /** Before clipping. */
  gradNorm: number;
  ms: number;
}

/** The loss of held-out rows after a step. */
export interface HeldStep {
  step: number;
  /** That which is trained with, as Step has it. */
  loss: number;
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
  /** 95 % interval of balanced, from resampled rows. */
  interval?: { lo: number; hi: number };
  /** Examples that stood in the prompt. */
  shown?: number;
  labels?: string[];
  /** How many labels; absent: none to choose from. */
  classes?: number;
  rows?: { input: string; want: string; got: string; loss: number }[];
}

export interface AgainstOptions {
  with: 'icl' | 'z' | 'mu' | 'lora';
  /** Of what is trained; default: as the inventory recommends, or the method's own. */
  steps?: number;
  batch?: number;
  signal?: AbortSignal;
  onStep?(step: Step): void;
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
  /** While training, where rows are held out. */
  heldLosses?: HeldStep[];
  /** The step whose state it is; absent where that is not known. */
  kept?: number;
  /** The training tasks that routing starts from, with routerInit best. */
  start?: StartRow[];
  routing?: Routing;
  /** base, mean and adapted on the rows kept aside. */
  scores?: ScoreRow[];
  /** Why there are no scores though rows were kept aside. */
  unscored?: string;
  /** The PEFT folder with routing.json, train.jsonl and a card. */
  export(): Promise<{ name: string; bytes: Uint8Array }[]>;
  /** Another format. What may be large comes as Blobs. */
  export(options: ExportOptions): Promise<{ name: string; blob: Blob }[]>;
  /**
   * A code for a link, of at most 8,000 characters. It tells the mixture of MHR-z in levels-ths, so that each weight
   * is off by less than 1/levels; what other methods learn does not fit.
   */
  share(options?: ShareOptions): Promise<{ code: string; levels: number; weights: number }>;
  /** How many of the rows that it was scored on get the same prediction from its code; of is 0 where none were. */
  agreement(code: string): Promise<{ same: number; of: number }>;
  /**
   * Judges another way to use its examples on the rows that it was scored on: `icl`, the base with the examples in its
   * prompt, or another method trained on them with the same seed. What is trained is dropped when it is judged.
   */
  against(options: AgainstOptions): Promise<ScoreRow>;
  /**
   * The training tasks that are most like it. By `routing` (as told nothing): the cosine of what both have over the even
   * mixture; methods with routing only. By `gradients`: the cosine, to about 0.03, between the gradients of its first 32
   * examples and of theirs where every task starts, at the mean of the skills; inventories with
   * `task_gradients.safetensors` only.
   */
  similar(options?: { top?: number; by?: 'routing' | 'gradients'; signal?: AbortSignal }): Promise<{ task: string; cosine: number }[]>;
  /** A .handful file with the weights as they are; id is its sha256. */
  pack(options?: ShareOptions): Promise<Packed & { file: Uint8Array }>;
  /** Drops it from the engine's memory. */
  free(): Promise<void>;
}

export interface ExportOptions {
  /** One LoRA; skills and routers; llama.cpp's LoRA; or the base as a Hugging Face folder with the adapter in its weights. */
  to: 'peft-lora' | 'peft-poly' | 'peft-ia3' | 'gguf-lora' | 'merged';
  /** Of mhr, whose skills several tasks have: which, or mean. */
  task?: string;
  /** Of merged; F32 when not given. */
  dtype?: 'F32' | 'F16' | 'BF16';
  signal?: AbortSignal;
}

export interface ShareOptions {
  name?: string;
  /** A date, RFC 3339. */
  made?: string;
  /** What to call the base and the skills; as their files do when not given. */
  base?: string;
  inventory?: string;
  /** With the rows that it was made from; never unless true. */
  examples?: boolean;
}

/** A file of weights, by its sha256 (of several, that of the lines "SHA256  NAME"). */
export interface Weights {
  name: string;
  sha256: string;
}

/** What a fine-tune is and what it stands on. */
export interface Card {
  name?: string;
  made?: string;
  method: string;
  base: Weights;
  inventory?: Weights;
  instruction?: string;
  /** That stood in every prompt. */
  options?: string[];
  settings?: Record<string, unknown>;
  start?: StartRow[];
  scores?: Omit<ScoreRow, 'labels' | 'rows'>[];
  examples?: string;
  held?: string;
  levels?: number;
}

export interface Packed {
  id: string;
  bytes: number;
  card: Card;
  /** Examples are in it. */
  examples: boolean;
}

/** A code, a link with one, or a .handful file. */
export type Shared = string | URL | Blob | Uint8Array;

/** What to run the base with. Not given: the newest fit, else the opened adapter, else the base. */
export interface Using {
  adapter?: Fit | 'base' | 'mean' | 'routed' | 'file' | `task:${string}`;
  /** The same as adapter: 'task:ID'. */
  task?: string | number;
  signal?: AbortSignal;
}

export interface ScoreOptions extends Using, Columns {
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

export interface AlignmentOptions {
  /**
   * What tasks are compared, each by its examples. One that is named as a training task of the inventory is routed as that
   * one, others evenly; a row's task_id picks its router row where the inventory ships none of its training tasks.
   */
  tasks: ArrayLike<Examples | { name?: string; examples: Examples; instruction?: string }>;
  /** The inventory, or else the opened adapter, with all its skills when not given. */
  adapter?: Using['adapter'] | 'skills';
  /** Of tasks that bring none. */
  instruction?: string;
  /** Most rows of each task; 0 is all. */
  rows?: number;
  truncate?: boolean;
  /** Hears how many tasks are done. */
  onTask?(done: number): void;
  signal?: AbortSignal;
}

/** By task, in the order given: the gradient of the mean loss with respect to all A and B. */
export interface Alignment {
  tasks: string[];
  rows: number[];
  loss: number[];
  grad_norm: number[];
  cosine: number[][];
  /** Cosine over all pairs of different tasks. */
  mean: number;
  parameters: number;
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
  /** Above 1: the answer of a search with so many beams, which comes whole at the end. */
  beams?: number;
  /** Of beams: an answer's score is its log likelihood over its tokens to this power; default 1. */
  lengthPenalty?: number;
  /** The prompt as it is, not through the inventory's template. */
  raw?: boolean;
}

export interface Handful {
  readonly info: Info;
  adapt(options: AdaptOptions & Listening): Promise<Fit>;
  /**
   * Goes on with a run that was broken off, from the bytes of its newest snapshot event, with its own options: on the
   * cpu to the same bits. The same base and inventory must be open.
   */
  resume(run: Uint8Array | Blob, listening?: Listening): Promise<Fit>;
  /** Ends a running adapt after its step; its promise gives what it has learned. */
  stop(): void;
  /** Makes a fine-tune of what was shared. Another base, or other skills, than it was made with are refused by name. */
  restore(given: Shared, options?: { signal?: AbortSignal }): Promise<Fit & { card: Card }>;
  /** What was shared, and which base and skills it wants. */
  card(given: Shared, options?: { signal?: AbortSignal }): Promise<Packed>;
  /** The open weights; the first call reads all of them. */
  identity(options?: { signal?: AbortSignal }): Promise<{ base: Weights; inventory: Weights | null }>;
  /** Reads rows without training. row is the one to show as the model sees it, from 0. */
  preview(options: Columns & { examples: Examples; instruction?: string; row?: number; signal?: AbortSignal }): Promise<{
    rows: number;
    format: string;
    labels?: Record<string, number>;
    faults?: { kind: string; op: string; msg: string; hint?: string }[];
    hints?: string[];
    /** Those of every row, where all have the same. */
    options?: string[];
    /** The chosen row with its answer, as the tokenizer gives its tokens back. */
    prompt?: string;
    /** The end of it that is learned. */
    answer?: string;
    chosen: number;
    /** The first 100 rows; learn counts the tokens of the answer. */
    table?: { line: number; input: string; output: string; tokens: number; learn: number; cut: number }[];
    /** Of a table that names no input or no output: see mapColumns. */
    columns?: { names: string[]; sample?: string[] };
    tokens: number;
    longest: number;
    cut?: { line: number; tokens: number }[];
  }>;
  /** The same table with two of its columns, from 0, named input and output. header false: its first line is a row. */
  mapColumns(options: { examples: string; input: number; output: number; header?: boolean; signal?: AbortSignal }): Promise<string>;
  score(options: ScoreOptions): Promise<{ loss: number; rows: { nll_sum: number; nll_mean: number; tokens: number }[] }>;
  evaluate(options: EvalOptions): Promise<ScoreRow & Required<Pick<ScoreRow, 'rows'>>>;
  alignment(options: AlignmentOptions): Promise<Alignment>;
  /** The mixture of skills of a fine-tune, of a training task of the inventory, of its mean, or of the opened adapter. */
  routing(options?: Using): Promise<Routing>;
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

/** Tells files of a base from files of skills, by their content; a zip may be both. */
export function sortFiles<T extends Source>(files: Iterable<T>, options?: Where & { signal?: AbortSignal }): Promise<{ base: T[]; inventory: T[] }>;
