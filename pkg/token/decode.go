package token

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/claims"
)

// maxTime is the last second of the year 9999; a later time is not a date.
const maxTime = 253402300799

// payload is the claims as they are read. Absent ones have their zero value.
type payload struct {
	Claims
	sessionID string
	epoch     *int64
	authTime  time.Time
	amr       []string
}

var claimNames = []string{
	"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "roles", "roles_omitted", "claims", "external_id", "sid", "epoch", "auth_time",
	"amr",
}

// read reads the value of a claim. known is false for a name that Sign does not write, in exactly this spelling.
func (p *payload) read(quoted []byte, dec *jsontext.Decoder) (known bool, err error) {
	switch string(quoted) {
	case `"iss"`:
		p.Issuer, err = readString(dec)
	case `"sub"`:
		p.Subject, err = readString(dec)
	case `"aud"`:
		p.Audience, err = readAudience(dec)
	case `"exp"`:
		p.Expiry, err = readDate(dec)
	case `"iat"`:
		p.IssuedAt, err = readDate(dec)
	case `"jti"`:
		p.ID, err = readString(dec)
	case `"client_id"`:
		p.ClientID, err = readString(dec)
	case `"scope"`:
		p.Scope, err = readString(dec)
	case `"roles"`:
		p.Roles, err = readStrings(dec)
	case `"roles_omitted"`:
		p.RolesOmitted, err = readBool(dec)
	case `"claims"`:
		p.Custom, err = claims.Read(dec)
	case `"external_id"`:
		p.ExternalID, err = readString(dec)
	case `"sid"`:
		p.sessionID, err = readID(dec)
	case `"epoch"`:
		p.epoch = new(int64)
		*p.epoch, err = readNumber(dec)
	case `"auth_time"`:
		p.authTime, err = readDate(dec)
	case `"amr"`:
		p.amr, err = readStrings(dec)
	default:
		return false, nil
	}
	return true, wrongClaim(quoted, err)
}

// UnmarshalJSONFrom reads an object whose values are of their claims' own JSON kinds, never null. It uses no reflection because
// it runs in every request, where reflection takes 2.5 µs more, twice as long (BenchmarkDecode).
func (p *payload) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '{' {
		return errWrong
	}
	for dec.PeekKind() == '"' {
		quoted, err := dec.ReadValue() // refuses a name that came before
		if err != nil {
			return err
		}
		known, err := p.read(quoted, dec)
		switch {
		case known || err != nil:
		case looksLikeClaim(quoted):
			err = errLookalike
		default:
			err = dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// looksLikeClaim reports whether another reader might take the name for a claim's: with letters of another case, or escaped.
func looksLikeClaim(quoted []byte) bool {
	name, err := jsontext.AppendUnquote(nil, quoted)
	return err != nil || slices.ContainsFunc(claimNames, func(known string) bool { return strings.EqualFold(known, string(name)) })
}

// decodeClaims reads the payload strictly: one object, nothing after it, no name twice, every known claim
// of its own type and never null, and no name that another reader might take for a known one. Unknown
// claims are ignored (RFC 7519 §4).
func decodeClaims(raw []byte) (Claims, error) {
	if len(raw) == 0 || raw[0] != '{' { // null would be taken for an empty object
		return Claims{}, refuse("payload: not a JSON object (RFC 7519 §7.2)")
	}
	var p payload
	if err := json.Unmarshal(raw, &p); err != nil { // refuses duplicate names, invalid UTF-8, trailing data
		return Claims{}, refuse("payload: " + reasonOf(err))
	}
	switch complete := p.sessionID != "" && p.epoch != nil && !p.authTime.IsZero() && p.amr != nil; {
	case complete:
		p.Login = &Login{SessionID: uuid.MustParse(p.sessionID), Epoch: *p.epoch, AuthTime: p.authTime, AMR: p.amr}
	case p.sessionID != "" || p.epoch != nil || !p.authTime.IsZero() || p.amr != nil:
		return Claims{}, refuse("payload: some of sid, epoch, auth_time and amr, but not all")
	}
	return p.Claims, nil
}

// reasonOf says what json.Unmarshal did not like, without repeating the payload.
func reasonOf(err error) string {
	var wrong claimError
	switch {
	case errors.As(err, &wrong):
		return wrong.Error()
	case errors.Is(err, errLookalike):
		return errLookalike.Error()
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a name twice (RFC 7519 §4)"
	}
	return "malformed"
}

// claimError names a claim whose value is of a wrong type or form.
type claimError string

func (c claimError) Error() string { return string(c) + ": " + errWrong.Error() }

// wrongClaim names the claim in an error, unless it is an error of the JSON's syntax.
func wrongClaim(quoted []byte, err error) error {
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return err
	}
	return claimError(strings.Trim(string(quoted), `"`))
}

var (
	errWrong     = errors.New("wrong type or value")
	errLookalike = errors.New("a name that differs from a claim's in case only, or in escapes")
)

func readString(dec *jsontext.Decoder) (string, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return "", err
	}
	if token.Kind() != '"' {
		return "", errWrong
	}
	return token.String(), nil
}

func readStrings(dec *jsontext.Decoder) ([]string, error) {
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '[' {
		return nil, errWrong
	}
	values := []string{}
	for dec.PeekKind() != ']' {
		s, err := readString(dec)
		if err != nil {
			return nil, err
		}
		values = append(values, s)
	}
	_, err := dec.ReadToken()
	return values, err
}

// readAudience takes a string or an array of strings (RFC 7519 §4.1.3).
func readAudience(dec *jsontext.Decoder) ([]string, error) {
	if dec.PeekKind() == '[' {
		return readStrings(dec)
	}
	one, err := readString(dec)
	return []string{one}, err
}

func readBool(dec *jsontext.Decoder) (bool, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return false, err
	}
	if kind := token.Kind(); kind != 't' && kind != 'f' {
		return false, errWrong
	}
	return token.Bool(), nil
}

// readNumber takes a whole number.
func readNumber(dec *jsontext.Decoder) (int64, error) {
	raw, err := dec.ReadValue()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(raw), 10, 64)
}

// readDate takes a NumericDate (RFC 7519 §2); ours are whole seconds after 1970.
func readDate(dec *jsontext.Decoder) (time.Time, error) {
	seconds, err := readNumber(dec)
	if err == nil && (seconds <= 0 || seconds > maxTime) {
		err = errWrong
	}
	return time.Unix(seconds, 0).UTC(), err
}

// readID takes a UUID in its canonical form.
func readID(dec *jsontext.Decoder) (string, error) {
	s, err := readString(dec)
	if err == nil && !isUUID(s) {
		err = errWrong
	}
	return s, err
}
