// Package federation owns the foreign identity providers that people may sign in with (OpenID Connect Core 1.0): what is registered of
// each, and how their addresses are asked, within bounds. It does not decide whose account an identity is.
package federation
