package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// session is a person's session with the service. Several processes share what is kept of it, and only one at a time changes it.
type session struct {
	*service
	kept keeper
	now  func() time.Time
}

// record is what is kept of a session. It is small enough for every keyring: Windows takes 2,560 bytes.
type record struct {
	RefreshToken string    `json:"refresh_token"`
	AccessToken  string    `json:"access_token"`
	FreshUntil   time.Time `json:"fresh_until"` // some time before the access token expires
}

// A signedOutError says why nobody is logged in.
type signedOutError struct{ why string }

func (e *signedOutError) Error() string { return e.why + ": run `native login`" }

// token returns an access token: the one that is kept, unless it is old or was refused, or a new one.
func (s *session) token(ctx context.Context, refused string) (string, error) {
	r, err := s.kept.load()
	if err != nil || s.good(r, refused) {
		return r.AccessToken, err
	}
	unlock, err := s.kept.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	// Another process may have refreshed while this one waited for the lock.
	r, err = s.kept.load()
	if err != nil || s.good(r, refused) {
		return r.AccessToken, err
	}
	return s.refresh(ctx, r)
}

func (s *session) good(r record, refused string) bool {
	return r.AccessToken != refused && s.now().Before(r.FreshUntil)
}

// refresh trades the refresh token in. Until the answer is stored the old token is kept: the service answers it with the same successor
// for a minute, and to a native client twice later. So a lost answer, a full disk, a kill and Ctrl-C cost nothing.
func (s *session) refresh(ctx context.Context, r record) (string, error) {
	begun := s.now()
	request := map[string]any{"client_id": s.client, "refresh_token": r.RefreshToken}
	answer, err := s.service.patiently(ctx, func() (answer, error) { return s.post(ctx, "/refresh", request) })
	if err != nil {
		return "", fmt.Errorf("the session could not be refreshed, and is kept: %w", err)
	}
	if answer.code() == "invalid_grant" {
		if err := s.kept.remove(); err != nil {
			return "", err
		}
		return "", &signedOutError{inWords(answer)}
	}
	next, err := newRecord(answer, begun)
	if err != nil {
		return "", fmt.Errorf("the session could not be refreshed, and is kept: %w", err)
	}
	if err := s.kept.save(next); err != nil {
		return "", fmt.Errorf("the new refresh token could not be stored, and the old one is good for a minute yet: %w", err)
	}
	return next.AccessToken, nil
}

// newRecord reads the answer of a login or a refresh to a request that was sent at begun.
func newRecord(a answer, begun time.Time) (record, error) {
	if a.status != http.StatusOK {
		return record{}, errors.New(inWords(a))
	}
	var in struct {
		RefreshToken string `json:"refresh_token"`
		AccessToken  string `json:"access_token"`
		ExpiresIn    int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(a.body, &in); err != nil || in.RefreshToken == "" || in.AccessToken == "" || in.ExpiresIn <= 0 {
		return record{}, errors.New("the service answered 200 without both tokens; is the client of the kind native, and the address that of Wavepass?")
	}
	life := time.Duration(in.ExpiresIn) * time.Second
	return record{in.RefreshToken, in.AccessToken, begun.Add(life - min(life/4, 20*time.Second))}, nil
}

// begin logs a person in. The session that was kept before is ended when the new one is stored.
func (s *session) begin(ctx context.Context, username, password, device string) error {
	unlock, err := s.kept.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := s.kept.load()
	var nobody *signedOutError
	if err != nil && !errors.As(err, &nobody) {
		return err
	}
	begun := s.now()
	// A login is sent once: one that is repeated because its answer was lost would leave a session that nobody holds.
	answer, err := s.post(ctx, "/login", map[string]any{"client_id": s.client, "username": username, "password": password, "device_name": device})
	if err != nil {
		return fmt.Errorf("%w; if it went through, `native devices` shows a session that you can end", err)
	}
	next, err := newRecord(answer, begun)
	if err != nil {
		return err
	}
	if err := s.kept.save(next); err != nil {
		return err
	}
	if before.RefreshToken != "" {
		_, _ = s.post(ctx, "/logout", map[string]any{"client_id": s.client, "refresh_token": before.RefreshToken}) // else it expires
	}
	return nil
}

// finish ends the session, and forgets it only when the service has said that it has ended.
func (s *session) finish(ctx context.Context, everywhere bool) error {
	unlock, err := s.kept.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.kept.load()
	if err != nil {
		return err
	}
	request := map[string]any{"client_id": s.client, "refresh_token": r.RefreshToken, "everywhere": everywhere}
	answer, err := s.service.patiently(ctx, func() (answer, error) { return s.post(ctx, "/logout", request) })
	ended := answer.code() == "invalid_grant"
	if err != nil || answer.status != http.StatusOK && !ended {
		if err == nil {
			err = errors.New(inWords(answer))
		}
		return fmt.Errorf("you are still logged in; run `native logout` again: %w", err)
	}
	if err := s.kept.remove(); err != nil {
		return err
	}
	if ended && everywhere {
		return &signedOutError{inWords(answer) + ". So it could not end the others. To end them, log in and run `native logout --everywhere`"}
	}
	return nil
}
