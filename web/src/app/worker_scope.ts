/** The global scope of a worker, typed by the messages it takes and sends. */

/** The part of a worker's `self` that is used here. */
export interface WorkerScope<In, Out> {
  onmessage: ((event: MessageEvent<In>) => void) | null;
  postMessage(message: Out, transfer?: Transferable[]): void;
}

/** Returns `self` of the worker that calls it. */
export function workerScope<In, Out>(): WorkerScope<In, Out> {
  return self as unknown as WorkerScope<In, Out>;
}
