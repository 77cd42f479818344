// An authorizer in Node as one writes it: it asks the Runtime API for its first event as soon as its libraries are there.
import { request } from "node:http";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { JwtVerifier } from "aws-jwt-verify";

const verifier = JwtVerifier.create({ issuer: "https://id.example.com", audience: "https://id.example.com", jwksUri: "https://id.example.com/jwks" });
const table = new DynamoDBClient({ region: "eu-central-1" });
request(`http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next`, () => { void verifier; void table; }).end();
