package main

import (
	"context"
	"sync"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/session"
)

// faultyStore is a real store whose calls can be made to fail.
type faultyStore struct {
	hooks.Store

	mu sync.Mutex
	// backdated rotations are stored as if they had been made so much earlier.
	backdated time.Duration
}

func (s *faultyStore) backdate(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backdated = by
}

func (s *faultyStore) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	s.mu.Lock()
	r.Now = r.Now.Add(-s.backdated)
	s.mu.Unlock()
	return s.Store.Rotate(ctx, r)
}

// Create has sessions of sites begin as if they had been used long ago, so that their next use is recorded.
func (s *faultyStore) Create(ctx context.Context, begun session.Session) error {
	if len(begun.HandleHash) > 0 {
		begun.UsedAt = begun.UsedAt.Add(-2 * session.UseInterval)
	}
	return s.Store.Create(ctx, begun)
}

// storeMethods are all that the endpoints call, by the names that hooks are given.
var storeMethods = []string{
	"Account", "LoginName", "AccountAndLogin", "Rehash", "ChangeAccount", "Take", "Refund", "Clear", "Client", "ReadPart", "ReplaceParts",
	"Append", "Since", "Create", "CreateAfter", "Session", "SessionsOf", "Rotate", "RecordReplay", "RecordUse", "Revoke", "Policy", "UseAssertion", "PutTicket", "TakeTicket", "PutPushed", "Pushed", "Uninvite", "UninvitedAt",
	"Subject", "BeginSession", "SetAccess", "UseCode", "ReleaseCode", "Consent", "PutConsent", "TakeBackConsent", "Consents", "Forget", "ForgetConsents", "Providers", "ReplaceClient", "Resource",
	"OwnerOf", "CreateAccount", "CountMail", "PutOrder", "ReplaceLinks",
}
