// Package wavepass holds the SAM template, so that `wavepass local` serves its routes wherever it is started.
package wavepass

import _ "embed"

// Template is the text of template.yaml.
//
//go:embed template.yaml
var Template []byte
