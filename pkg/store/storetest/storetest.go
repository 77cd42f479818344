// Package storetest is the conformance suite of the store contracts: each sentence of a contract in the
// domain is a subtest here. Every store runs it, so that what the domain is proven against on a laptop
// also holds in the cloud.
//
// The suite never assumes that it is alone with its tables: ids, usernames and client ids are fresh in
// every subtest, and it looks for its own entries in the revocation log. Only the keyring subtests need a
// store that has no keyring yet.
package storetest

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/assertion"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/ticket"
)

// Store is every store contract of the domain.
type Store interface {
	client.Store
	client.Registrar
	client.Lister
	account.Store
	account.Addresses
	account.Creator
	account.Changer
	account.Keeper
	account.Forgetter
	account.Invitations
	account.Uninviter
	account.Attempts
	account.Rehasher
	session.Store
	session.Creator
	session.UseRecorder
	session.CodeUser
	session.Lister
	revocation.Log
	revocation.Once
	assertion.Uses
	ticket.Keeper
	ticket.Taker
	mail.Orders
	mail.Taker
	mail.Counter
	authorization.PushedKeeper
	authorization.PushedReader
	consent.Store
	keyring.Store
	keyring.LinkStore
	schema.Source
	policy.Store
	federation.Store
	resource.Store
	audit.Store
	account.Lister
	session.Finder
	session.Directory
}

// Run runs the suite. open returns a fresh store that reads the time from now and closes itself when the
// test ends. It is called once for each subtest.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) Store) {
	for _, group := range []struct {
		name  string
		tests []subtest
	}{
		{"Session", sessionTests},
		{"SessionsOf", listingTests},
		{"Rotate", rotationTests},
		{"RecordReplay", replayTests},
		{"RecordUse", useTests},
		{"UseCode", codeTests},
		{"Revoke", endingTests},
		{"Account", accountTests},
		{"ChangeAccount", changeTests},
		{"Address", addressTests},
		{"Keep", keepTests},
		{"CreateAfter", beginningTests},
		{"Subject", subjectTests},
		{"DeleteAccount", deletionTests},
		{"Removal", removalTests},
		{"SetAccess", accessTests},
		{"Attempts", attemptTests},
		{"Revocation", revocationTests},
		{"Keyring", keyringTests},
		{"Schema", schemaTests},
		{"Client", clientTests},
		{"Assertion", assertionTests},
		{"Ticket", ticketTests},
		{"Order", orderTests},
		{"Pushed", pushedTests},
		{"Invitations", invitationTests},
		{"Consent", consentTests},
		{"Policy", documentTests(policies)},
		{"Provider", documentTests(providers)},
		{"Resource", documentTests(resources)},
		{"Audit", auditTests},
		{"Scan", scanTests},
		{"Context", contextTests},
		{"Refresh", refreshTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					// The real time, because a remote store may delete by its own clock what has expired by that.
					c := testclock.New(time.Now().UTC().Truncate(time.Second))
					test.run(t, fixture{open(t, c.Now), c})
				})
			}
		})
	}
}

type subtest struct {
	name string
	run  func(t *testing.T, f fixture)
}

// fixture is what a subtest works with: the store under test and the clock that it reads.
type fixture struct {
	Store
	clock *testclock.Clock
}
