package main

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/claims"
)

// claimsOf reads NAME=VALUE pairs. A value that is JSON is taken for what it is, and any other for text.
func claimsOf(pairs []string) (claims.Set, error) {
	var members []string
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return "", fmt.Errorf("--claim %s: want NAME=VALUE", pair)
		}
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return "", fmt.Errorf("--claim %q: not UTF-8", pair)
		}
		if !jsontext.Value(value).IsValid() {
			text, err := jsontext.AppendQuote(nil, value)
			if err != nil {
				return "", fmt.Errorf("--claim %q: not UTF-8", pair)
			}
			value = string(text)
		}
		members = append(members, string(quoted)+":"+value)
	}
	return claims.Parse("{" + strings.Join(members, ",") + "}")
}
