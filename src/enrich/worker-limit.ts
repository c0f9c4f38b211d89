// Shared by the pipeline file and the command line, which must not load the schemas.

/** More than one machine has use for: one process receives for all. */
export const maxWorkers = 64;
