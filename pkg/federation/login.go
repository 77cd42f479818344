package federation

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// metadataLife is how long metadata are kept. Keys are fetched again when an ID token names one that is not known.
	metadataLife = time.Hour

	maxIDToken = 16 << 10
	maxSubject = 255 // OpenID Connect Core 1.0 §2
	maxEmail   = 254
	maxGroups  = 1000
)

var (
	// ErrDenied says that the person, or the provider, has said no.
	ErrDenied = errors.New("federation: the login was denied")
	// ErrNotOurs says that an answer does not belong to the attempt, or is not of the provider that was asked: it may be forged.
	ErrNotOurs = errors.New("federation: the answer is not to this attempt")
	// ErrProvider says that the provider has refused, or that what it says cannot be used. The error says what to look at.
	ErrProvider = errors.New("federation: the provider's answer cannot be used")
)

// Attempt is what is remembered of a person who was sent to a provider, until they come back.
type Attempt struct {
	Provider string `json:"provider"`
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE (RFC 7636 §4.1)
}

// Identity is who somebody is at a provider.
type Identity struct {
	Provider      string
	Subject       string // never another person's at this provider
	Email         string // empty: not known
	EmailVerified bool   // the provider says that the address is theirs
	Name          string
	Roles         []string // that the groups of the person give
}

// RelyingParty logs people in with providers. It keeps their metadata. Safe for concurrent use.
type RelyingParty struct {
	client *http.Client
	now    func() time.Time

	mu   sync.Mutex
	held map[string]heldMetadata // by issuer
}

type heldMetadata struct {
	provider *oidc.Provider
	keys     *oidc.RemoteKeySet
	metadata
	until time.Time
}

// NewRelyingParty returns a RelyingParty that asks with the client, see NewClient.
func NewRelyingParty(client *http.Client, now func() time.Time) *RelyingParty {
	return &RelyingParty{client: client, now: now, held: map[string]heldMetadata{}}
}

// Begin returns the address at the provider that the person is sent to, and what to remember of it. callback is the address of this
// deployment that they come back to. Errors: ErrProvider, oauth.ErrUnavailable.
func (rp *RelyingParty) Begin(ctx context.Context, p Provider, callback string) (string, Attempt, error) {
	m, err := rp.metadataOf(ctx, p)
	if err != nil {
		return "", Attempt{}, err
	}
	a := Attempt{Provider: p.ID, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	address := p.config(m, oauth.Secret{}, callback).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier))
	return address, a, nil
}

// Finish exchanges the code in the answer, the query that the person came back with, and returns who they are. secret is the client
// secret at the provider. Errors: ErrDenied, ErrNotOurs, ErrProvider, oauth.ErrUnavailable.
func (rp *RelyingParty) Finish(ctx context.Context, p Provider, secret oauth.Secret, callback string, a Attempt, answer url.Values) (Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	m, err := rp.metadataOf(ctx, p)
	if err != nil {
		return Identity{}, err
	}
	code, err := readAnswer(p, m.metadata, a, answer)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, rp.client)
	tokens, err := p.config(m, secret, callback).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Identity{}, explainExchange(p, err)
	}
	claims, err := rp.verify(ctx, p, m, a, tokens)
	if err != nil {
		return Identity{}, err
	}
	if m.UserInfo != "" && (claims.Email == "" || p.RolesClaim != "" && claims.all[p.RolesClaim] == nil) {
		if err := claims.askMore(ctx, p, m, tokens); err != nil {
			return Identity{}, err
		}
	}
	return claims.identity(p)
}

// metadataOf returns the metadata of a provider, which are fetched at most once an hour.
func (rp *RelyingParty) metadataOf(ctx context.Context, p Provider) (heldMetadata, error) {
	rp.mu.Lock()
	m, found := rp.held[p.Issuer]
	rp.mu.Unlock()
	if found && rp.now().Before(m.until) {
		return m, nil
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, rp.client), p.Issuer)
	if err == nil {
		err = provider.Claims(&m.metadata)
	}
	if err != nil {
		return m, fmt.Errorf("federation: metadata of %s: %w: %w", p.ID, oauth.ErrUnavailable, err)
	}
	m.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), rp.client), m.KeySet) // it outlives this request
	m.provider, m.until = provider, rp.now().Add(metadataLife)
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.held[p.Issuer] = m
	return m, nil
}

