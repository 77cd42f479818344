package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

var subjectTests = []subtest{
	{"UnknownIsNotFound", subjectUnknown},
	{"FirstSessionMakesTheAccount", subjectFirst},
	{"LaterSessionRemembersTheAccount", subjectLater},
	{"ChangedAccountIsErrConflictAndComesBack", subjectChanged},
	{"ManyAtOnceMakeOneAccount", subjectParallel},
	{"OneIdempotencyKeyBeginsOneSession", subjectKey},
	{"IdempotencyKeyIsFreeAgainWhenItsTimeIsOver", subjectKeyOver},
	{"ManyAtOnceWithOneKeyBeginOneSession", subjectKeyParallel},
	{"RepeatedAfterALostAnswerChangesNothing", subjectAgain},
	{"SubjectsNeverCollide", subjectsApart},
	{"AccountIsDisabledLikeAnyOther", subjectDisabled},
	{"DeletedAccountLeavesItsSubject", subjectDeleted},
	{"NewAccountTakesItsAddress", subjectAddress},
	{"LinkedIdentityLeadsToTheAccount", subjectLinked},
	{"UnlinkedIdentityLeadsNowhere", subjectUnlinked},
	{"OneOfManyParallelLinksIsMade", subjectLinkedParallel},
}

// subjectOwner is a new account of a subject, with every field set. Not stored.
func subjectOwner(t *testing.T) account.Account {
	t.Helper()
	a := newAccount(t)
	a.Username, a.Disabled, a.Endings, a.Proof = "", false, nil, account.Proof{}
	a.Subject = account.Subject{Directory: fresh(t, "d"), ID: "ünï/user#1 🌊"}
	return a
}

// beginningOf is a session of an account that begins.
func (f fixture) beginningOf(t *testing.T, a account.Account, first bool, key string) session.Beginning {
	t.Helper()
	s := f.newSession(t)
	s.AccountID, s.Epoch, s.CreatedAt = a.ID, a.Epoch, f.clock.Now()
	b := session.Beginning{Account: a, New: first, Session: s}
	if key != "" {
		b.Begun = session.Begun{Key: key, Body: "digest", AccountID: a.ID, SessionID: s.ID, Until: f.clock.Now().Add(session.BegunLife)}
	}
	return b
}

// begin makes a beginning that succeeds.
func (f fixture) begin(t *testing.T, a account.Account, first bool, key string) session.Beginning {
	t.Helper()
	b := f.beginningOf(t, a, first, key)
	_, err := f.BeginSession(t.Context(), b)
	wantErr(t, "begin", err, nil)
	return b
}

// wantSubject reads the record of a subject, and what was begun with a key.
func (f fixture) wantSubject(t *testing.T, what string, want account.Account, key string, begun session.Begun) {
	t.Helper()
	got, gotBegun, err := f.Subject(t.Context(), want.Subject, key)
	wantErr(t, what+": read subject", err, nil)
	want.Endings, got.Endings = nil, nil // they are the account's alone
	same(t, what+": account of the subject", got, want)
	same(t, what+": begun", gotBegun, begun)
}

func subjectUnknown(t *testing.T, f fixture) {
	for _, key := range []string{"", "key"} {
		_, begun, err := f.Subject(t.Context(), subjectOwner(t).Subject, key)
		wantErr(t, "unknown subject", err, account.ErrNotFound)
		same(t, "begun", begun, session.Begun{})
	}
	b := f.beginningOf(t, subjectOwner(t), false, "key")
	_, err := f.BeginSession(t.Context(), b)
	wantErr(t, "begin for an account that is gone", err, account.ErrNotFound)
	f.wantNoSession(t, "for an account that is gone", b.Session)
	_, begun, err := f.Subject(t.Context(), b.Account.Subject, "key")
	wantErr(t, "its subject", err, account.ErrNotFound)
	same(t, "begun for it", begun, session.Begun{})
}

