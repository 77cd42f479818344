package token

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// maxTime is the last second of the year 9999; a later time is not a date.
const maxTime = 253402300799

var (
	accountClaims = []string{"sid", "epoch", "auth_time", "amr"}
	claimNames    = append([]string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "roles"}, accountClaims...)
)

// decodeClaims reads the payload strictly: one object, nothing after it, no name twice, every known claim
// of its own type and never null, and no name that another reader might take for a known one. Unknown
// claims are passed over (RFC 7519 §4).
func decodeClaims(payload []byte) (Claims, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(payload)) // refuses duplicate names and invalid UTF-8
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '{' {
		return Claims{}, refuse("payload: not a JSON object (RFC 7519 §7.2)")
	}
	var c Claims
	var login Login
	var found []string // which of accountClaims
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return Claims{}, refuse("payload: a name twice, or not UTF-8 (RFC 7519 §4)")
		}
		name := token.String()
		if slices.Contains(accountClaims, name) {
			found = append(found, name)
		}
		if err := decodeClaim(dec, name, &c, &login); err != nil {
			return Claims{}, refuse("payload: " + name + ": wrong type or value")
		}
	}
	if end, err := dec.ReadToken(); err != nil || end.Kind() != '}' {
		return Claims{}, refuse("payload: malformed")
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Claims{}, refuse("payload: something follows the object")
	}
	switch len(found) {
	case 0:
	case len(accountClaims):
		c.Login = &login
	default:
		return Claims{}, refuse("payload: some of sid, epoch, auth_time and amr, but not all")
	}
	return c, nil
}

func decodeClaim(dec *jsontext.Decoder, name string, c *Claims, login *Login) (err error) {
	switch name {
	case "iss":
		c.Issuer, err = decode[string](dec, '"')
	case "sub":
		c.Subject, err = decode[string](dec, '"')
	case "aud":
		c.Audience, err = decodeAudience(dec)
	case "exp":
		c.Expiry, err = decodeTime(dec)
	case "iat":
		c.IssuedAt, err = decodeTime(dec)
	case "jti":
		c.ID, err = decode[string](dec, '"')
	case "client_id":
		c.ClientID, err = decode[string](dec, '"')
	case "scope":
		c.Scope, err = decode[string](dec, '"')
	case "roles":
		c.Roles, err = decodeStrings(dec)
	case "sid":
		login.SessionID, err = decodeUUID(dec)
	case "epoch":
		login.Epoch, err = decode[int64](dec, '0')
	case "auth_time":
		login.AuthTime, err = decodeTime(dec)
	case "amr":
		login.AMR, err = decodeStrings(dec)
	default:
		if slices.ContainsFunc(claimNames, func(known string) bool { return strings.EqualFold(known, name) }) {
			return errWrong
		}
		return dec.SkipValue()
	}
	return err
}

var errWrong = errors.New("wrong type or value")

// decode reads one value that must be of the JSON kind ('"' string, '0' number, '[' array).
func decode[T any](dec *jsontext.Decoder, kind jsontext.Kind) (value T, err error) {
	if dec.PeekKind() != kind {
		return value, errWrong
	}
	err = json.UnmarshalDecode(dec, &value)
	return value, err
}

func decodeStrings(dec *jsontext.Decoder) ([]string, error) {
	raw, err := decode[[]*string](dec, '[')
	if err != nil {
		return nil, err
	}
	values := make([]string, len(raw))
	for i, s := range raw {
		if s == nil {
			return nil, errWrong // null
		}
		values[i] = *s
	}
	return values, nil
}

func decodeAudience(dec *jsontext.Decoder) ([]string, error) {
	if dec.PeekKind() == '[' {
		return decodeStrings(dec)
	}
	one, err := decode[string](dec, '"')
	return []string{one}, err
}

// decodeTime reads a NumericDate; ours are whole seconds after 1970.
func decodeTime(dec *jsontext.Decoder) (time.Time, error) {
	seconds, err := decode[int64](dec, '0')
	if err != nil || seconds <= 0 || seconds > maxTime {
		return time.Time{}, errWrong
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func decodeUUID(dec *jsontext.Decoder) (uuid.UUID, error) {
	text, err := decode[string](dec, '"')
	if err != nil || !isUUID(text) {
		return uuid.UUID{}, errWrong
	}
	return uuid.MustParse(text), nil
}