// config is the provider as x/oauth2 wants it. The secret is sent in the way that the metadata name, so that no code is tried twice.
func (p Provider) config(m heldMetadata, secret oauth.Secret, callback string) *oauth2.Config {
	endpoint := m.provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // what counts without the member (OpenID Connect Discovery 1.0 §3)
	if len(m.TokenAuth) > 0 && !slices.Contains(m.TokenAuth, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: secret.Reveal(), Endpoint: endpoint, RedirectURL: callback, Scopes: p.Scopes}
}

// readAnswer returns the code of an answer.
func readAnswer(p Provider, m metadata, a Attempt, answer url.Values) (string, error) {
	for name, values := range answer {
		if len(values) != 1 {
			return "", fmt.Errorf("%w: %s comes twice", ErrNotOurs, name)
		}
	}
	switch {
	case a.Provider != p.ID || a.State == "" || !equal(answer.Get("state"), a.State):
		return "", fmt.Errorf("%w: another state", ErrNotOurs)
	case answer.Get("iss") != "" && answer.Get("iss") != p.Issuer: // another provider's, mixed up on the way (RFC 9207 §2.4)
		return "", fmt.Errorf("%w: it is of another issuer", ErrNotOurs)
	case answer.Get("iss") == "" && m.SaysIssuer:
		return "", fmt.Errorf("%w: it does not say its issuer", ErrNotOurs)
	case answer.Get("error") == oauth.CodeAccessDenied:
		return "", ErrDenied
	case answer.Get("error") != "":
		return "", fmt.Errorf("%w: it says %.60q", ErrProvider, answer.Get("error"))
	case answer.Get("code") == "":
		return "", fmt.Errorf("%w: it has no code", ErrProvider)
	}
	return answer.Get("code"), nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func explainExchange(p Provider, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response.StatusCode < 500 && refused.Response.StatusCode != http.StatusTooManyRequests {
		return fmt.Errorf("%w: the token endpoint of %s refuses the code with %d %.60q: check client id, client secret and the registered redirect address",
			ErrProvider, p.ID, refused.Response.StatusCode, refused.ErrorCode)
	}
	return fmt.Errorf("federation: exchange the code at %s: %w: %w", p.ID, oauth.ErrUnavailable, err)
}

// claims are those of the ID token and of userinfo that are looked at.
type claims struct {
	Subject         string          `json:"sub"`
	AuthorizedParty string          `json:"azp"`
	Email           string          `json:"email"`
	EmailVerified   json.RawMessage `json:"email_verified"` // some providers write text
	Name            string          `json:"name"`

	all map[string]json.RawMessage
}

// verify checks the ID token (OpenID Connect Core 1.0 §3.1.3.7).
func (rp *RelyingParty) verify(ctx context.Context, p Provider, m heldMetadata, a Attempt, tokens *oauth2.Token) (c claims, err error) {
	text, _ := tokens.Extra("id_token").(string)
	if text == "" || len(text) > maxIDToken || strings.Count(text, ".") != 2 {
		return c, fmt.Errorf("%w: %s sends no ID token: is openid among the scopes?", ErrProvider, p.ID)
	}
	keys := &watchedKeys{RemoteKeySet: m.keys}
	verifier := oidc.NewVerifier(p.Issuer, keys, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: Algorithms, Now: rp.now})
	token, err := verifier.Verify(ctx, text)
	if err == nil {
		err = token.Claims(&c)
	}
	if err == nil {
		err = token.Claims(&c.all)
	}
	switch {
	case keys.unreachable:
		return c, fmt.Errorf("federation: keys of %s: %w: %w", p.ID, oauth.ErrUnavailable, err)
	case err != nil:
		return c, fmt.Errorf("%w: ID token of %s: %w", ErrProvider, p.ID, err)
	case !equal(token.Nonce, a.Nonce):
		return c, fmt.Errorf("%w: the ID token has another nonce", ErrNotOurs)
	case c.AuthorizedParty != "" && c.AuthorizedParty != p.ClientID, c.AuthorizedParty == "" && len(token.Audience) > 1:
		return c, fmt.Errorf("%w: the ID token of %s was issued to another client", ErrProvider, p.ID)
	case token.AccessTokenHash != "" && token.VerifyAccessToken(tokens.AccessToken) != nil:
		return c, fmt.Errorf("%w: the ID token of %s belongs to another access token", ErrProvider, p.ID)
	}
	return c, nil
}