func subjectFirst(t *testing.T, f fixture) {
	for name, change := range map[string]func(*account.Account){
		"every field set": func(*account.Account) {},
		"as it begins":    func(a *account.Account) { a.Roles, a.Scopes, a.Claims = nil, nil, "" },
		"longest id":      func(a *account.Account) { a.Subject.ID = strings.Repeat("🌊", 128) },
	} {
		a := subjectOwner(t)
		change(&a)
		b := f.begin(t, a, true, "")
		f.wantSubject(t, name, a, "", session.Begun{})
		f.wantSession(t, name, b.Session)
		got, err := f.Account(t.Context(), a.ID)
		wantErr(t, name+": read account", err, nil)
		same(t, name+": account", got, a)
	}
}

func subjectLater(t *testing.T, f fixture) {
	a := subjectOwner(t)
	f.begin(t, a, true, "")
	b := f.begin(t, a, false, "key")
	f.wantSession(t, "the second", b.Session)
	f.wantSubject(t, "the second", a, "key", b.Begun)

	access := account.Access{Roles: []string{"other"}} // no scopes and no claims any more
	wantErr(t, "set access", f.SetAccess(t.Context(), a.ID, a.Access(), access), nil)
	f.wantSubject(t, "before the next begins", a, "", session.Begun{})
	a = a.With(access)
	f.begin(t, a, false, "")
	f.wantSubject(t, "when the next has begun", a, "", session.Begun{})
	f.begin(t, a, false, "")
}

func subjectChanged(t *testing.T, f fixture) {
	a := subjectOwner(t)
	f.begin(t, a, true, "")
	for name, change := range map[string]func(*account.Account){
		"epoch behind": func(a *account.Account) { a.Epoch-- },
		"epoch ahead":  func(a *account.Account) { a.Epoch++ },
		"a role more":  func(a *account.Account) { a.Roles = append([]string{"root"}, a.Roles...) },
		"no roles":     func(a *account.Account) { a.Roles = nil },
		"other scopes": func(a *account.Account) { a.Scopes = []string{"account"} },
		"no claims":    func(a *account.Account) { a.Claims = "" },
		"other claims": func(a *account.Account) { a.Claims = `{"plan":"gold"}` },
	} {
		wrong := a
		change(&wrong)
		b := f.beginningOf(t, wrong, false, "key")
		now, err := f.BeginSession(t.Context(), b)
		wantErr(t, name, err, account.ErrConflict)
		same(t, name+": the account as it is", now, a)
		f.wantNoSession(t, name, b.Session)
		f.wantSubject(t, name, a, "key", session.Begun{})
	}
}

func subjectParallel(t *testing.T, f fixture) {
	first := subjectOwner(t)
	all := make([]session.Beginning, 20)
	for i := range all {
		a := subjectOwner(t)
		a.Subject = first.Subject
		all[i] = f.beginningOf(t, a, true, "")
	}
	wins, winner := 0, 0
	for i, err := range parallel(len(all), func(i int) error { _, err := f.BeginSession(t.Context(), all[i]); return err }) {
		switch {
		case err == nil:
			wins, winner = wins+1, i
		case errors.Is(err, account.ErrExists):
			f.wantNoSession(t, "of a loser", all[i].Session)
			_, err := f.Account(t.Context(), all[i].Account.ID)
			wantErr(t, "account of a loser", err, account.ErrNotFound)
		default:
			t.Errorf("caller %d: %v, want ErrExists", i, err)
		}
	}
	if wins != 1 {
		t.Fatalf("%d of %d made an account, want 1", wins, len(all))
	}
	f.wantSubject(t, "the winner", all[winner].Account, "", session.Begun{})
	f.wantSession(t, "of the winner", all[winner].Session)
}

func subjectKey(t *testing.T, f fixture) {
	a := subjectOwner(t)
	first := f.begin(t, a, true, "key")
	second := f.beginningOf(t, a, false, "key")
	_, err := f.BeginSession(t.Context(), second)
	wantErr(t, "the key again", err, session.ErrBegun)
	f.wantNoSession(t, "the key again", second.Session)
	f.wantSubject(t, "the key again", a, "key", first.Begun)
	other := f.begin(t, a, false, "Key")
	f.wantSubject(t, "another key", a, "Key", other.Begun)
	f.wantSubject(t, "the key still", a, "key", first.Begun)

	elsewhere := subjectOwner(t)
	elsewhere.Subject.ID = a.Subject.ID
	b := f.begin(t, elsewhere, true, "key")
	f.wantSubject(t, "the key in another directory", elsewhere, "key", b.Begun)
}

