/** Downloads of stems and mixes, named after their song. */

import { explain, Problem } from "../app/problems";
import { baseName, download, mixFile, stemFile } from "../app/save";
import type { OpenSong } from "../app/studio";
import type { StoreClient } from "../store/client";

/** Makes files of the open song and hands them to the browser. */
export class Saver {
  constructor(
    private readonly store: StoreClient,
    private readonly onProblem: (problem: Problem) => void,
  ) {}

  /** Saves one stem at full volume. */
  async saveStem(song: OpenSong | null, stem: number): Promise<void> {
    if (!song) return;
    await this.save(song, song.stems[stem]!, () => stemFile(this.store, song, stem));
  }

  /** Saves what is heard with these gains. */
  async saveMix(song: OpenSong | null, gains: readonly number[]): Promise<void> {
    if (!song) return;
    await this.save(song, "mix", () => mixFile(this.store, song, gains));
  }

  private async save(song: OpenSong, what: string, make: () => Promise<Blob>): Promise<void> {
    const name = `${baseName(song.name)} - ${what}.wav`;
    try {
      download(await make(), name);
    } catch (error) {
      this.onProblem(new Problem(`“${name}” could not be saved. ${explain(error).message}`));
    }
  }
}
