/**
 * Runs one of the operator's commands and ends the process with `process.exitCode`, or with 1 where it throws. It ends
 * explicitly, because a timer of the migration engine would keep the process alive for ten more seconds.
 */
export async function runCommand(main: () => Promise<void>): Promise<never> {
  try {
    await main();
    process.exit();
  } catch (error) {
    // Every error here is one that the operator can correct, so its message is shown without a stack.
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