func subjectKeyOver(t *testing.T, f fixture) {
	a := subjectOwner(t)
	first := f.begin(t, a, true, "key")
	f.clock.Advance(session.BegunLife - time.Second)
	f.wantSubject(t, "a second before", a, "key", first.Begun)
	_, err := f.BeginSession(t.Context(), f.beginningOf(t, a, false, "key"))
	wantErr(t, "a second before", err, session.ErrBegun)
	f.clock.Advance(time.Second)
	f.wantSubject(t, "when it is over", a, "key", session.Begun{})
	again := f.begin(t, a, false, "key")
	f.wantSubject(t, "used again", a, "key", again.Begun)
	f.wantSession(t, "the first", first.Session)
}

func subjectKeyParallel(t *testing.T, f fixture) {
	a := subjectOwner(t)
	f.begin(t, a, true, "")
	all := make([]session.Beginning, 20)
	for i := range all {
		all[i] = f.beginningOf(t, a, false, "key")
	}
	wins := 0
	for i, err := range parallel(len(all), func(i int) error { _, err := f.BeginSession(t.Context(), all[i]); return err }) {
		switch {
		case err == nil:
			wins++
			f.wantSubject(t, "the winner", a, "key", all[i].Begun)
		case errors.Is(err, session.ErrBegun):
			f.wantNoSession(t, "of a loser", all[i].Session)
		default:
			t.Errorf("caller %d: %v, want ErrBegun", i, err)
		}
	}
	if wins != 1 {
		t.Errorf("%d of %d sessions began, want 1", wins, len(all))
	}
}

// subjectAgain is "write applied, reply lost". Meanwhile the session has rotated and the account has changed.
func subjectAgain(t *testing.T, f fixture) {
	for _, key := range []string{"", "key"} {
		for _, first := range []bool{true, false} {
			a := subjectOwner(t)
			if !first {
				f.begin(t, a, true, "")
			}
			b := f.begin(t, a, first, key)
			moved, err := f.Rotate(t.Context(), rotation(b.Session))
			wantErr(t, "rotate", err, nil)
			access := account.Access{Roles: []string{"other"}}
			wantErr(t, "set access", f.SetAccess(t.Context(), a.ID, a.Access(), access), nil)
			what := fmt.Sprintf("key %q, new %t: again", key, first)
			_, err = f.BeginSession(t.Context(), b)
			wantErr(t, what, err, nil)
			f.wantSession(t, what, moved)
			got, err := f.Account(t.Context(), a.ID)
			wantErr(t, what+": read account", err, nil)
			same(t, what+": account", got, a.With(access))
		}
	}
}

// subjectsApart stores subjects whose names look like parts of keys, and sees that all are apart.
func subjectsApart(t *testing.T, f fixture) {
	base := fresh(t, "d")
	var owners []account.Account
	for _, directory := range []string{base, base + "2", base + ".x", "x-" + base} {
		for _, id := range []string{
			"1", "2", "1#", "#1", "1/2", "1%2F2", "%31", " 1", "1 ", "é", "e\u0301", "É", base, base + "#1", "SUBJECT", "BEGUN#1", strings.Repeat("1", 128), ".", "..",
		} {
			a := subjectOwner(t)
			a.Subject = account.Subject{Directory: directory, ID: id}
			f.begin(t, a, true, "")
			owners = append(owners, a)
		}
	}
	for _, a := range owners {
		f.wantSubject(t, fmt.Sprintf("%q", a.Subject), a, "", session.Begun{})
	}
}

func subjectDisabled(t *testing.T, f fixture) {
	a := subjectOwner(t)
	f.begin(t, a, true, "")
	disabled := true
	c := account.Change{Account: a, From: a.Epoch, Disable: &disabled, Entry: revocation.Entry{
		At: f.clock.Now(), Kind: revocation.Account, ID: a.ID.String(), MinEpoch: a.Epoch + 1,
	}}
	c.Account.Epoch, c.Account.Endings = a.Epoch+1, []account.Ending{{Epoch: a.Epoch + 1, Reason: account.ReasonDisabled}}
	wantErr(t, "disable", f.ChangeAccount(t.Context(), c), nil)
	now, err := f.BeginSession(t.Context(), f.beginningOf(t, a, false, ""))
	wantErr(t, "begin", err, account.ErrConflict)
	c.Account.Disabled = true
	same(t, "the account as it is", now, c.Account)
}

