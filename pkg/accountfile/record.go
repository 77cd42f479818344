package accountfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/claims"
)

// Record is an account as Wavepass's own files have it, one JSON object a line.
type Record struct {
	ID            string          `json:"id,omitempty"`
	Username      string          `json:"username,omitempty"` // empty: the address
	Email         string          `json:"email,omitempty"`
	EmailVerified bool            `json:"email_verified,omitempty"`
	PasswordHash  string          `json:"password_hash,omitempty"`
	PasswordForm  string          `json:"password_form,omitempty"` // FormOpaque, or empty: the password as it was typed
	Roles         []string        `json:"roles,omitempty"`
	Scopes        []string        `json:"scopes,omitempty"`
	Claims        json.RawMessage `json:"claims,omitempty"`
	Disabled      bool            `json:"disabled,omitempty"`

	source string // how the other system names the person
}

// FormOpaque marks a hash of Wavepass's own, of a password in the form of RFC 8265's OpaqueString.
const FormOpaque = "opaque"

// unmarshal reads one JSON value and nothing behind it. The error quotes nothing.
func unmarshal(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); errors.Is(more, io.EOF) {
			return nil
		}
		return bad("there is something after its JSON object")
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return bad("its member %q is no %s", wrong.Field, wrong.Type)
	}
	return bad("it is no JSON object")
}

// complete checks a record and fills in what follows from the rest: the id and the login name.
func (r *Record) complete(format Format) error {
	if r.Username == "" {
		r.Username = r.Email
	}
	if r.Username == "" {
		return bad("it has neither an e-mail address nor a username")
	}
	canonical, err := account.CanonicalUsername(r.Username)
	if err != nil {
		return err
	}
	if r.ID == "" {
		r.ID = idOf(format, r.source, canonical).String()
	}
	_, _, err = r.Account(time.Unix(0, 0))
	return err
}

// Account returns the account, which is not stored yet, and what is stored of its password; empty when it has none. Its error says what the
// store would not take.
func (r Record) Account(now time.Time) (account.Account, string, error) {
	a := account.Account{Disabled: r.Disabled, Epoch: now.Unix()}
	var err error
	if a.ID, err = uuid.Parse(r.ID); err != nil || a.ID.String() != r.ID || a.ID == uuid.Nil {
		return account.Account{}, "", bad("its id is no UUID in lower case")
	}
	if a.Username, err = account.CanonicalUsername(r.Username); err != nil {
		return account.Account{}, "", err
	}
	if a.Email, err = r.email(now); err != nil {
		return account.Account{}, "", err
	}
	set, err := claims.Parse(strings.TrimPrefix(string(r.Claims), "null"))
	if err != nil {
		return account.Account{}, "", err
	}
	a = a.With(account.Access{Roles: r.Roles, Scopes: r.Scopes, Claims: set})
	if err := account.CheckAccess(a.Access()); err != nil {
		return account.Account{}, "", err
	}
	hash, err := r.hash()
	return a, hash, err
}

func (r Record) email(now time.Time) (account.Email, error) {
	if r.Email == "" {
		return account.Email{}, nil
	}
	canonical, err := account.CanonicalAddress(r.Email)
	if err != nil {
		return account.Email{}, err
	}
	email := account.Email{Address: canonical}
	if r.EmailVerified {
		email.VerifiedAt = now.Truncate(time.Millisecond)
	}
	return email, nil
}

func (r Record) hash() (string, error) {
	switch {
	case r.PasswordHash == "":
		return "", nil
	case r.PasswordForm == FormOpaque:
		return account.OwnHash(r.PasswordHash)
	case r.PasswordForm != "":
		return "", bad("its password_form is neither missing nor %q", FormOpaque)
	}
	return account.Imported(r.PasswordHash)
}

// RecordOf returns the record of an account with a login name. stored is what is stored of its password, or empty.
func RecordOf(a account.Account, stored string) Record {
	r := Record{
		ID: a.ID.String(), Username: a.Username, Email: a.Email.Address, EmailVerified: a.Email.Verified(),
		Roles: a.Roles, Scopes: a.Scopes, Claims: json.RawMessage(a.Claims), Disabled: a.Disabled,
	}
	if foreign, imported := account.OfImport(stored); imported {
		r.PasswordHash = foreign
	} else if stored != "" {
		r.PasswordHash, r.PasswordForm = stored, FormOpaque
	}
	return r
}
