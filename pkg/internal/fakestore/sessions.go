package fakestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// SetSession puts s in place as it is, uncounted.
func (s *Store) SetSession(sess session.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[sess.ID] = cloneSession(sess)
}

// GetSession returns a session as it is stored, uncounted, and whether there is one.
func (s *Store) GetSession(id uuid.UUID) (session.Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, ok := s.sessions[id]
	return cloneSession(sess), ok
}

// DropSession deletes a session, as the table's TTL does.
func (s *Store) DropSession(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
}

// Sessions returns every session as it is stored, uncounted.
func (s *Store) Sessions() map[uuid.UUID]session.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[uuid.UUID]session.Session, len(s.sessions))
	for id, sess := range s.sessions {
		all[id] = cloneSession(sess)
	}
	return all
}

// SessionCount returns how many sessions are stored.
func (s *Store) SessionCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Create implements session.Creator.
func (s *Store) Create(ctx context.Context, sess session.Session) error {
	return s.do(ctx, "Create", func() error {
		if _, ok := s.sessions[sess.ID]; !ok {
			s.sessions[sess.ID] = cloneSession(sess)
		}
		return nil
	})
}

// CreateAfter implements session.Creator.
func (s *Store) CreateAfter(ctx context.Context, c account.Change, sess session.Session) error {
	return s.do(ctx, "CreateAfter", func() error {
		if err := s.change(c); err != nil {
			return err
		}
		s.sessions[sess.ID] = cloneSession(sess)
		return nil
	})
}

// Session implements session.Store.
func (s *Store) Session(ctx context.Context, account, id uuid.UUID) (found session.Session, err error) {
	err = s.do(ctx, "Session", func() error {
		found, err = s.find(account, id)
		return err
	})
	return found, err
}

// SessionsOf implements session.Lister.
func (s *Store) SessionsOf(ctx context.Context, account, before uuid.UUID, limit int) (page session.Page, err error) {
	err = s.do(ctx, "SessionsOf", func() error {
		for _, sess := range s.sessions {
			if sess.AccountID == account && (before == uuid.Nil || bytes.Compare(sess.ID[:], before[:]) < 0) {
				page.Sessions = append(page.Sessions, cloneSession(sess))
			}
		}
		slices.SortFunc(page.Sessions, func(a, b session.Session) int { return bytes.Compare(b.ID[:], a.ID[:]) })
		if len(page.Sessions) > limit {
			page.Sessions, page.Next = page.Sessions[:limit], page.Sessions[limit-1].ID
		}
		return nil
	})
	return page, err
}

// Rotate implements session.Store.
func (s *Store) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	return s.changeSession(ctx, "Rotate", r.AccountID, r.SessionID, r.Apply)
}

// RecordReplay implements session.Store.
func (s *Store) RecordReplay(ctx context.Context, r session.Replay) (session.Session, error) {
	return s.changeSession(ctx, "RecordReplay", r.AccountID, r.SessionID, r.Apply)
}

// RecordUse implements session.UseRecorder.
func (s *Store) RecordUse(ctx context.Context, u session.Use) error {
	_, err := s.changeSession(ctx, "RecordUse", u.AccountID, u.SessionID, u.Apply)
	if errors.Is(err, session.ErrNotFound) {
		return session.ErrStale
	}
	return err
}

// UseCode implements session.CodeUser.
func (s *Store) UseCode(ctx context.Context, u session.CodeUse) (session.Session, error) {
	return s.changeSession(ctx, "UseCode", u.AccountID, u.SessionID, u.Apply)
}

// ReleaseCode implements session.CodeUser.
func (s *Store) ReleaseCode(ctx context.Context, u session.CodeUse, _ time.Time) error {
	_, err := s.changeSession(ctx, "ReleaseCode", u.AccountID, u.SessionID, u.Release)
	return err
}

func (s *Store) changeSession(ctx context.Context, method string, account, id uuid.UUID, apply func(session.Session) (session.Session, bool)) (found session.Session, err error) {
	err = s.do(ctx, method, func() error {
		if found, err = s.find(account, id); err != nil {
			return err
		}
		changed, ok := apply(found)
		if !ok {
			return session.ErrStale
		}
		found = cloneSession(changed)
		s.sessions[id] = cloneSession(changed)
		return nil
	})
	return found, err
}

// Revoke implements session.Store.
func (s *Store) Revoke(ctx context.Context, e session.Ending) error {
	return s.do(ctx, "Revoke", func() error {
		found, err := s.find(e.AccountID, e.SessionID)
		switch {
		case err != nil:
			return err
		case found.ClientID != e.ClientID:
			return session.ErrStale
		case !found.RevokedAt.IsZero() && found.RevokedAt.Before(e.Began):
			return session.ErrRevoked
		}
		if found.RevokedAt.IsZero() {
			found.RevokedAt, found.Reason = e.Entry.At, e.Reason
			s.sessions[found.ID] = found
		}
		return s.append(e.Entry)
	})
}

func (s *Store) find(account, id uuid.UUID) (session.Session, error) {
	found, ok := s.sessions[id]
	if !ok || found.AccountID != account {
		return session.Session{}, session.ErrNotFound
	}
	return cloneSession(found), nil
}

func cloneSession(s session.Session) session.Session {
	s.AMR, s.Scopes = slices.Clone(s.AMR), slices.Clone(s.Scopes)
	s.HandleHash = slices.Clone(s.HandleHash)
	s.Late, s.Stale = slices.Clone(s.Late), slices.Clone(s.Stale)
	return s
}

// Append implements revocation.Log.
func (s *Store) Append(ctx context.Context, e revocation.Entry) error {
	return s.do(ctx, "Append", func() error { return s.append(e) })
}

func (s *Store) append(e revocation.Entry) error {
	if !e.At.Equal(e.At.Truncate(time.Millisecond)) {
		return fmt.Errorf("entry %s %s: stamp %s is not in whole milliseconds", e.Kind, e.ID, e.At)
	}
	same := func(old revocation.Entry) bool {
		return old.At.Equal(e.At) && old.Kind == e.Kind && old.ID == e.ID && old.MinEpoch == e.MinEpoch && old.Before == e.Before
	}
	if !slices.ContainsFunc(s.log, same) {
		s.log = append(s.log, e)
	}
	return nil
}

// AppendOnce implements revocation.Once. It is counted as Append.
func (s *Store) AppendOnce(ctx context.Context, e revocation.Entry, call string) (stored bool, err error) {
	err = s.do(ctx, "Append", func() error {
		name := string(e.Kind) + " " + e.ID
		last, ok := s.appended[name]
		if ok && last.call != call && e.At.Sub(last.at) < revocation.SlowWrite {
			return nil
		}
		s.appended[name], stored = appended{e.At, call}, true
		return s.append(e)
	})
	return stored, err
}

// appended is the last entry of one name that AppendOnce has stored.
type appended struct {
	at   time.Time
	call string
}

// Since implements revocation.Log.
func (s *Store) Since(ctx context.Context, from time.Time) (entries []revocation.Entry, err error) {
	err = s.do(ctx, "Since", func() error {
		now := s.now()
		for _, e := range s.log {
			if !e.At.Before(from) && now.Before(e.ExpiresAt()) {
				entries = append(entries, e)
			}
		}
		return nil
	})
	return entries, err
}

// Log returns every entry ever appended, uncounted, expired ones included.
func (s *Store) Log() []revocation.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}