func subjectDeleted(t *testing.T, f fixture) {
	a := subjectOwner(t)
	b := f.begin(t, a, true, "key")
	entry := revocation.Entry{At: f.clock.Now(), Kind: revocation.Account, ID: a.ID.String(), MinEpoch: a.Epoch + 1}
	wrong := account.Change{Account: a, From: a.Epoch + 1, Entry: entry}
	wantErr(t, "delete by another epoch", f.DeleteAccount(t.Context(), wrong), account.ErrConflict)
	f.wantSubject(t, "after a conflict", a, "", session.Begun{})
	wantErr(t, "delete", f.DeleteAccount(t.Context(), account.Change{Account: a, From: a.Epoch, Entry: entry}), nil)
	_, begun, err := f.Subject(t.Context(), a.Subject, "key")
	wantErr(t, "its subject", err, account.ErrNotFound)
	same(t, "what was begun", begun, b.Begun)
	_, err = f.Account(t.Context(), a.ID)
	wantErr(t, "the account", err, account.ErrNotFound)
	_, err = f.BeginSession(t.Context(), f.beginningOf(t, a, false, ""))
	wantErr(t, "begin for it", err, account.ErrNotFound)
	next := subjectOwner(t)
	next.Subject = a.Subject
	f.begin(t, next, true, "")
	f.wantSubject(t, "somebody else", next, "", session.Begun{})
}

// subjectAddress is a new account with an address, which belongs to one account at most.
func subjectAddress(t *testing.T, f fixture) {
	a, other := subjectOwner(t), subjectOwner(t)
	a.Email = account.Email{Address: fresh(t, "ada") + "@example.com", VerifiedAt: f.clock.Now()}
	other.Email = a.Email
	b := f.begin(t, a, true, "")
	f.wantOwner(t, "the first", a.Email.Address, a.ID)
	got, err := f.Account(t.Context(), a.ID)
	wantErr(t, "read account", err, nil)
	same(t, "account", got, a)
	_, err = f.BeginSession(t.Context(), b)
	wantErr(t, "the same again", err, nil)

	late := f.beginningOf(t, other, true, "")
	_, err = f.BeginSession(t.Context(), late)
	wantErr(t, "another with the address", err, account.ErrAddressTaken)
	f.wantNoSession(t, "another with the address", late.Session)
	_, err = f.Account(t.Context(), other.ID)
	wantErr(t, "account of the other", err, account.ErrNotFound)
	_, _, err = f.Subject(t.Context(), other.Subject, "")
	wantErr(t, "subject of the other", err, account.ErrNotFound)
	f.wantOwner(t, "after the other", a.Email.Address, a.ID)

	later := a
	later.Email = account.Email{} // as the record of a subject remembers it
	f.begin(t, later, false, "")
	f.wantOwner(t, "after a later session", a.Email.Address, a.ID)
}

// linking is a session of an account that is there, by an identity that has led to no account yet.
func (f fixture) linking(t *testing.T, a account.Account) session.Beginning {
	t.Helper()
	a.Subject = account.Subject{Directory: "idp:" + fresh(t, "up"), ID: "sub|1"}
	a.Identities = append(a.Identities, a.Subject)
	b := f.beginningOf(t, a, false, "")
	b.Linked = true
	return b
}

