// Package audit writes the audit trail: one JSON line for everything that a security reviewer asks about
// later. It owns the shape of an event and the names of events; it does not decide when one is due.
//
// An event never carries a token, a password or a hash.
package audit

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/metric"
)

// Names of events. A name is part of the interface to log filters and alarms: do not change one.
const (
	Login          = "login"           // a session was created
	LoginFailed    = "login_failed"    // wrong password, unknown username or disabled account
	LoginLimited   = "login_limited"   // refused before the password was checked
	Refresh        = "refresh"         // the refresh token rotated
	RaceReplay     = "race_replay"     // a token just replaced was answered with its successor again, or one just made with itself
	LateRetry      = "late_retry"      // the same, after the grace window
	Overtaken      = "overtaken"       // a token was replaced twice on its way: its tab was asked to come again
	StaleToken     = "stale_token"     // an old token of a shared credential store came back and was counted
	ReuseDetected  = "reuse_detected"  // an old token came back: the session was revoked
	RestoredTable  = "restored_table"  // a token newer than the table: alarm, the table was set back
	RefreshRefused = "refresh_refused" // expired, revoked or foreign
	RolesOmitted   = "roles_omitted"   // an access token was issued without the roles, which did not fit into it
	ClientRefused  = "client_refused"  // a request named a service and could not authenticate as it
	CodeOffered    = "code_offered"    // a client was sent an authorization code, which begins a session
	CodeUsed       = "code_used"       // it came back, and its session began
	CodeRefused    = "code_refused"    // a code that is not known, has expired, or is not this client's, redirect's or verifier's
	CodeReplayed   = "code_replayed"   // a code came a second time: its session was revoked
	ClientFetched  = "client_fetched"  // the document of a client that nobody has registered was read, and is its record now
	NoDocument     = "no_document"     // such a document could not be read or used, for the reason that it names
	ConsentGiven   = "consent_given"   // a person has allowed a client what it asked for
	ConsentTaken   = "consent_taken"   // and has taken it back: the client's sessions ended
	TokenIssued    = "token_issued"    // a client was given an access token for itself
	SessionBegun   = "session_begun"   // a service began a session for a subject of its directory
	BeginRepeated  = "begin_repeated"  // it asked again with the same idempotency key, and was answered with that session
	TokenRevoked   = "token_revoked"   // one access token was denied
	SessionRevoked = "session_revoked" // a client handed in a refresh token, and its session ended
	LoggedOut      = "logged_out"      // a person ended a session

	LoggedOutEverywhere = "logged_out_everywhere" // a person ended all of them
	SessionEnded        = "session_ended"         // a person ended one of them from the list, by_sid
	OthersEnded         = "other_sessions_ended"  // a person ended all but the one that the event names

	SignedUp         = "signed_up"          // somebody made an account with the address of a mail
	Recovered        = "recovered"          // a person chose a new password by a mail: all sessions ended
	AddressAsked     = "address_asked"      // a person proved that the account is theirs, and asked for the mail to its new address
	AddressConfirmed = "address_confirmed"  // the account has the address of a mail: all sessions ended
	AddressTakenBack = "address_taken_back" // and has the one of before again, with a new password: all sessions ended
	ProofRefused     = "proof_refused"      // the link or the code of a mail was not good, nothing changed

	PasswordChanged = "password_changed" // by its person: all sessions but the one named ended
	PasswordFailed  = "password_failed"  // the current password was wrong, nothing changed
	PasswordLimited = "password_limited" // refused before the current password was checked

	// By an operator.
	AccountAdded    = "account_added"
	Uninvited       = "uninvited"
	Invited         = "invited" // a mail was ordered, by which the owner of an address makes an account
	ClientAdded     = "client_added"
	PasswordSet     = "password_set"
	AccountDisabled = "account_disabled"
	AccountClosed   = "account_closed"
	AccountReopened = "account_reopened"
	AccountEnabled  = "account_enabled"
	AccountDeleted  = "account_deleted"
	AccessSet       = "access_set"      // roles and scopes
	IdentityLinked  = "identity_linked" // an identity of a provider has led to an account for the first time, by its address
	EmailSet        = "email_set"       // another address, or none: all sessions ended
	AccountRevoked  = "account_revoked" // all sessions ended
	PolicySet       = "policy_set"      // the routes of an API ask for something else
	PolicyRemoved   = "policy_removed"  // they ask for a valid token only, or for what the default says
	ClientRevoked   = "client_revoked"  // every session of a client ended
	ClientChanged   = "client_changed"  // the fields that reason names
	ClientRemoved   = "client_removed"  // and every session of it ended

	AccountsImported = "accounts_imported" // count of them, from a file

	ProviderSet     = "provider_set"     // people may log in with an identity provider, or by another definition of it
	ProviderRemoved = "provider_removed" // they no longer may

	ResourceSet     = "resource_set"     // clients are told about a protected resource, or something else about it
	ResourceRemoved = "resource_removed" // they no longer are

	ClientSecretRotated = "client_secret_rotated"

	// What became of an order for a mail; Mail is its purpose.
	MailSent    = "mail_sent"    // it was handed over
	MailFailed  = "mail_failed"  // it was not, or that is not known; reason says why and what to do
	MailDropped = "mail_dropped" // it was not due

	Migrated = "migrated" // what an older version has stored, count items

	keyPrefix = "key_" // published, promoted, retired, dropped, revoked
)

