// Package ascii checks short texts that may only have some ASCII characters: identifiers, host names. Regular expressions would say the same, but
// those of package variables are compiled at each cold start of each function, which takes longer than all that they ever check there
// (docs/adr/0088-a-function-starts-with-what-it-uses.md).
package ascii

import "strings"

// Set is a set of ASCII characters, a bit for each.
type Set [2]uint64

// Of returns the set of characters and ranges of characters, like "a-z0-9_-". A - that is first or last stands for itself.
func Of(characters string) Set {
	var s Set
	for i := 0; i < len(characters); i++ {
		first, last := characters[i], characters[i]
		if i+2 < len(characters) && characters[i+1] == '-' {
			last = characters[i+2]
			i += 2
		}
		for c := first; c <= last; c++ {
			s[c>>6] |= 1 << (c & 63)
		}
	}
	return s
}

// Has reports whether c is in the set. Bytes of other than ASCII characters never are.
func (s Set) Has(c byte) bool { return c < 0x80 && s[c>>6]>>(c&63)&1 == 1 }

// Holds reports whether text has 1 to most characters, each of them in the set.
func (s Set) Holds(text string, most int) bool {
	if text == "" || len(text) > most {
		return false
	}
	for i := range len(text) {
		if !s.Has(text[i]) {
			return false
		}
	}
	return true
}

var (
	label    = Of("a-z0-9-")
	anyLabel = Of("a-z0-9_-")
)

// IsHostName reports whether name has labels of 1 to 63 of a-z 0-9 _ -, which neither begin nor end with -, and a dot between them. Browsers take such
// names, though those of domains have no _.
func IsHostName(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if !isLabel(part, anyLabel) {
			return false
		}
	}
	return true
}

// IsDomain reports whether name is one of a domain in lower case (RFC 1123 §2.1): at least two labels of 1 to 63 of a-z 0-9 -, which neither begin nor end
// with -. The last has at least two characters and begins with a letter, so that no IP address is taken for a domain.
func IsDomain(name string) bool {
	parts := strings.Split(name, ".")
	for _, part := range parts {
		if !isLabel(part, label) {
			return false
		}
	}
	last := parts[len(parts)-1]
	return len(parts) > 1 && len(last) > 1 && 'a' <= last[0] && last[0] <= 'z'
}

func isLabel(text string, characters Set) bool {
	return characters.Holds(text, 63) && text[0] != '-' && text[len(text)-1] != '-'
}
