package accountfile

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/foreignhash"
)

func decodeJSONL(from raw) (r Record, err error) {
	return r, unmarshal(from.json, &r)
}

// decodeAuth0 reads the users of an export job, and the file with password hashes that Auth0's support hands out.
func decodeAuth0(from raw) (Record, error) {
	var user struct {
		UserID string `json:"user_id"`
		ID     struct {
			OID string `json:"$oid"`
		} `json:"_id"`
		Email         string `json:"email"`
		EmailVerified bool   `json:"email_verified"`
		Username      string `json:"username"`
		Blocked       bool   `json:"blocked"`
		PasswordHash  string `json:"passwordHash"`
		Custom        struct {
			Algorithm string `json:"algorithm"`
			Hash      struct {
				Value string `json:"value"`
			} `json:"hash"`
			Password struct {
				Encoding string `json:"encoding"`
			} `json:"password"`
		} `json:"custom_password_hash"`
	}
	if err := unmarshal(from.json, &user); err != nil {
		return Record{}, err
	}
	if user.Custom.Hash.Value != "" {
		switch user.Custom.Algorithm { // the others keep salt and costs beside the hash
		case "argon2", "bcrypt", "pbkdf2":
		default:
			return Record{}, bad("its custom_password_hash is by none of argon2, bcrypt and pbkdf2")
		}
		switch user.Custom.Password.Encoding {
		case "", "utf8", "ascii":
		default:
			return Record{}, bad("its custom_password_hash is of a password in an encoding that is not utf8")
		}
	}
	return Record{
		source: user.UserID + user.ID.OID, Username: user.Username, Email: user.Email, EmailVerified: user.EmailVerified, Disabled: user.Blocked,
		PasswordHash: user.PasswordHash + user.Custom.Hash.Value,
	}, nil
}

// parseHashConfig reads what Firebase's console shows as the password hash parameters.
func parseHashConfig(text string) (foreignhash.Project, error) {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(line, ":")
		if found {
			values[strings.TrimSpace(name)] = strings.Trim(value, " \t\r\n,;\"")
		}
	}
	missing := func(name string) (foreignhash.Project, error) {
		return foreignhash.Project{}, fmt.Errorf("accountfile: the password hash parameters of Firebase lack %s: copy them from the console, Authentication, Users, Password hash parameters", name)
	}
	var p foreignhash.Project
	var err error
	if values["algorithm"] != "SCRYPT" {
		return missing("algorithm: SCRYPT")
	}
	if p.SignerKey, err = base64.StdEncoding.DecodeString(values["base64_signer_key"]); err != nil || len(p.SignerKey) == 0 {
		return missing("base64_signer_key")
	}
	if p.SaltSeparator, err = base64.StdEncoding.DecodeString(values["base64_salt_separator"]); err != nil {
		return missing("base64_salt_separator")
	}
	if p.Rounds, err = strconv.Atoi(values["rounds"]); err != nil {
		return missing("rounds")
	}
	if p.MemCost, err = strconv.Atoi(values["mem_cost"]); err != nil {
		return missing("mem_cost")
	}
	return p, nil
}

// decodeFirebase reads what `firebase auth:export users.json` writes.
func decodeFirebase(project foreignhash.Project) func(raw) (Record, error) {
	return func(from raw) (Record, error) {
		var user struct {
			LocalID       string `json:"localId"`
			Email         string `json:"email"`
			EmailVerified bool   `json:"emailVerified"`
			PasswordHash  string `json:"passwordHash"`
			Salt          string `json:"salt"`
			Disabled      bool   `json:"disabled"`
		}
		if err := unmarshal(from.json, &user); err != nil {
			return Record{}, err
		}
		r := Record{source: user.LocalID, Email: user.Email, EmailVerified: user.EmailVerified, Disabled: user.Disabled}
		if user.PasswordHash == "" {
			return r, nil
		}
		hash, hashErr := eitherBase64(user.PasswordHash)
		salt, saltErr := eitherBase64(user.Salt)
		if hashErr != nil || saltErr != nil {
			return Record{}, bad("its passwordHash or salt is not in base64")
		}
		r.PasswordHash = foreignhash.Firebase(project, salt, hash)
		return r, nil
	}
}

// eitherBase64 reads the standard alphabet, which the command line writes, and that of URLs, which the API writes.
func eitherBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text))
}

// decodeCognito reads what `aws cognito-idp list-users` prints. Cognito gives out no passwords.
func decodeCognito(from raw) (Record, error) {
	var user struct {
		Username   string
		Enabled    *bool
		Attributes []struct{ Name, Value string }
	}
	if err := unmarshal(from.json, &user); err != nil {
		return Record{}, err
	}
	attributes := map[string]string{}
	for _, a := range user.Attributes {
		attributes[a.Name] = a.Value
	}
	r := Record{
		source: attributes["sub"], Email: attributes["email"], EmailVerified: attributes["email_verified"] == "true",
		Disabled: user.Enabled != nil && !*user.Enabled,
	}
	if r.Email == "" {
		r.Username = user.Username
	}
	return r, nil
}

// decodeSupabase reads the columns of auth.users.
func decodeSupabase(now time.Time) func(raw) (Record, error) {
	return func(from raw) (Record, error) {
		return Record{
			source: from.fields["id"], Email: from.fields["email"], EmailVerified: set(from.fields["email_confirmed_at"]),
			PasswordHash: from.fields["encrypted_password"], Disabled: after(from.fields["banned_until"], now),
		}, nil
	}
}

// decodeDevise reads the columns of the table of users of a Rails application.
func decodeDevise(pepper string) func(raw) (Record, error) {
	return func(from raw) (Record, error) {
		r := Record{
			source: from.fields["id"], Username: from.fields["username"], Email: from.fields["email"],
			EmailVerified: set(from.fields["confirmed_at"]), PasswordHash: from.fields["encrypted_password"],
		}
		if pepper != "" && r.PasswordHash != "" {
			r.PasswordHash = foreignhash.Peppered(r.PasswordHash, pepper)
		}
		return r, nil
	}
}

// set reports whether a column of a time has one.
func set(text string) bool { return text != "" && !strings.EqualFold(text, "null") && text != `\N` }

// after reports whether a column has a time after now, or what cannot be read as one, such as infinity.
func after(text string, now time.Time) bool {
	if !set(text) {
		return false
	}
	for _, form := range []string{"2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", time.RFC3339} { // of Postgres, twice, and of its JSON
		if at, err := time.Parse(form, text); err == nil {
			return at.After(now)
		}
	}
	return true
}
