package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wavepass/wavepass/pkg/account"
)

// named is an account that a command is about.
type named struct {
	target
	Name string `arg:"" help:"Username of the account, or directory/subject of a back end's own user."`
	reading
}

// reading says how a name is read where it may be both: usernames may have a slash.
type reading struct {
	Username bool `help:"The name is a username, and not directory/subject." xor:"reading"`
	Subject  bool `help:"The name is directory/subject, and not a username." xor:"reading"`
}

// find returns the account that a name means. One that means two accounts is refused.
func (a admin) find(ctx context.Context, name string, as reading) (account.Account, error) {
	byUsername, err := a.findUsername(ctx, name)
	if as.Username || err != nil && !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrUsername) {
		return byUsername, explainAccount(err, name)
	}
	bySubject, subjectErr := a.findSubject(ctx, name)
	switch {
	case subjectErr != nil && !errors.Is(subjectErr, account.ErrNotFound):
		return account.Account{}, subjectErr
	case as.Subject || err != nil && strings.Contains(name, "/"):
		return bySubject, explainAccount(subjectErr, name)
	case err != nil || subjectErr != nil:
		return byUsername, explainAccount(err, name)
	}
	return account.Account{}, fmt.Errorf("%s is the username of the account %s, and directory/subject of the account %s: add --username or --subject",
		quoted(name), byUsername.ID, bySubject.ID)
}

func (a admin) findUsername(ctx context.Context, username string) (account.Account, error) {
	_, login, err := account.FindLogin(ctx, a.store, username)
	if err != nil {
		return account.Account{}, err
	}
	return a.store.Account(ctx, login.AccountID)
}

func (a admin) findSubject(ctx context.Context, name string) (account.Account, error) {
	directory, id, _ := strings.Cut(name, "/")
	subject, err := account.NewSubject(directory, id)
	if err != nil {
		return account.Account{}, account.ErrNotFound
	}
	remembered, _, err := a.store.Subject(ctx, subject, "")
	if err != nil {
		return account.Account{}, err
	}
	return a.store.Account(ctx, remembered.ID) // the subject's record has an older copy
}

// nameOf is how people know an account.
func nameOf(a account.Account) string {
	if a.Username == "" {
		return quoted(a.Subject.String())
	}
	return a.Username
}

// quoted is a name as it is, unless a terminal might show another one for it: a back end may have characters in its ids that are not seen, or
// that turn around what stands beside them.
func quoted(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsGraphic(r) }) {
		return strconv.QuoteToGraphic(name)
	}
	return name
}

// explainAccount says what to do about an error of an account.
func explainAccount(err error, name string) error {
	shown := quoted(name)
	directory, subject, both := strings.Cut(name, "/")
	switch {
	case errors.Is(err, account.ErrNotFound) && both:
		return fmt.Errorf("there is no account %s: no username of that name, and no session was begun for the subject %s of the directory %s",
			shown, quoted(subject), quoted(directory))
	case errors.Is(err, account.ErrNotFound):
		return fmt.Errorf("there is no account %s; `wavepass account list` shows those that there are", shown)
	case errors.Is(err, account.ErrExists):
		return fmt.Errorf("the username %s is taken", shown)
	case errors.Is(err, account.ErrAddressTaken):
		return errors.New("another account has this e-mail address: an address belongs to one account; take it away there by `wavepass account set-email NAME --none`")
	case errors.Is(err, account.ErrNoLogin):
		return fmt.Errorf("%s has no password: its back end lets it in. To lock it out use `wavepass account disable %s`", shown, shown)
	case errors.Is(err, account.ErrConflict):
		return fmt.Errorf("somebody else has changed the account %s meanwhile: look at it by `wavepass account show %s`, and try again", shown, shown)
	}
	return err
}

// mayHavePassword looks at the account before anybody types a new password for it, which they would in vain.
func (c named) mayHavePassword(ctx context.Context, o output, in invocation) error {
	if in.open != nil {
		return nil // the program that was asked for the password has looked
	}
	show := accountShow{c}
	show.JSON = true
	in.args = append([]string{"account", "show", "--json"}, c.flags()...)
	for flag, set := range map[string]bool{"--username": c.Username, "--subject": c.Subject} {
		if set {
			in.args = append(in.args, flag)
		}
	}
	in.args = append(in.args, "--", c.Name)
	var shown bytes.Buffer
	if err := show.Run(ctx, output{&shown, o.log}, in); err != nil {
		return err
	}
	var found accountJSON
	if err := json.Unmarshal(shown.Bytes(), &found); err != nil {
		return err
	}
	if found.Username == "" {
		return explainAccount(account.ErrNoLogin, c.Name)
	}
	return nil
}
