package main

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

// faultyStore is a real store whose calls can be made to fail.
type faultyStore struct {
	*bolt.Store

	mu    sync.Mutex
	calls map[string]int // by method
	// before and after, when set, are asked for an error: in place of a call, or of its reply.
	before, after func(method string, call int) error
	// backdated rotations are stored as if they had been made so much earlier.
	backdated time.Duration
}

func (s *faultyStore) backdate(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backdated = by
}

// storeMethods are all that the endpoints call.
var storeMethods = []string{
	"Account", "LoginName", "AccountAndLogin", "ChangeAccount", "Take", "Refund", "Clear", "Client", "ReadPart", "ReplaceParts",
	"AppendOnce", "Since", "Create", "CreateAfter", "Session", "SessionsOf", "Rotate", "RecordReplay", "Revoke",
}

func call[T any](s *faultyStore, method string, work func() (T, error)) (T, error) {
	s.mu.Lock()
	s.calls[method]++
	n, before, after := s.calls[method], s.before, s.after
	s.mu.Unlock()
	var none T
	if before != nil {
		if err := before(method, n); err != nil {
			return none, err
		}
	}
	result, err := work()
	if after != nil {
		if lost := after(method, n); lost != nil {
			return none, lost
		}
	}
	return result, err
}

func do(s *faultyStore, method string, work func() error) error {
	_, err := call(s, method, func() (struct{}, error) { return struct{}{}, work() })
	return err
}

func (s *faultyStore) Account(ctx context.Context, id uuid.UUID) (account.Account, error) {
	return call(s, "Account", func() (account.Account, error) { return s.Store.Account(ctx, id) })
}

func (s *faultyStore) AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (a account.Account, l account.LoginName, err error) {
	a, err = call(s, "AccountAndLogin", func() (account.Account, error) {
		a, l, err = s.Store.AccountAndLogin(ctx, id, username)
		return a, err
	})
	return a, l, err
}

func (s *faultyStore) LoginName(ctx context.Context, username string) (account.LoginName, error) {
	return call(s, "LoginName", func() (account.LoginName, error) { return s.Store.LoginName(ctx, username) })
}

func (s *faultyStore) ChangeAccount(ctx context.Context, c account.Change) error {
	return do(s, "ChangeAccount", func() error { return s.Store.ChangeAccount(ctx, c) })
}

func (s *faultyStore) Take(ctx context.Context, b account.Bucket) (bool, error) {
	return call(s, "Take", func() (bool, error) { return s.Store.Take(ctx, b) })
}

func (s *faultyStore) Refund(ctx context.Context, b account.Bucket) error {
	return do(s, "Refund", func() error { return s.Store.Refund(ctx, b) })
}

func (s *faultyStore) Clear(ctx context.Context, b account.Bucket) error {
	return do(s, "Clear", func() error { return s.Store.Clear(ctx, b) })
}

func (s *faultyStore) Client(ctx context.Context, id string) (client.Client, error) {
	return call(s, "Client", func() (client.Client, error) { return s.Store.Client(ctx, id) })
}

func (s *faultyStore) ReadPart(ctx context.Context, part keyring.Part) (keyring.Item, error) {
	return call(s, "ReadPart", func() (keyring.Item, error) { return s.Store.ReadPart(ctx, part) })
}

func (s *faultyStore) ReplaceParts(ctx context.Context, version int64, parts map[keyring.Part][]byte) error {
	return do(s, "ReplaceParts", func() error { return s.Store.ReplaceParts(ctx, version, parts) })
}

func (s *faultyStore) Append(ctx context.Context, e revocation.Entry) error {
	return do(s, "Append", func() error { return s.Store.Append(ctx, e) })
}

func (s *faultyStore) AppendOnce(ctx context.Context, e revocation.Entry, id string) (bool, error) {
	return call(s, "AppendOnce", func() (bool, error) { return s.Store.AppendOnce(ctx, e, id) })
}

func (s *faultyStore) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	return call(s, "Since", func() ([]revocation.Entry, error) { return s.Store.Since(ctx, from) })
}

func (s *faultyStore) CreateAfter(ctx context.Context, c account.Change, created session.Session) error {
	_, err := call(s, "CreateAfter", func() (struct{}, error) { return struct{}{}, s.Store.CreateAfter(ctx, c, created) })
	return err
}

func (s *faultyStore) Create(ctx context.Context, sess session.Session) error {
	return do(s, "Create", func() error { return s.Store.Create(ctx, sess) })
}

func (s *faultyStore) Session(ctx context.Context, account, id uuid.UUID) (session.Session, error) {
	return call(s, "Session", func() (session.Session, error) { return s.Store.Session(ctx, account, id) })
}

func (s *faultyStore) SessionsOf(ctx context.Context, account, before uuid.UUID, limit int) (session.Page, error) {
	return call(s, "SessionsOf", func() (session.Page, error) { return s.Store.SessionsOf(ctx, account, before, limit) })
}

func (s *faultyStore) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	s.mu.Lock()
	r.Now = r.Now.Add(-s.backdated)
	s.mu.Unlock()
	return call(s, "Rotate", func() (session.Session, error) { return s.Store.Rotate(ctx, r) })
}

func (s *faultyStore) RecordReplay(ctx context.Context, l session.Replay) (session.Session, error) {
	return call(s, "RecordReplay", func() (session.Session, error) { return s.Store.RecordReplay(ctx, l) })
}

func (s *faultyStore) Revoke(ctx context.Context, e session.Ending) error {
	return do(s, "Revoke", func() error { return s.Store.Revoke(ctx, e) })
}
