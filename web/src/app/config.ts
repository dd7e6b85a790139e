/** `karaoke.json`, which `keras-munet export web` writes beside the page. */

import type { StftSettings } from "../dsp/settings";
import { Problem } from "./problems";

/** What the page must know about its model. */
export interface KaraokeConfig {
  readonly version: string;
  readonly title: string;
  readonly sources: readonly string[];
  readonly stft: StftSettings;
  readonly model: { readonly file: string; readonly bytes: number; readonly sha256: string };
  readonly about: { readonly training_data?: string; readonly licence?: string };
  readonly demo: string | null;
}

const FORMAT = 1;

/** Reads `karaoke.json`. */
export async function loadConfig(): Promise<KaraokeConfig> {
  const response = await fetch("karaoke.json").catch(() => null);
  if (!response?.ok) {
    throw new Problem(
      "The settings of this page (karaoke.json) could not be loaded. Check the connection " +
        "and try again. A page needs a model: make one with `keras-munet export web`.",
      true,
    );
  }
  const values = (await response.json()) as KaraokeConfig & { format: number };
  if (values.format !== FORMAT) {
    throw new Problem(
      `This page reads karaoke.json of format ${FORMAT}, and found ${values.format}. ` +
        "Export it again with `keras-munet export web`.",
    );
  }
  return values;
}
