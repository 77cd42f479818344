// Package metadata reads client id metadata documents (draft-ietf-oauth-client-id-metadata-document): definitions of clients that nobody
// has registered, each at the https address that is the client's id.
//
// Whoever names an address makes this service ask it, so the package decides what is asked: public addresses only, at port 443, without
// redirects, 5 KB in 3 seconds. It keeps nothing; package signin decides who may cause a request, and when.
package metadata
