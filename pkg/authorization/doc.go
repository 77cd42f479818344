// Package authorization owns what a client asks for when it sends a person's browser to be signed in (RFC 6749 §4.1.1, OpenID
// Connect Core 1.0 §3.1.2): what a request may say, where its answer goes, and how that answer is written; also requests
// that were pushed beforehand (RFC 9126). It knows no session and draws no page.
package authorization
