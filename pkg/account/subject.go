package account

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxSubject is how long the id of a subject may be, in code points.
const maxSubject = 128

// MaxIdentities is how many identities can be linked to an account.
const MaxIdentities = 8

// ErrSubject says that a text cannot be the id of a subject.
var ErrSubject = fmt.Errorf("account: a subject is 1 to %d characters of UTF-8, neither . nor .., without control characters, / and U+FFFD", maxSubject)

// ErrNoLogin says that an account has no login name, and so no password.
var ErrNoLogin = errors.New("account: it has no login name")

// Subject is how a back end with users of its own names one of them. Ids are compared byte by byte, and belong to one directory: the
// same id in another is somebody else. The zero value is that of an account with a login name.
type Subject struct {
	Directory string // the directory of the back end's client
	ID        string // the back end's own id of the person
}

// String is directory/subject, by which routes and operators know the person: no directory and no id has a slash. It is empty for the zero value.
func (s Subject) String() string {
	if s == (Subject{}) {
		return ""
	}
	return s.Directory + "/" + s.ID
}

// NewSubject returns the subject of a directory. Its error is ErrSubject: also for ids that reach a service as another one, or not at
// all, when they are part of an address. Gateways differ in what they make of %2F, clients take . and .. out, and U+FFFD is what remains
// of any bytes that were not UTF-8.
func NewSubject(directory, id string) (Subject, error) {
	n := utf8.RuneCountInString(id)
	refused := func(c rune) bool { return unicode.IsControl(c) || c == '/' || c == utf8.RuneError }
	if n < 1 || n > maxSubject || id == "." || id == ".." || strings.ContainsFunc(id, refused) {
		return Subject{}, ErrSubject
	}
	return Subject{directory, id}, nil
}

// NewForSubject returns a new account without login name and password, which is not stored yet.
func NewForSubject(s Subject, now time.Time) (Account, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Account{}, err
	}
	return Account{ID: id, Subject: s, Epoch: now.Unix()}, nil
}
