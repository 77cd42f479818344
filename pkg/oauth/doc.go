// Package oauth is the wire vocabulary: error codes, the token response, and the type that keeps raw
// tokens and passwords out of logs. It imports nothing from this repository and decides nothing.
package oauth