func subjectLinked(t *testing.T, f fixture) {
	a := f.withEmail(t)
	b := f.linking(t, a)
	_, err := f.BeginSession(t.Context(), b)
	wantErr(t, "link", err, nil)
	f.wantSession(t, "link", b.Session)
	a.Identities = b.Account.Identities
	f.wantAccount(t, "link", a, hash)
	remembered := a
	remembered.Subject, remembered.Email, remembered.Identities, remembered.Proof = b.Account.Subject, account.Email{}, nil, account.Proof{}
	f.wantSubject(t, "link", remembered, "", session.Begun{})
	_, err = f.BeginSession(t.Context(), b)
	wantErr(t, "the same again", err, nil)
	f.begin(t, remembered, false, "")
	f.wantAccount(t, "after a later session", a, hash)
	f.wantOwner(t, "after a later session", a.Email.Address, a.ID)

	second := f.linking(t, a)
	_, err = f.BeginSession(t.Context(), second)
	wantErr(t, "link another", err, nil)
	a.Identities = second.Account.Identities
	f.wantAccount(t, "link another", a, hash)

	stale := f.linking(t, a)
	stale.Account.Epoch--
	now, err := f.BeginSession(t.Context(), stale)
	wantErr(t, "link to an account that has changed", err, account.ErrConflict)
	same(t, "the account as it is", now, a)
	f.wantAccount(t, "link to an account that has changed", a, hash)
	_, _, err = f.Subject(t.Context(), stale.Account.Subject, "")
	wantErr(t, "the identity of that", err, account.ErrNotFound)

	taken := f.beginningOf(t, f.withEmail(t), false, "")
	taken.Linked, taken.Account.Subject, taken.Account.Identities = true, a.Identities[0], a.Identities[:1]
	_, err = f.BeginSession(t.Context(), taken)
	wantErr(t, "link what is linked to another", err, account.ErrExists)
	f.wantNoSession(t, "link what is linked to another", taken.Session)

	c := changeOf(f, a, "")
	c.OldHash, c.OldEmail = hash, a.Email.Address
	wantErr(t, "delete", f.DeleteAccount(t.Context(), c), nil)
	for _, identity := range a.Identities {
		_, _, err = f.Subject(t.Context(), identity, "")
		wantErr(t, "an identity of a deleted account", err, account.ErrNotFound)
	}
}

func subjectUnlinked(t *testing.T, f fixture) {
	a := f.withEmail(t)
	for range 2 {
		b := f.linking(t, a)
		_, err := f.BeginSession(t.Context(), b)
		wantErr(t, "link", err, nil)
		a.Identities = b.Account.Identities
	}
	c := changeOf(f, a, "")
	c.Unlink, c.OldIdentities = true, a.Identities[:1]
	wantErr(t, "unlink what is not all", f.ChangeAccount(t.Context(), c), account.ErrConflict)
	f.wantAccount(t, "unlink what is not all", a, hash)

	c.OldIdentities, c.Account.Identities = a.Identities, nil
	wantErr(t, "unlink", f.ChangeAccount(t.Context(), c), nil)
	f.wantAccount(t, "unlink", c.Account, hash)
	for _, identity := range a.Identities {
		_, _, err := f.Subject(t.Context(), identity, "")
		wantErr(t, "an identity that was unlinked", err, account.ErrNotFound)
	}
	none := changeOf(f, c.Account, "")
	none.Unlink = true
	wantErr(t, "unlink none", f.ChangeAccount(t.Context(), none), nil)
	f.wantAccount(t, "unlink none", none.Account, hash)

	b := f.linking(t, none.Account)
	_, err := f.BeginSession(t.Context(), b)
	wantErr(t, "link again", err, nil)
	late := changeOf(f, none.Account, "")
	late.Unlink = true
	wantErr(t, "unlink none when there is one by now", f.ChangeAccount(t.Context(), late), account.ErrConflict)
}

func subjectLinkedParallel(t *testing.T, f fixture) {
	all := make([]session.Beginning, 10)
	for i := range all {
		all[i] = f.linking(t, f.withEmail(t))
		all[i].Account.Subject = all[0].Account.Subject
		all[i].Account.Identities = all[0].Account.Identities
	}
	wins := 0
	for i, err := range parallel(len(all), func(i int) error { _, err := f.BeginSession(t.Context(), all[i]); return err }) {
		switch {
		case err == nil:
			wins++
		case !errors.Is(err, account.ErrExists):
			t.Errorf("caller %d: %v, want ErrExists", i, err)
		}
	}
	if wins != 1 {
		t.Errorf("%d of %d linked the identity, want 1", wins, len(all))
	}
}
