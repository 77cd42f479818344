package bolt

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// sessionRecord is a session under the key account id + session id, 16 bytes each. Times are unix
// milliseconds.
type sessionRecord struct {
	ClientID   string         `json:"client_id"`
	Scopes     []string       `json:"scopes,omitzero"` // absent in records older than the field
	Generation uint32         `json:"generation"`
	RotatedAt  int64          `json:"rotated_at"`
	Prior      int64          `json:"prior_rotation,omitzero"`
	CreatedAt  int64          `json:"created_at"`
	AuthTime   int64          `json:"auth_time"`
	AMR        []string       `json:"amr,omitempty"`
	IdleExpiry int64          `json:"idle_expiry"`
	Expiry     int64          `json:"expiry"`
	Epoch      int64          `json:"epoch"`
	Remembered bool           `json:"remembered,omitzero"`
	Device     string         `json:"device,omitzero"`
	Network    string         `json:"network,omitzero"`
	UsedFrom   string         `json:"used_from,omitzero"`
	Resource   string         `json:"resource,omitzero"`
	Pending    *pendingRecord `json:"pending,omitzero"`
	HandleHash []byte         `json:"handle_hash,omitempty"`
	UsedAt     int64          `json:"used_at,omitzero"`
	Late       []lateRecord   `json:"late,omitempty"`
	Stale      []staleRecord  `json:"stale,omitempty"`
	RevokedAt  int64          `json:"revoked_at,omitzero"`
	Reason     session.Reason `json:"reason,omitzero"`
}

// pendingRecord is the code that begins a session.
type pendingRecord struct {
	CodeHash  []byte `json:"code_hash"`
	Challenge string `json:"challenge"`
	Redirect  string `json:"redirect"`
	Nonce     string `json:"nonce,omitzero"`
	Until     int64  `json:"until"`
	UsedBy    string `json:"used_by,omitzero"`
}

type lateRecord struct {
	Generation uint32 `json:"generation"`
	At         int64  `json:"at"`
}

type staleRecord struct {
	Generation uint32 `json:"generation"`
	Count      int    `json:"count"`
}

func sessionKey(account, id uuid.UUID) []byte { return append(account[:], id[:]...) }

func newSessionRecord(s session.Session) sessionRecord {
	r := sessionRecord{
		ClientID:   s.ClientID,
		Scopes:     s.Scopes,
		Generation: s.Generation,
		RotatedAt:  toMillis(s.RotatedAt),
		Prior:      toMillis(s.PriorRotation),
		CreatedAt:  toMillis(s.CreatedAt),
		AuthTime:   toMillis(s.AuthTime),
		AMR:        s.AMR,
		IdleExpiry: toMillis(s.IdleExpiry),
		Expiry:     toMillis(s.Expiry),
		Epoch:      s.Epoch,
		Remembered: s.Remembered,
		Device:     s.Device,
		Network:    s.Network,
		UsedFrom:   s.UsedFrom,
		Resource:   s.Resource,
		HandleHash: s.HandleHash,
		UsedAt:     toMillis(s.UsedAt),
		RevokedAt:  toMillis(s.RevokedAt),
		Reason:     s.Reason,
	}
	if p := s.Pending; p != nil {
		r.Pending = &pendingRecord{p.CodeHash, p.Challenge, p.Redirect, p.Nonce, toMillis(p.Until), p.UsedBy}
	}
	for _, l := range s.Late {
		r.Late = append(r.Late, lateRecord{l.Generation, toMillis(l.At)})
	}
	for _, stale := range s.Stale {
		r.Stale = append(r.Stale, staleRecord(stale))
	}
	return r
}

func (r sessionRecord) session(account, id uuid.UUID) session.Session {
	s := session.Session{
		AccountID:     account,
		ID:            id,
		ClientID:      r.ClientID,
		Scopes:        r.Scopes,
		Generation:    r.Generation,
		RotatedAt:     fromMillis(r.RotatedAt),
		PriorRotation: fromMillis(r.Prior),
		CreatedAt:     fromMillis(r.CreatedAt),
		AuthTime:      fromMillis(r.AuthTime),
		AMR:           r.AMR,
		IdleExpiry:    fromMillis(r.IdleExpiry),
		Expiry:        fromMillis(r.Expiry),
		Epoch:         r.Epoch,
		Remembered:    r.Remembered,
		Device:        r.Device,
		Network:       r.Network,
		UsedFrom:      r.UsedFrom,
		Resource:      r.Resource,
		HandleHash:    r.HandleHash,
		UsedAt:        fromMillis(r.UsedAt),
		RevokedAt:     fromMillis(r.RevokedAt),
		Reason:        r.Reason,
	}
	if p := r.Pending; p != nil {
		s.Pending = &session.Pending{CodeHash: p.CodeHash, Challenge: p.Challenge, Redirect: p.Redirect, Nonce: p.Nonce, Until: fromMillis(p.Until), UsedBy: p.UsedBy}
	}
	for _, l := range r.Late {
		s.Late = append(s.Late, session.Late{Generation: l.Generation, At: fromMillis(l.At)})
	}
	for _, stale := range r.Stale {
		s.Stale = append(s.Stale, session.Stale(stale))
	}
	return s
}

