import { defineConfig } from "vite";

/** Builds the page into the Python package, from where it reaches the wheel. */
export default defineConfig({
  base: "./",
  build: {
    outDir: "../keras_munet/export/web/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no data: scripts
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
  },
  worker: { format: "iife" }, // LiteRT's loader needs importScripts
});
