// What the process was given from outside: the environment. The only file that reads it; the pipeline file names its variables.

export function readEnvironment(): Readonly<Record<string, string>> {
  const environment: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
