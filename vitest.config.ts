import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // Processes, not threads: tests send signals and spawn supervisors.
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: [
        "mod.ts",
        "worker.ts",
        "cli.ts",
        "core/**",
        "handles/**",
        "libc/**",
        "tls/**",
        "adapters/**",
        "worker/**",
        "cli/**",
      ],
      reporter: ["text", "lcov"],
    },
  },
});
export default config;
