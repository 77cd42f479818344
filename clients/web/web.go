// Package web is the client for browsers, as it is built, so that programs in Go can serve it.
package web

import _ "embed"

// Module is dist/wavepass.js, a JavaScript module without imports. See README.md.
//
//go:embed dist/wavepass.js
var Module []byte
