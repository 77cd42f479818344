// Better Auth at its defaults, with its provider of OAuth, on SQLite in a file. REUSE_SECONDS is its refreshTokenReuseInterval, where it is set.
// POST /bench/session signs somebody up and takes them through the code flow of a public client.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "better-auth-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const at = `http://127.0.0.1:${server.address().port}`, redirect = "http://127.0.0.1/cb";

const reuse = process.env.REUSE_SECONDS;
const options = {
  baseURL: at,
  secret: randomBytes(32).toString("base64"),
  database: new DatabaseSync(join(folder, "sqlite.db")),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [jwt(), oauthProvider({
    loginPage: "/login", consentPage: "/consent", silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    ...(reuse ? { refreshTokenReuseInterval: Number(reuse) } : {}),
  })],
};
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);
const handle = toNodeHandler(auth);
server.on("request", async (request, response) => {
  if (request.url !== "/bench/session") return handle(request, response);
  try {
    response.end(await session());
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

// signUp returns the cookie of a new person.
async function signUp() {
  const answer = await fetch(`${at}/api/auth/sign-up/email`, {
    method: "POST", headers: { "content-type": "application/json", origin: at },
    body: JSON.stringify({ name: "somebody", email: `${crypto.randomUUID()}@example.com`, password: "surf-the-cookie-wave" }),
  });
  return answer.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
}

const client = await auth.api.adminCreateOAuthClient({
  headers: new Headers({ cookie: await signUp() }),
  body: {
    redirect_uris: [redirect], token_endpoint_auth_method: "none", application_type: "native", skip_consent: true,
    grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], scope: "openid offline_access",
  },
});

async function session() {
  const verifier = randomBytes(32).toString("base64url");
  const asked = await fetch(`${at}/api/auth/oauth2/authorize?${new URLSearchParams({
    client_id: client.client_id, redirect_uri: redirect, response_type: "code", scope: "openid offline_access", state: "state",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256",
  })}`, { headers: { cookie: await signUp() }, redirect: "manual" });
  const code = new URL(asked.headers.get("location") ?? (await asked.json()).url, at).searchParams.get("code");
  if (!code) throw new Error(`no code: ${asked.status} ${asked.headers.get("location")}`);
  const answer = await fetch(`${at}/api/auth/oauth2/token`, {
    method: "POST", body: new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: redirect, client_id: client.client_id, code_verifier: verifier }),
  });
  return answer.text();
}

console.log(JSON.stringify({ token: `${at}/api/auth/oauth2/token`, revoke: `${at}/api/auth/oauth2/revoke`, clientID: client.client_id, login: {}, loginAt: `${at}/bench/session` }));
