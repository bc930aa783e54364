/** Preloaded into a process that is measured: its last line on stderr is its peak resident memory in bytes. */
process.on('exit', () => console.error(`peak ${process.resourceUsage().maxRSS * 1024}`));
