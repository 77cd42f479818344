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
	Issuer   text     `json:"iss"`
	Subject  text     `json:"sub"`
	Audience audience `json:"aud"`
	Expiry   date     `json:"exp"`
	IssuedAt date     `json:"iat"`
	ID       text     `json:"jti"`
	ClientID text     `json:"client_id"`
	Scope    text     `json:"scope"`
	Roles    list     `json:"roles"`

	SessionID id     `json:"sid"`
	Epoch     number `json:"epoch"`
	AuthTime  date   `json:"auth_time"`
	AMR       list   `json:"amr"`

	Others jsontext.Value `json:",embed"` // all other members
}

var claimNames = []string{
	"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "roles", "sid", "epoch", "auth_time", "amr",
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
	if len(p.Others) > 0 && !distinct(p.Others) {
		return Claims{}, refuse("payload: a name that differs from a claim's in case only")
	}
	c := Claims{
		Issuer: string(p.Issuer), Subject: string(p.Subject), Audience: p.Audience.values,
		Expiry: p.Expiry.time, IssuedAt: p.IssuedAt.time, ID: string(p.ID), ClientID: string(p.ClientID),
		Scope: string(p.Scope), Roles: p.Roles.values,
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
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return strings.Split(string(semantic.JSONPointer)+"/", "/")[1] + ": wrong type or value"
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return "a name twice (RFC 7519 §4)"
	}
	return "malformed"
}

// distinct reports whether no name of the object equals a claim's under case folding.
func distinct(others jsontext.Value) bool {
	var members map[string]jsontext.Value
	if json.Unmarshal(others, &members) != nil {
		return false
	}
	for name := range members {
		if slices.ContainsFunc(claimNames, func(known string) bool { return strings.EqualFold(known, name) }) {
			return false
		}
	}
	return true
}

var errWrong = errors.New("wrong type or value")

type text string

// UnmarshalJSONFrom takes a string.
func (t *text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	s, err := readString(dec)
	*t = text(s)
	return err
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
