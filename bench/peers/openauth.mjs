// OpenAuth at its defaults, on its store in memory. Its sessions begin by the client credentials of a provider that takes everybody.
import { issuer } from "@openauthjs/openauth";
import { MemoryStorage } from "@openauthjs/openauth/storage/memory";
import { createSubjects } from "@openauthjs/openauth/subject";
import { serve } from "@hono/node-server";

const anybody = { "~standard": { version: 1, vendor: "bench", validate: (value) => ({ value }) } };
const app = issuer({
  subjects: createSubjects({ user: anybody }),
  storage: MemoryStorage(),
  providers: { bench: { type: "bench", init() {}, client: async ({ params }) => ({ id: params.user }) } },
  allow: async () => true,
  success: (response, value) => response.subject("user", { id: value.id }),
});
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => console.log(JSON.stringify({
  token: `http://127.0.0.1:${port}/token`,
  login: { grant_type: "client_credentials", provider: "bench", client_id: "app", client_secret: "none" },
})));
