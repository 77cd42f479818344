// OpenAuth as a function of Lambda on DynamoDB, as its documentation has it.
import { issuer } from "@openauthjs/openauth";
import { DynamoStorage } from "@openauthjs/openauth/storage/dynamo";
import { createSubjects } from "@openauthjs/openauth/subject";
import { PasswordProvider } from "@openauthjs/openauth/provider/password";
import { PasswordUI } from "@openauthjs/openauth/ui/password";
import { handle } from "hono/aws-lambda";

const anybody = { "~standard": { version: 1, vendor: "bench", validate: (value) => ({ value }) } };
const app = issuer({
  subjects: createSubjects({ user: anybody }),
  storage: DynamoStorage({ table: "openauth", endpoint: process.env.DYNAMODB_ENDPOINT }),
  providers: { password: PasswordProvider(PasswordUI({ sendCode: async () => {} })) },
  success: (response, value) => response.subject("user", { id: value.email }),
});
export const handler = handle(app);
