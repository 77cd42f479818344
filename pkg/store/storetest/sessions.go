package storetest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/session"
)

var sessionTests = []subtest{
	{"EveryFieldComesBack", sessionRoundTrip},
	{"NoScopesAreNotUnknownScopes", sessionScopes},
	{"NeedsAccountAndID", sessionNeedsAccountAndID},
	{"ExpiredOrRevokedIsReturnedAsItIs", deadSessionIsReturned},
	{"CreateAgainChangesNothing", createAgain},
	{"CreateAgainAfterRotationDoesNotReset", createAgainAfterRotation},
	{"CreateAgainAfterRevocationDoesNotRevive", createAgainAfterRevocation},
	{"ValuesAreCopies", sessionCopies},
}

func sessionRoundTrip(t *testing.T, f fixture) {
	now := f.clock.Now()
	for name, change := range map[string]func(*session.Session){
		"as it usually is": func(*session.Session) {},
		"every optional field empty": func(s *session.Session) {
			s.Generation, s.Epoch, s.Remembered, s.Device, s.AMR, s.Late = 0, 0, false, "", nil, nil
			s.Network, s.UsedFrom = "", ""
			s.Scopes, s.Stale, s.PriorRotation = nil, nil, time.Time{}
		},
		"empty lists": func(s *session.Session) {
			s.AMR, s.Scopes, s.Late, s.Stale = []string{}, []string{}, []session.Late{}, []session.Stale{}
		},
		"largest generation and epoch": func(s *session.Session) {
			s.Generation, s.Epoch = math.MaxUint32, math.MaxInt64
			s.Late = []session.Late{{Generation: math.MaxUint32 - 1, At: now.Add(999 * time.Millisecond)}}
		},
		"several late retries": func(s *session.Session) {
			s.Late = []session.Late{
				{Generation: 2, At: now.Add(-time.Millisecond)},
				{Generation: 0, At: now.Add(-time.Hour)},
				{Generation: 2, At: now},
			}
		},
		"with a handle": func(s *session.Session) {
			*s, _ = s.GiveHandle(session.NewHandleSecret())
			s.UsedAt = now.Add(-time.Minute + 987*time.Millisecond)
		},
		"revoked": func(s *session.Session) {
			s.RevokedAt, s.Reason = now.Add(-time.Second+321*time.Millisecond), session.ReasonReuse
		},
	} {
		s := f.storedSession(t, change)
		f.wantSession(t, name, s)
	}
}

// sessionScopes tells a session that was granted nothing from one that is older than the field, before and after a
// rotation: the second has what its client has.
func sessionScopes(t *testing.T, f fixture) {
	for name, scopes := range map[string][]string{"unknown": nil, "none": {}} {
		s := f.storedSession(t, func(s *session.Session) { s.Scopes = scopes })
		read, err := f.Session(t.Context(), s.AccountID, s.ID)
		wantErr(t, "read", err, nil)
		rotated, err := f.Rotate(t.Context(), rotation(s))
		wantErr(t, "rotate", err, nil)
		for when, got := range map[string]session.Session{"read": read, "rotated": rotated} {
			if len(got.Scopes) > 0 || (got.Scopes == nil) != (scopes == nil) {
				t.Errorf("scopes %s, %s: got %#v, want %#v", name, when, got.Scopes, scopes)
			}
		}
	}
}

func sessionNeedsAccountAndID(t *testing.T, f fixture) {
	one, two := f.storedSession(t, nil), f.storedSession(t, nil)
	for name, ids := range map[string][2]uuid.UUID{
		"unknown session":           {one.AccountID, newID(t)},
		"another account's session": {one.AccountID, two.ID},
		"ids exchanged":             {one.ID, one.AccountID},
		"no ids":                    {},
	} {
		_, err := f.Session(t.Context(), ids[0], ids[1])
		wantErr(t, name, err, session.ErrNotFound)
	}
	f.wantSession(t, "the other session", two)
}

func deadSessionIsReturned(t *testing.T, f fixture) {
	idle := f.storedSession(t, func(s *session.Session) { s.IdleExpiry = f.clock.Now().Add(time.Minute) })
	revoked := f.storedSession(t, nil)
	e := ending(revoked, session.ReasonClient, f.clock.Now())
	wantErr(t, "revoke", f.Revoke(t.Context(), e), nil)
	revoked.RevokedAt, revoked.Reason = e.Entry.At, e.Reason

	f.clock.Advance(time.Hour)
	f.wantSession(t, "idle expiry reached", idle)
	f.wantSession(t, "revoked", revoked)
}

func createAgain(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	wantErr(t, "create the same again", f.Create(t.Context(), s), nil)
	f.wantSession(t, "after the same again", s)
}

func createAgainAfterRotation(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	r := rotation(s)
	_, err := f.Rotate(t.Context(), r)
	wantErr(t, "rotate", err, nil)
	wantErr(t, "create again", f.Create(t.Context(), s), nil)
	f.wantSession(t, "after create again", rotated(s, r))
}

func createAgainAfterRevocation(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	e := ending(s, session.ReasonReuse, f.clock.Now())
	wantErr(t, "revoke", f.Revoke(t.Context(), e), nil)
	wantErr(t, "create again", f.Create(t.Context(), s), nil)
	revoked := s
	revoked.RevokedAt, revoked.Reason = e.Entry.At, e.Reason
	f.wantSession(t, "after create again", revoked)
}

func sessionCopies(t *testing.T, f fixture) {
	want, given := f.newSession(t), session.Session{}
	given = want
	given.AMR, given.Scopes = slices.Clone(want.AMR), slices.Clone(want.Scopes)
	given.Late, given.Stale = slices.Clone(want.Late), slices.Clone(want.Stale)
	spoil := func(s session.Session) {
		s.AMR[0], s.Scopes[0] = "spoiled", "spoiled"
		s.Late[0].Generation, s.Stale[0].Generation = 99, 99
	}
	wantErr(t, "create", f.Create(t.Context(), given), nil)
	spoil(given)
	f.wantSession(t, "after changing what was passed to Create", want)

	read, err := f.Session(t.Context(), want.AccountID, want.ID)
	wantErr(t, "read", err, nil)
	spoil(read)
	f.wantSession(t, "after changing what Session returned", want)

	r := rotation(want)
	returned, err := f.Rotate(t.Context(), r)
	wantErr(t, "rotate", err, nil)
	spoil(returned)
	want = rotated(want, r)
	f.wantSession(t, "after changing what Rotate returned", want)

	late := lateReplay(want, session.Late{Generation: 3, At: r.Now})
	returned, err = f.RecordReplay(t.Context(), late)
	wantErr(t, "record replay", err, nil)
	want.Late = []session.Late{{Generation: 3, At: r.Now}}
	late.Late[0].Generation = 99
	spoil(returned)
	f.wantSession(t, "after changing what was passed to and returned by RecordReplay", want)
}