// Create implements session.Creator.
func (s *Store) Create(ctx context.Context, created session.Session) error {
	return s.write(ctx, "create session", func(tx *bbolt.Tx) error { return s.create(tx, created) })
}

// CreateAfter implements session.Creator.
func (s *Store) CreateAfter(ctx context.Context, c account.Change, created session.Session) error {
	return s.write(ctx, "create session after a change", func(tx *bbolt.Tx) error {
		if err := s.changeAccount(tx, c); err != nil {
			return err
		}
		return s.create(tx, created)
	})
}

func (s *Store) create(tx *bbolt.Tx, created session.Session) error {
	sessions := tx.Bucket(sessionBucket)
	key := sessionKey(created.AccountID, created.ID)
	if sessions.Get(key) != nil {
		return nil
	}
	if err := errors.Join(purgeSessions(tx, s.now(), few), purgeRemovals(tx, s.now(), few)); err != nil {
		return err
	}
	if err := tx.Bucket(expiryBucket).Put(expiryKey(lifeOf(created), key), nil); err != nil {
		return err
	}
	return put(sessions, key, newSessionRecord(created))
}

// Session implements session.Store.
func (s *Store) Session(ctx context.Context, account, id uuid.UUID) (session.Session, error) {
	var found session.Session
	err := s.read(ctx, "read session", func(tx *bbolt.Tx) error {
		record, ok, err := get[sessionRecord](tx.Bucket(sessionBucket), sessionKey(account, id))
		if err == nil && !ok {
			err = session.ErrNotFound
		}
		found = record.session(account, id)
		return err
	})
	if err != nil {
		return session.Session{}, err
	}
	return found, nil
}

// SessionsOf implements session.Lister.
func (s *Store) SessionsOf(ctx context.Context, account, before uuid.UUID, limit int) (session.Page, error) {
	var page session.Page
	err := s.read(ctx, "list sessions", func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(sessionBucket).Cursor()
		for key, data := seekBefore(cursor, account, before); bytes.HasPrefix(key, account[:]); key, data = cursor.Prev() {
			if len(page.Sessions) == limit {
				page.Next = page.Sessions[limit-1].ID
				return nil
			}
			var record sessionRecord
			if err := json.Unmarshal(data, &record); err != nil {
				return err
			}
			page.Sessions = append(page.Sessions, record.session(account, uuid.UUID(key[len(account):])))
		}
		return nil
	})
	if err != nil {
		return session.Page{}, err
	}
	return page, nil
}

// seekBefore moves the cursor to the last session of an account that comes before an id, to the very last
// for the zero id; or to whatever is in front of them.
func seekBefore(cursor *bbolt.Cursor, account, before uuid.UUID) (key, data []byte) {
	end := sessionKey(account, before)
	if before == uuid.Nil {
		end = append(sessionKey(account, uuid.Max), 0)
	}
	if found, _ := cursor.Seek(end); found == nil {
		return cursor.Last()
	}
	return cursor.Prev()
}

// Rotate implements session.Store.
func (s *Store) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	return s.changeSession(ctx, "rotate session", r.AccountID, r.SessionID, r.Apply)
}

// RecordReplay implements session.Store.
func (s *Store) RecordReplay(ctx context.Context, r session.Replay) (session.Session, error) {
	return s.changeSession(ctx, "record replay", r.AccountID, r.SessionID, r.Apply)
}

// RecordUse implements session.UseRecorder.
func (s *Store) RecordUse(ctx context.Context, u session.Use) error {
	_, err := s.changeSession(ctx, "note the use of a session", u.AccountID, u.SessionID, u.Apply)
	if errors.Is(err, session.ErrNotFound) {
		return session.ErrStale
	}
	return err
}

// changeSession stores what apply makes of a session, provided that its condition holds, and returns the session
// as it then is. When the condition fails the session is returned as it was found, with ErrStale.
func (s *Store) changeSession(ctx context.Context, what string, account, id uuid.UUID, apply func(session.Session) (session.Session, bool)) (session.Session, error) {
	var result session.Session
	err := s.write(ctx, what, func(tx *bbolt.Tx) (err error) {
		result, err = changeIn(tx, account, id, apply)
		return err
	})
	return result, err
}

