// An authorizer in Node as one writes it around aws-jwt-verify, with a denylist that it reads from a table for each request.
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { JwtVerifier } from "aws-jwt-verify";

const issuer = "https://id.example.com";
const verifier = JwtVerifier.create({ issuer, audience: issuer, jwksUri: process.env.JWKS_URI ?? `${issuer}/jwks` });
const table = new DynamoDBClient({ endpoint: process.env.DYNAMODB_ENDPOINT });

export async function handler(event) {
  const [scheme, text] = event.identitySource[0].split(" ");
  if (scheme !== "Bearer") return { isAuthorized: false };
  const claims = await verifier.verify(text);
  const key = { pk: { S: `REVOKED#${claims.jti}` }, sk: { S: "-" } };
  const { Item } = await table.send(new GetItemCommand({ TableName: process.env.TABLE_NAME, Key: key }));
  return { isAuthorized: !Item, context: { sub: claims.sub } };
}
