// oidc-provider at its defaults for a public client, over Maps in memory: its own store in memory keeps 1,000 records and forgets the others.
// POST /bench/session makes what a login and a consent would have made.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const stored = new Map();
class Maps {
  constructor(name) { this.name = name; }
  key(id) { return `${this.name}:${id}`; }
  async upsert(id, payload) { stored.set(this.key(id), payload); }
  async find(id) { return stored.get(this.key(id)); }
  async consume(id) { stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { stored.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
}

const clientId = "app";
const provider = new Provider("http://127.0.0.1", {
  adapter: Maps,
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  clients: [{ client_id: clientId, token_endpoint_auth_method: "none", redirect_uris: ["http://127.0.0.1/cb"], application_type: "native", grant_types: ["authorization_code", "refresh_token"] }],
  findAccount: (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
});
provider.on("server_error", (_ctx, error) => console.error(error));
const handle = provider.callback();

async function session() {
  const accountId = crypto.randomUUID(), scope = "openid offline_access";
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const client = await provider.Client.find(clientId);
  const token = new provider.RefreshToken({ accountId, client, grantId, scope, gty: "authorization_code", rotations: 0, authTime: Math.floor(Date.now() / 1000) });
  return token.save();
}

const server = createServer(async (request, response) => {
  if (request.url !== "/bench/session") return handle(request, response);
  response.end(JSON.stringify({ refresh_token: await session() }));
});
server.listen(0, "127.0.0.1", () => {
  const at = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ token: `${at}/token`, revoke: `${at}/token/revocation`, login: {}, loginAt: `${at}/bench/session` }));
});
