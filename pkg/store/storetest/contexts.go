package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

var contextTests = []subtest{
	{"CancelledReadIsErrUnavailable", cancelledReads},
	{"CancelledWriteIsErrUnavailableAndChangesNothing", cancelledWrites},
}

func cancelledReads(t *testing.T, f fixture) {
	ctx := cancelled(t)
	s := f.storedSession(t, nil)
	a := storedAccount(t, f, hash)
	for name, read := range map[string]func() error{
		"Session":    func() error { _, err := f.Session(ctx, s.AccountID, s.ID); return err },
		"SessionsOf": func() error { _, err := f.SessionsOf(ctx, s.AccountID, uuid.Nil, 1); return err },
		"Account":    func() error { _, err := f.Account(ctx, a.ID); return err },
		"LoginName":  func() error { _, err := f.LoginName(ctx, a.Username); return err },
		"Since":      func() error { _, err := f.Since(ctx, time.Time{}); return err },
		"ReadPart":   func() error { _, err := f.ReadPart(ctx, keyring.Public); return err },
		"EventsOf":   func() error { _, err := f.EventsOf(ctx, time.Now()); return err },
		"Client":     func() error { _, err := f.Client(ctx, fresh(t, "c")); return err },
	} {
		wantErr(t, name, read(), oauth.ErrUnavailable)
	}
}

func cancelledWrites(t *testing.T, f fixture) {
	now := f.clock.Now()
	s, unborn := f.storedSession(t, nil), f.newSession(t)
	a, kept := newAccount(t), enabled(t, f)
	c := newClient(t)
	e := revocation.Entry{At: now, Kind: revocation.Token, ID: fresh(t, "x")}
	full, empty := f.bucket(t, 2), f.bucket(t, 2)
	f.wantTakes(t, "fill", full, 2)

	ctx := cancelled(t)
	for name, write := range map[string]func(context.Context) error{
		"Create":        func(ctx context.Context) error { return f.Create(ctx, unborn) },
		"Rotate":        func(ctx context.Context) error { _, err := f.Rotate(ctx, rotation(s)); return err },
		"RecordReplay":  func(ctx context.Context) error { _, err := f.RecordReplay(ctx, lateReplay(s)); return err },
		"Revoke":        func(ctx context.Context) error { return f.Revoke(ctx, ending(s, session.ReasonReuse, now)) },
		"CreateAccount": func(ctx context.Context) error { return f.CreateAccount(ctx, a, hash) },
		"ChangeAccount": func(ctx context.Context) error { return f.ChangeAccount(ctx, changeOf(f, kept, "")) },
		"DeleteAccount": func(ctx context.Context) error { return f.DeleteAccount(ctx, changeOf(f, kept, "")) },
		"SetAccess":     func(ctx context.Context) error { return f.SetAccess(ctx, kept.ID, kept.Access(), account.Access{}) },
		"Take":          func(ctx context.Context) error { _, err := f.Take(ctx, empty); return err },
		"Refund":        func(ctx context.Context) error { return f.Refund(ctx, full) },
		"Clear":         func(ctx context.Context) error { return f.Clear(ctx, full) },
		"Append":        func(ctx context.Context) error { return f.Append(ctx, e) },
		"AppendEvent": func(ctx context.Context) error {
			return f.AppendEvent(ctx, audit.Event{Name: audit.AccessSet, Time: now, Subject: e.ID})
		},
		"AppendOnce":    func(ctx context.Context) error { _, err := f.AppendOnce(ctx, e, "call"); return err },
		"PutClient":     func(ctx context.Context) error { return f.PutClient(ctx, c) },
		"ReplaceClient": func(ctx context.Context) error { return f.ReplaceClient(ctx, c.Revision, changed(c, "new")) },
	} {
		wantErr(t, name, write(ctx), oauth.ErrUnavailable)
	}

	f.wantSession(t, "after Rotate, RecordReplay and Revoke", s)
	same(t, "entries after Revoke", f.entriesOf(t, s.ID.String(), time.Time{}), nil)
	_, err := f.Session(t.Context(), unborn.AccountID, unborn.ID)
	wantErr(t, "after Create", err, session.ErrNotFound)
	f.wantNoAccount(t, "after CreateAccount", a)
	f.wantAccount(t, "after ChangeAccount, DeleteAccount and SetAccess", kept, hash)
	same(t, "entries after Append", f.entriesOf(t, e.ID, time.Time{}), nil)
	same(t, "events after AppendEvent", f.eventsOf(t, now, e.ID), nil)
	_, err = f.Client(t.Context(), c.ID)
	wantErr(t, "after PutClient and ReplaceClient", err, client.ErrUnknown)
	f.wantTakes(t, "after Refund and Clear", full, 0)
	f.wantTakes(t, "after Take", empty, 2)
}