// Event is one line. The zero value of a field leaves it out of the line, except those that every line has.
type Event struct {
	Name      string    `json:"event"`
	Time      time.Time `json:"time"`       // UTC, set by Trail
	RequestID string    `json:"request_id"` // the gateway's, set by Trail
	Actor     string    `json:"actor"`      // whose act it was, see Person; empty: the context's
	Subject   string    `json:"sub"`        // account id
	SessionID string    `json:"sid"`
	ClientID  string    `json:"client_id"`
	Network   string    `json:"network"`    // address prefix, /24 or /64, set by Trail
	UserAgent string    `json:"user_agent"` // set by Trail

	Reason     string `json:"reason,omitzero"`
	Generation uint32 `json:"generation,omitzero"` // of the refresh token that was presented
	KeyID      string `json:"kid,omitzero"`        // of a signing key, or "mac:" and the version of a MAC key
	TokenID    string `json:"jti,omitzero"`        // where the token itself was not seen
	By         string `json:"by_sid,omitzero"`     // the session that another one was ended from
	Count      int    `json:"count,omitzero"`      // of what a batch did, which is one event
	API        string `json:"api,omitzero"`        // id of the API whose policy it was, or "default"
	Mail       string `json:"mail,omitzero"`       // purpose of a mail
	Provider   string `json:"provider,omitzero"`   // id of a foreign identity provider
	Resource   string `json:"resource,omitzero"`   // address of a protected resource
	NameHash   string `json:"name_hash,omitzero"`  // of a username that is nobody's; only the service can compute it
}

// Key is the event of what happened to a key.
func Key(what, id string) Event { return Event{Name: keyPrefix + what, KeyID: id} }

// Actors. A client that authenticated and an operator are named, by Client and Operator.
const (
	Person = "person" // the person who uses the service, or anybody who passes for them
	System = "system" // the schedule
)

// Client is the actor of what an authenticated client did.
func Client(id string) string { return "client:" + id }

// Operator is the actor of what somebody did at the command line.
func Operator(name string) string { return "operator:" + name }

type actorKey struct{}

// WithActor returns a context whose events have this actor unless they name another.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// Caller is where a request came from, as far as the gateway knows.
type Caller struct {
	RequestID string
	Network   string
	UserAgent string
}

type callerKey struct{}

// WithCaller returns a context whose events name the caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Trail writes events to one stream. It is safe for concurrent use; lines never interleave.
type Trail struct {
	// Metrics is the namespace in which each line is also a metric: how many events of each name there were. Set it before the first event.
	Metrics metric.Namespace

	now func() time.Time
	mu  sync.Mutex
	out io.Writer
}

// NewTrail returns a trail that writes to out.
func NewTrail(out io.Writer, now func() time.Time) *Trail { return &Trail{now: now, out: out} }

// Record completes e with the time, the caller and the actor, and writes it. A line that cannot be written is lost:
// refusing people because a log is full would hand an attacker a switch.
func (t *Trail) Record(ctx context.Context, e Event) { t.write(t.complete(ctx, e)) }

func (t *Trail) complete(ctx context.Context, e Event) Event {
	caller, _ := ctx.Value(callerKey{}).(Caller)
	e.Time = t.now().UTC().Truncate(time.Millisecond)
	e.RequestID, e.Network, e.UserAgent = caller.RequestID, caller.Network, caller.UserAgent
	if e.Actor == "" {
		e.Actor, _ = ctx.Value(actorKey{}).(string)
	}
	return e
}

// counted is an event that is a metric too: one more of its name.
type counted struct {
	Event  `json:",inline"`
	Events int               `json:"events,omitzero"`
	AWS    *metric.Directive `json:"_aws,omitzero"`
}

func (t *Trail) write(e Event) {
	counts := 0
	if t.Metrics != "" {
		counts = 1
	}
	// A user agent that is not UTF-8 must not keep the event out of the trail.
	line, err := json.Marshal(counted{e, counts, t.Metrics.Of(e.Time, []string{"event"}, metric.Count, "events")}, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.out.Write(append(line, '\n'))
}
