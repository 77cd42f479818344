package endpoint

import (
	"strings"

	"github.com/wavepass/wavepass/pkg/apigw"
)

const maxLanguage = 35 // bytes of a language tag (RFC 5646 §4.4.1)

// Language returns the tag of the language that mails to the caller are in: the one that is asked for, or the first that the
// caller's browser or app says it reads. The error is one to answer with.
func Language(r *apigw.Request, asked string) (string, error) {
	if asked == "" {
		read, _, _ := strings.Cut(r.Header("Accept-Language"), ",")
		if read, _, _ = strings.Cut(read, ";"); len(read) <= maxLanguage {
			return read, nil
		}
	}
	if len(asked) > maxLanguage {
		return "", apigw.InvalidRequest("language: want a tag like de or pt-BR")
	}
	return asked, nil
}
