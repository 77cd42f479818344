// Measures libraries of Node that check an access token. Reads lines "LIBRARY CALLS" and answers each with the milliseconds of processor time that the calls took together.
import { createInterface } from "node:readline";
import { createPublicKey } from "node:crypto";
import * as jose from "jose";
import { JwtVerifier } from "aws-jwt-verify";
import { createVerifier } from "fast-jwt";

const { issuer, audience, jwks, token, event } = JSON.parse(process.env.BENCH);
const alg = jwks.keys[0].alg;

const joseKeys = jose.createLocalJWKSet(jwks);
const aws = JwtVerifier.create({ issuer, audience, jwksUri: `${issuer}/jwks` });
aws.cacheJwks(jwks);
const fast = createVerifier({
  key: createPublicKey({ key: jwks.keys[0], format: "jwk" }).export({ type: "spki", format: "pem" }),
  algorithms: [alg], allowedIss: issuer, allowedAud: audience, cache: false,
});

const libraries = {
  jose: () => jose.jwtVerify(token, joseKeys, { issuer, audience, algorithms: [alg], typ: "at+jwt" }),
  "aws-jwt-verify": () => aws.verifySync(token),
  "fast-jwt": () => fast(token),
  authorize: () => authorize(event),
};

// authorize is an authorizer as one writes it around aws-jwt-verify, from the event's JSON to the answer's.
async function authorize(payload) {
  const [scheme, text] = JSON.parse(payload).identitySource[0].split(" ");
  let answer = { isAuthorized: false };
  if (scheme === "Bearer") {
    try {
      const claims = await aws.verify(text);
      answer = { isAuthorized: true, context: { sub: claims.sub } };
    } catch { /* refused */ }
  }
  return JSON.stringify(answer);
}
if (!JSON.parse(await authorize(event)).isAuthorized || JSON.parse(await authorize(event.replace(token, token.slice(0, -8) + "AAAAAAAA"))).isAuthorized) throw new Error("the authorizer in Node gives a wrong answer");

for await (const line of createInterface({ input: process.stdin })) {
  const [name, calls] = line.split(" ");
  const begin = process.cpuUsage();
  for (let i = 0; i < Number(calls); i++) await libraries[name]();
  const { user, system } = process.cpuUsage(begin);
  console.log((user + system) / 1000);
}
