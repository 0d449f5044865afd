/**
 * The four functions of the Reflect metadata proposal that `@peculiar/x509`'s dependency
 * injection refuses to load without. Import it for its effect, before that package.
 */

type Metadata = Map<unknown, unknown>;

const tables = new WeakMap<object, Metadata>();

function getOwnMetadata(key: unknown, target: object): unknown {
  return tables.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Reflect.getPrototypeOf(at)) {
    if (tables.get(at)?.has(key) === true) {
      return getOwnMetadata(key, at);
    }
  }
  return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const table: Metadata = tables.get(target) ?? new Map();
  tables.set(target, table.set(key, value));
}

function metadata(key: unknown, value: unknown): (target: object) => void {
  return (target) => defineMetadata(key, value, target);
}

if (!("getMetadata" in Reflect)) {
  Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata, metadata });
}
