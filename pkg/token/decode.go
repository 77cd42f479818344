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
)

// maxTime is the last second of the year 9999; a later time is not a date.
const maxTime = 253402300799

// payload is the claims as they are read. Its types take their own JSON kind only, never null.
type payload struct {
	Issuer   text
	Subject  text
	Audience audience
	Expiry   date
	IssuedAt date
	ID       text
	ClientID text
	Scope    text
	Roles    list
	Omitted  flag

	SessionID id
	Epoch     number
	AuthTime  date
	AMR       list
}

var claimNames = []string{
	"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "roles", "roles_omitted", "sid", "epoch", "auth_time", "amr",
}

// claim is what takes the value of a claim whose name is spelled as the Issuer does; nil for every other name.
func (p *payload) claim(quoted []byte) (name string, value json.UnmarshalerFrom) {
	switch string(quoted) {
	case `"iss"`:
		return "iss", &p.Issuer
	case `"sub"`:
		return "sub", &p.Subject
	case `"aud"`:
		return "aud", &p.Audience
	case `"exp"`:
		return "exp", &p.Expiry
	case `"iat"`:
		return "iat", &p.IssuedAt
	case `"jti"`:
		return "jti", &p.ID
	case `"client_id"`:
		return "client_id", &p.ClientID
	case `"scope"`:
		return "scope", &p.Scope
	case `"roles"`:
		return "roles", &p.Roles
	case `"roles_omitted"`:
		return "roles_omitted", &p.Omitted
	case `"sid"`:
		return "sid", &p.SessionID
	case `"epoch"`:
		return "epoch", &p.Epoch
	case `"auth_time"`:
		return "auth_time", &p.AuthTime
	case `"amr"`:
		return "amr", &p.AMR
	}
	return "", nil
}

// UnmarshalJSONFrom takes an object. It is spelled out because it is on the path of every request: by
// reflection it takes half as long again.
func (p *payload) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '{' {
		return errWrong
	}
	for dec.PeekKind() == '"' {
		quoted, err := dec.ReadValue() // refuses a name that came before
		if err != nil {
			return err
		}
		name, value := p.claim(quoted)
		switch {
		case value != nil:
			err = wrongClaim(name, value.UnmarshalJSONFrom(dec))
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

// looksLikeClaim reports whether another reader might take the name for a claim's: one in other cases, or escaped.
func looksLikeClaim(quoted []byte) bool {
	name, err := jsontext.AppendUnquote(nil, quoted)
	return err != nil || slices.ContainsFunc(claimNames, func(known string) bool { return strings.EqualFold(known, string(name)) })
}

// decodeClaims reads the payload strictly: one object, nothing after it, no name twice, every known claim
// of its own type and never null, and no name that another reader might take for a known one. Unknown
// claims are passed over (RFC 7519 §4).
func decodeClaims(raw []byte) (Claims, error) {
	if len(raw) == 0 || raw[0] != '{' { // null would be taken for an empty object
		return Claims{}, refuse("payload: not a JSON object (RFC 7519 §7.2)")
	}
	var p payload
	if err := json.Unmarshal(raw, &p); err != nil { // refuses duplicate names, invalid UTF-8, trailing data
		return Claims{}, refuse("payload: " + reasonOf(err))
	}
	c := Claims{
		Issuer: string(p.Issuer), Subject: string(p.Subject), Audience: p.Audience.values,
		Expiry: p.Expiry.time, IssuedAt: p.IssuedAt.time, ID: string(p.ID), ClientID: string(p.ClientID),
		Scope: string(p.Scope), Roles: p.Roles.values, RolesOmitted: bool(p.Omitted),
	}
	switch {
	case p.SessionID.set && p.Epoch.set && p.AuthTime.set && p.AMR.set:
		c.Login = &Login{SessionID: p.SessionID.value, Epoch: p.Epoch.value, AuthTime: p.AuthTime.time, AMR: p.AMR.values}
	case p.SessionID.set || p.Epoch.set || p.AuthTime.set || p.AMR.set:
		return Claims{}, refuse("payload: some of sid, epoch, auth_time and amr, but not all")
	}
	return c, nil
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

// claimError names a claim whose value is none of its own.
type claimError string

func (c claimError) Error() string { return string(c) + ": " + errWrong.Error() }

// wrongClaim leaves errors of syntax as they are: they are not the claim's.
func wrongClaim(name string, err error) error {
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return err
	}
	return claimError(name)
}

var (
	errWrong     = errors.New("wrong type or value")
	errLookalike = errors.New("a name that differs from a claim's in case only, or in escapes")
)

type text string

// UnmarshalJSONFrom takes a string.
func (t *text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	s, err := readString(dec)
	*t = text(s)
	return err
}

type flag bool

// UnmarshalJSONFrom takes true or false.
func (f *flag) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if kind := token.Kind(); kind != 't' && kind != 'f' {
		return errWrong
	}
	*f = flag(token.Bool())
	return nil
}

type list struct {
	values []string
	set    bool
}

// UnmarshalJSONFrom takes an array of strings.
func (l *list) UnmarshalJSONFrom(dec *jsontext.Decoder) (err error) {
	l.set = true
	l.values, err = readStrings(dec)
	return err
}

type audience struct{ values []string }

// UnmarshalJSONFrom takes a string or an array of strings (RFC 7519 §4.1.3).
func (a *audience) UnmarshalJSONFrom(dec *jsontext.Decoder) (err error) {
	if dec.PeekKind() == '[' {
		a.values, err = readStrings(dec)
		return err
	}
	one, err := readString(dec)
	a.values = []string{one}
	return err
}

type number struct {
	value int64
	set   bool
}

// UnmarshalJSONFrom takes a whole number.
func (n *number) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	n.set = true
	n.value, err = strconv.ParseInt(string(raw), 10, 64)
	return err
}

type date struct {
	time time.Time
	set  bool
}

// UnmarshalJSONFrom takes a NumericDate (RFC 7519 §2); ours are whole seconds after 1970.
func (d *date) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var seconds number
	if err := seconds.UnmarshalJSONFrom(dec); err != nil {
		return err
	}
	if seconds.value <= 0 || seconds.value > maxTime {
		return errWrong
	}
	d.set, d.time = true, time.Unix(seconds.value, 0).UTC()
	return nil
}

type id struct {
	value uuid.UUID
	set   bool
}

// UnmarshalJSONFrom takes a UUID in its canonical form.
func (i *id) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	s, err := readString(dec)
	if err != nil || !isUUID(s) {
		return errWrong
	}
	i.set, i.value = true, uuid.MustParse(s)
	return nil
}

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
