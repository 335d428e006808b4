// Signs with the providers' own code: one JSON line for each request, for the verifier to judge.
// It is copied beside its packages, outside the repository, and run there.
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const examples = createRequire(import.meta.url)("@octokit/webhooks-examples");

const send = (scheme, secret, body, headers, name) =>
  process.stdout.write(JSON.stringify({ scheme, secret, body, headers, name }) + "\n");

for (const event of examples.default ?? examples) {
  for (const payload of event.examples) {
    const body = JSON.stringify(payload);
    const headers = { "X-Hub-Signature-256": await sign("It's a secret", body), "X-GitHub-Event": event.name };
    send("github", "It's a secret", body, headers, event.name);
  }
}

const now = new Date();
const shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const body = JSON.stringify({ type: "invoice.paid", text: "♥ ünï" });
send("standard_webhooks", shared, body, {
  "webhook-id": "msg_1",
  "webhook-timestamp": String(Math.floor(now / 1000)),
  "webhook-signature": new Webhook(shared).sign("msg_1", now, body),
}, "standardwebhooks");

const charge = JSON.stringify({ id: "evt_1", object: "event" });
send("stripe", "whsec_abc", charge, {
  "Stripe-Signature": new Stripe("sk_test_x").webhooks.generateTestHeaderString({ payload: charge, secret: "whsec_abc" }),
}, "stripe");
