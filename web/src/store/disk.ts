/** Stems kept in the browser's private files (OPFS), for long songs. */

import { type Shelf, StorageFullError } from "./shelf";

const FOLDER = "keras-munet-stems";

interface SyncHandle {
  read(buffer: ArrayBufferView, options: { at: number }): number;
  write(buffer: ArrayBufferView, options: { at: number }): number;
  truncate(size: number): void;
  close(): void;
}

/** One private file per stem; readable only in a worker. */
export class DiskShelf implements Shelf {
  private constructor(
    private readonly folder: FileSystemDirectoryHandle,
    private readonly names: readonly string[],
    private readonly handles: readonly SyncHandle[],
  ) {}

  /** Whether this browser has private files with synchronous access. */
  static available(): boolean {
    return (
      typeof navigator.storage?.getDirectory === "function" &&
      typeof FileSystemFileHandle !== "undefined" &&
      "createSyncAccessHandle" in FileSystemFileHandle.prototype
    );
  }

  /** Makes empty files; throws `StorageFullError` when they cannot grow enough. */
  static async open(nStems: number, nValues: number): Promise<DiskShelf> {
    const names: string[] = [];
    const handles: SyncHandle[] = [];
    try {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle(FOLDER, { create: true });
      await removeStale(folder);
      const shelf = new DiskShelf(folder, names, handles);
      for (let stem = 0; stem < nStems; stem++) await shelf.addFile(names, handles, nValues);
      return shelf;
    } catch (error) {
      for (const handle of handles) handle.close(); // the files go when a song is next opened
      throw asStorageError(error);
    }
  }

  private async addFile(names: string[], handles: SyncHandle[], nValues: number): Promise<void> {
    const name = `${crypto.randomUUID()}.pcm`;
    const file = (await this.folder.getFileHandle(name, { create: true })) as unknown as {
      createSyncAccessHandle(): Promise<SyncHandle>;
    };
    names.push(name);
    const handle = await file.createSyncAccessHandle();
    handles.push(handle);
    handle.truncate(nValues * 2); // asks for the room now, not half way
  }

  write(stem: number, offset: number, values: Int16Array): void {
    let written = 0;
    try {
      written = this.handles[stem]!.write(values, { at: offset * 2 });
    } catch (error) {
      throw asStorageError(error);
    }
    if (written < values.byteLength) throw new StorageFullError();
  }

  read(stem: number, offset: number, length: number): Int16Array<ArrayBuffer> {
    const values = new Int16Array(length);
    this.handles[stem]!.read(values, { at: offset * 2 });
    return values;
  }

  close(): void {
    for (const handle of this.handles) handle.close();
    for (const name of this.names) {
      this.folder.removeEntry(name).catch(() => undefined);
    }
  }
}

/** Removes what closed tabs left; files of open tabs are locked and stay. */
async function removeStale(folder: FileSystemDirectoryHandle): Promise<void> {
  const names: string[] = [];
  for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) {
    names.push(name);
  }
  await Promise.all(names.map((name) => folder.removeEntry(name).catch(() => undefined)));
}

function asStorageError(error: unknown): unknown {
  const name = error instanceof DOMException ? error.name : "";
  return name === "QuotaExceededError" ? new StorageFullError() : error;
}
