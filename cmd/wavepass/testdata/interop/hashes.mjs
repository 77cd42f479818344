// Prints password hashes, one JSON object a line, as Node's libraries make them.
import crypto from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.WAVEPASS_INTEROP}/`);
const argon2 = require("argon2");
const bcrypt = require("bcrypt");
const bcryptjs = require("bcryptjs");
// argon2 0.45 writes its parameters in another order; hashes of it are kept in kept.jsonl. What npm installs of it ends Node 20 on Debian 12.
const { FirebaseScrypt } = require("firebase-scrypt");

const plain = "surf the canary wave";
const marks = "re\u0301ne\u0301\u00a0\u65e5\u672c-\u{1f511}"; // decomposed, with a space that is not the ASCII one
const long = "0123456789".repeat(8); // bcrypt reads 72 bytes of it

const out = (made_by, password, hash, more) => console.log(JSON.stringify({ made_by, password, hash, ...more }));

// A project of Firebase, with a signer key of its own.
const project = { rounds: 8, mem_cost: 14, salt_separator: "Bw==", signer_key: crypto.randomBytes(64).toString("base64") };
const firebase = new FirebaseScrypt({
  memCost: project.mem_cost, rounds: project.rounds, saltSeparator: project.salt_separator, signerKey: project.signer_key,
});

// Auth0 tells in its guide to bulk imports how it writes PBKDF2: in the PHC string format, i and l being its parameters.
const unpadded = (bytes) => bytes.toString("base64").replace(/=+$/, "");
const auth0 = (password, digest, rounds, length) => {
  const salt = crypto.randomBytes(16);
  const key = crypto.pbkdf2Sync(password, salt, rounds, length, digest);
  return `$pbkdf2-${digest}$i=${rounds},l=${length}$${unpadded(salt)}$${unpadded(key)}`;
};

for (const password of [plain, marks, long]) {
  out("npm bcrypt 6.0.0", password, await bcrypt.hash(password, 5));
  out("npm bcryptjs 3.0.3", password, await bcryptjs.hash(password, 5));
  for (const type of [argon2.argon2id, argon2.argon2i, argon2.argon2d]) {
    out("npm argon2 0.44.0", password, await argon2.hash(password, { type, memoryCost: 1024 }));
  }
  out("node:crypto, as Auth0", password, auth0(password, "sha512", 100000, 64));
  out("node:crypto, as Auth0", password, auth0(password, "sha256", 1000, 32));
  const salt = crypto.randomBytes(10).toString("base64");
  out("npm firebase-scrypt 2.2.0", password, await firebase.hash(password, salt), { firebase: { ...project, salt } });
}
out("npm argon2 0.44.0, its own costs", plain, await argon2.hash(plain));
