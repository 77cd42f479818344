// Package claims owns the custom claims of accounts: a few values that operators give an account and that travel in its
// access tokens to the routes behind the authorizer. It does not know who sets them, and Wavepass decides nothing by them.
package claims

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// MaxCount is how many claims an account may have.
	MaxCount = 16
	// MaxSize is how long the JSON text of an account's claims may be, in bytes. An access token has room for it.
	MaxSize = 512
	// maxExact bounds numbers: larger whole numbers are rounded by JavaScript and by other readers of JSON (RFC 8259 §6).
	maxExact = 1<<53 - 1
)

// ErrInvalid says that a text cannot be the claims of an account.
var ErrInvalid = errors.New("claims")

// Set is the claims of an account as a JSON object of strings, numbers and booleans, in canonical form (RFC 8785), so that
// equal sets are equal texts. The empty text is the set without claims.
type Set string

// Parse reads a JSON object. Its errors are ErrInvalid and name the claim that is wrong.
func Parse(text string) (Set, error) {
	if strings.TrimSpace(text) == "" {
		return "", nil
	}
	dec := jsontext.NewDecoder(strings.NewReader(text)) // refuses a name that came before, and invalid UTF-8
	count, err := readMembers(dec, checkMember)
	switch {
	case errors.Is(err, ErrInvalid):
		return "", err
	case err != nil:
		return "", fmt.Errorf("%w: want a JSON object that names each claim once", ErrInvalid)
	case count > MaxCount:
		return "", fmt.Errorf("%w: %d of them, and an account may have %d", ErrInvalid, count, MaxCount)
	case count == 0:
		return "", nil
	}
	canonical := jsontext.Value(text)
	if err := canonical.Canonicalize(); err != nil { // also when something follows the object
		return "", fmt.Errorf("%w: want one JSON object", ErrInvalid)
	}
	if len(canonical) > MaxSize {
		return "", fmt.Errorf("%w: %d bytes as JSON, and there is room for %d", ErrInvalid, len(canonical), MaxSize)
	}
	return Set(canonical), nil
}

// Read reads the claims of a token. Their number and length are not looked at: a token is bounded, and a later version may
// allow more of them.
func Read(dec *jsontext.Decoder) (Set, error) {
	if dec.PeekKind() != '{' {
		return "", errKind
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return "", err
	}
	text := string(raw)
	if _, err := readMembers(jsontext.NewDecoder(strings.NewReader(text)), checkKind); err != nil {
		return "", err
	}
	return Set(text), nil
}

// Map returns the claims by their names. Values are string, float64 and bool. It returns nil where there are none.
func (s Set) Map() map[string]any {
	if s == "" {
		return nil
	}
	var m map[string]any
	if json.Unmarshal([]byte(s), &m) != nil {
		return nil // no Set of this package
	}
	return m
}

// readMembers calls check with each member of an object.
func readMembers(dec *jsontext.Decoder, check func(name string, value jsontext.Value) error) (count int, err error) {
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '{' {
		return 0, errKind
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return 0, err
		}
		called := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return 0, err
		}
		if err := check(called, value); err != nil {
			return 0, err
		}
		count++
	}
	_, err = dec.ReadToken()
	return count, err
}

var errKind = errors.New("wrong type or value")

func checkKind(_ string, value jsontext.Value) error {
	switch value.Kind() {
	case '"', '0', 't', 'f':
		return nil
	}
	return errKind
}

func checkMember(name string, value jsontext.Value) error {
	if !oauth.ValidClaimName(name) {
		shown := strconv.Quote(name)
		if len(name) > 64 {
			shown = "a long name" // it may be a token that is in the wrong place
		}
		return fmt.Errorf("%w: %s: a name is of the letters a to z, digits and _, and begins with a letter", ErrInvalid, shown)
	}
	if checkKind(name, value) != nil {
		return fmt.Errorf("%w: %s: want a string, a number, true or false", ErrInvalid, name)
	}
	if value.Kind() == '0' {
		if n, err := strconv.ParseFloat(string(value), 64); err != nil || math.Abs(n) > maxExact {
			return fmt.Errorf("%w: %s: so large a number is rounded by many who read it: make it a string", ErrInvalid, name)
		}
	}
	return nil
}
