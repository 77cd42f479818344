// Stands for Lambda's runtime for Node: takes one event after another and hands it to the function whose file it is given.
import { Agent, request } from "node:http";
import { pathToFileURL } from "node:url";

const agent = new Agent({ keepAlive: true });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/${path}`, { method, agent }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => resolve({ headers: answer.headers, text }));
    });
    sent.on("error", reject).end(body);
  });
}

const { handler } = await import(pathToFileURL(process.argv[2]));
for (;;) {
  const { headers, text } = await call("GET", "invocation/next");
  const id = headers["lambda-runtime-aws-request-id"];
  try {
    await call("POST", `invocation/${id}/response`, JSON.stringify(await handler(JSON.parse(text), { awsRequestId: id })));
  } catch (error) {
    await call("POST", `invocation/${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
}