// changeIn is changeSession within a transaction.
func changeIn(tx *bbolt.Tx, account, id uuid.UUID, apply func(session.Session) (session.Session, bool)) (session.Session, error) {
	sessions, key := tx.Bucket(sessionBucket), sessionKey(account, id)
	record, ok, err := get[sessionRecord](sessions, key)
	switch {
	case err != nil:
		return session.Session{}, err
	case !ok:
		return session.Session{}, session.ErrNotFound
	}
	found := record.session(account, id)
	changed, ok := apply(found)
	if !ok {
		return found, session.ErrStale
	}
	record = newSessionRecord(changed)
	return record.session(account, id), put(sessions, key, record) // as it will be read, and nothing of the caller's
}

// Revoke implements session.Store.
func (s *Store) Revoke(ctx context.Context, e session.Ending) error {
	return s.write(ctx, "revoke session", func(tx *bbolt.Tx) error {
		sessions, key := tx.Bucket(sessionBucket), sessionKey(e.AccountID, e.SessionID)
		record, ok, err := get[sessionRecord](sessions, key)
		switch {
		case err != nil:
			return err
		case !ok:
			return session.ErrNotFound
		case record.ClientID != e.ClientID:
			return session.ErrStale
		case record.RevokedAt != 0 && record.RevokedAt < toMillis(e.Began):
			return session.ErrRevoked
		}
		if record.RevokedAt == 0 {
			record.RevokedAt, record.Reason = toMillis(e.Entry.At), e.Reason
			if err := put(sessions, key, record); err != nil {
				return err
			}
		}
		return s.appendEntry(tx, e.Entry)
	})
}

// lifeOf is when a session is deleted: at its absolute expiry, or with its code while that waits to be used.
func lifeOf(s session.Session) time.Time {
	if s.HasBegun() {
		return s.Expiry
	}
	return s.Pending.Until
}

// UseCode implements session.CodeUser.
func (s *Store) UseCode(ctx context.Context, u session.CodeUse) (session.Session, error) {
	return s.changeLife(ctx, "use a code", u, u.Apply)
}

// ReleaseCode implements session.CodeUser.
func (s *Store) ReleaseCode(ctx context.Context, u session.CodeUse, _ time.Time) error {
	_, err := s.changeLife(ctx, "release a code", u, u.Release)
	return err
}

// changeLife is changeSession for what changes how long a session is kept.
func (s *Store) changeLife(ctx context.Context, what string, u session.CodeUse, apply func(session.Session) (session.Session, bool)) (session.Session, error) {
	var result session.Session
	err := s.write(ctx, what, func(tx *bbolt.Tx) (err error) {
		var before session.Session
		result, err = changeIn(tx, u.AccountID, u.SessionID, func(s session.Session) (session.Session, bool) {
			before = s
			return apply(s)
		})
		if err != nil {
			return err
		}
		key, expiries := sessionKey(u.AccountID, u.SessionID), tx.Bucket(expiryBucket)
		if err := expiries.Delete(expiryKey(lifeOf(before), key)); err != nil {
			return err
		}
		return expiries.Put(expiryKey(lifeOf(result), key), nil)
	})
	return result, err
}

// expiryKey is where the index of absolute expiries, which never move, names the session at key.
func expiryKey(expiry time.Time, key []byte) []byte { return append(appendTime(nil, expiry), key...) }

// indexExpiries builds the index of a file that has none.
func indexExpiries(tx *bbolt.Tx) error {
	if tx.Bucket(expiryBucket) != nil {
		return nil
	}
	expiries, err := tx.CreateBucket(expiryBucket)
	if err != nil {
		return err
	}
	return tx.Bucket(sessionBucket).ForEach(func(key, data []byte) error {
		var record sessionRecord
		if err := json.Unmarshal(data, &record); err != nil {
			return err
		}
		return expiries.Put(expiryKey(fromMillis(record.Expiry), key), nil) // files without the index are older than codes
	})
}

// purgeSessions deletes at most limit sessions whose absolute expiry is reached, whosever they are. One that is
// only idle must stay: an access token of it may be alive, and revoking it must still work.
func purgeSessions(tx *bbolt.Tx, now time.Time, limit int) error {
	expired, err := purgeBefore(tx.Bucket(expiryBucket), now.Add(time.Millisecond), limit)
	if err != nil {
		return err
	}
	behindTime := len(appendTime(nil, now))
	for _, key := range expired {
		if err := tx.Bucket(sessionBucket).Delete(key[behindTime:]); err != nil {
			return err
		}
	}
	return nil
}