// watchedKeys are the keys of a provider for one ID token. They note when the keys could not be fetched: the verifier keeps of that nothing but text.
type watchedKeys struct {
	*oidc.RemoteKeySet
	unreachable bool
}

// VerifySignature implements oidc.KeySet.
func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.RemoteKeySet.VerifySignature(ctx, jwt)
	k.unreachable = err != nil && strings.HasPrefix(err.Error(), "fetching keys ")
	return payload, err
}

// askMore adds what the ID token leaves out. The subject has to be the same (OpenID Connect Core 1.0 §5.3.2).
func (c *claims) askMore(ctx context.Context, p Provider, m heldMetadata, tokens *oauth2.Token) error {
	info, err := m.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return fmt.Errorf("federation: userinfo of %s: %w: %w", p.ID, oauth.ErrUnavailable, err)
	}
	if info.Subject != c.Subject {
		return fmt.Errorf("%w: userinfo of %s is about somebody else", ErrNotOurs, p.ID)
	}
	was := *c
	more := claims{}
	if err := errors.Join(info.Claims(&more), info.Claims(&more.all)); err != nil {
		return fmt.Errorf("%w: userinfo of %s: %w", ErrProvider, p.ID, err)
	}
	if was.Email == "" { // an address and whether it is verified are of one source
		c.Email, c.EmailVerified = more.Email, more.EmailVerified
	}
	if was.Name == "" {
		c.Name = more.Name
	}
	if p.RolesClaim != "" && was.all[p.RolesClaim] == nil {
		c.all[p.RolesClaim] = more.all[p.RolesClaim]
	}
	return nil
}

func (c claims) identity(p Provider) (Identity, error) {
	switch {
	case !isText(c.Subject, maxSubject):
		return Identity{}, fmt.Errorf("%w: the subject of %s is empty, longer than %d bytes or not printable", ErrProvider, p.ID, maxSubject)
	case c.Email != "" && !isText(c.Email, maxEmail):
		return Identity{}, fmt.Errorf("%w: the e-mail address of %s is longer than %d bytes or not printable", ErrProvider, p.ID, maxEmail)
	}
	id := Identity{Provider: p.ID, Subject: c.Subject, Email: c.Email, Name: c.Name}
	verified := strings.Trim(string(c.EmailVerified), `"`)
	id.EmailVerified = c.Email != "" && verified == "true"
	if p.RolesClaim == "" {
		return id, nil
	}
	groups, err := groupsIn(c.all[p.RolesClaim])
	if err != nil {
		return Identity{}, fmt.Errorf("%w: the claim %s of %s: %w", ErrProvider, p.RolesClaim, p.ID, err)
	}
	for _, group := range groups {
		if role, ok := p.Roles[group]; ok && !slices.Contains(id.Roles, role) {
			id.Roles = append(id.Roles, role)
		}
	}
	slices.Sort(id.Roles)
	return id, nil
}

// groupsIn reads a claim that lists groups: a list of texts, or one text.
func groupsIn(claim json.RawMessage) (groups []string, err error) {
	if len(claim) == 0 {
		return nil, nil
	}
	var one string
	if json.Unmarshal(claim, &one) == nil {
		return []string{one}, nil
	}
	if err := json.Unmarshal(claim, &groups); err != nil || len(groups) > maxGroups {
		return nil, fmt.Errorf("want a list of at most %d texts", maxGroups)
	}
	return groups, nil
}
