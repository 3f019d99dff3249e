// The package's one module: the types of the document, and a client that knows them.
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";

export type Tandem = Client<paths>;

export interface Credential {
    /** An access token, from `/auth/token`. */
    token?: string | undefined;
    apiKey?: string | undefined;
}

/** Return a client of the API at `baseUrl`, such as `https://cms.example.org/api/v2`. */
export function createTandem(baseUrl: string, { token, apiKey }: Credential = {}): Tandem {
    const headers: Record<string, string> = {};
    if (token) headers["Authorization"] = `Bearer ${token}`;
    if (apiKey) headers["X-API-Key"] = apiKey;
    return createClient<paths>({ baseUrl, headers });
}
