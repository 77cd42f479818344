package authorization

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Limits of what a request may say, in bytes.
const (
	MaxState  = 2048 // it comes back in the answer, and API Gateway takes no address much longer than 8 KB
	MaxNonce  = 512  // it comes back in the ID token
	MaxHint   = 256  // of login_hint
	maxMaxAge = 10 * 365 * 24 * 60 * 60
)

// Request is an authorization request whose every part has been checked.
type Request struct {
	Client      client.Client
	Redirect    string // as the client wrote it; a registered one, for native clients perhaps with another port of this machine
	State       string // given back as it came, may be empty
	Nonce       string // for the ID token, may be empty
	Challenge   string // of PKCE with S256 (RFC 7636 §4.2)
	Scopes      []string
	Resource    string         // the one audience that the token is for (RFC 8707); empty: those of the client
	Prompt      Prompt         // what to ask the person for
	MaxAge      *time.Duration // how long ago they may have logged in; nil: any time
	LoginHint   string         // a username to fill in
	IDTokenHint oauth.Secret   // an ID token of the person that the client expects, not verified
	Locales     []string       // languages of the pages, the best first (BCP 47); unknown ones are passed over
	Provider    string         // the foreign provider to go to at once, may be empty
}

// Prompt is the parameter of that name (OpenID Connect Core 1.0 §3.1.2.1).
type Prompt struct {
	None    bool // show nothing: answer with a code or an error
	Login   bool // ask for the password again; also for select_account, because a browser has one person at most
	Consent bool // ask what the client may do, even when that was asked before
}

// parameters are those of a request by name, without those that have no value (RFC 6749 §3.1: as if they were left out).
type parameters struct {
	values   map[string]string
	resource []string        // may be there several times (RFC 8707 §2)
	repeated map[string]bool // any other that is there twice
}

// readParameters reads a query or the body of a form.
func readParameters(raw string) (parameters, error) {
	p := parameters{values: map[string]string{}, repeated: map[string]bool{}}
	all, err := url.ParseQuery(raw)
	if err != nil {
		return p, &PageError{"the address is malformed: want name=value, with & between and every other character escaped"}
	}
	for name, values := range all {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		switch {
		case len(values) == 0:
		case name == "resource":
			p.resource = values
		default:
			p.values[name], p.repeated[name] = values[0], len(values) > 1
		}
	}
	return p, nil
}

// ClientID returns the client_id of a request, which says whose registration Check wants. raw is a query or the body of a form. The
// error is a *PageError.
func ClientID(raw string) (string, error) {
	p, err := readParameters(raw)
	switch {
	case err != nil:
		return "", err
	case p.repeated["client_id"]:
		return "", &PageError{"client_id is given twice"}
	case p.values["client_id"] == "":
		return "", &PageError{"client_id is missing"}
	}
	return p.values["client_id"], nil
}

// Unchecked reads the little that is needed to sign a person in for a client that is not known yet. Nothing is answered at its redirect, which
// is empty, and the request is checked as a whole once the client is known. The error is a *PageError.
func Unchecked(raw, clientID string) (Request, error) {
	p, err := readParameters(raw)
	if err != nil {
		return Request{}, err
	}
	r := Request{Client: client.Client{ID: clientID}, Locales: strings.Fields(p.values["ui_locales"])}
	r.Prompt.None = slices.Contains(strings.Fields(p.values["prompt"]), "none")
	if hint := p.values["login_hint"]; len(hint) <= MaxHint && utf8.ValidString(hint) {
		r.LoginHint = hint
	}
	return r, nil
}

// Checked reports whether client and redirect are known to be good, so that the client can be answered.
func (r Request) Checked() bool { return r.Redirect != "" }

// Resource returns the resource of a request, and "" where it names none or several.
func Resource(raw string) string {
	p, err := readParameters(raw)
	if err != nil || len(p.resource) != 1 {
		return ""
	}
	return p.resource[0]
}

// Check reads a request of the client c. raw is a query or the body of a form, as Resolve returns it. The error
// is a *PageError until client and redirect are known to be good (RFC 6749 §4.1.2.1), and then an *Error, which the client is told.
func Check(raw string, c client.Client) (Request, error) {
	p, err := readParameters(raw)
	if err != nil {
		return Request{}, err
	}
	r := Request{Client: c, Redirect: p.values["redirect_uri"], State: p.values["state"]}
	switch {
	case p.repeated["client_id"] || p.values["client_id"] != c.ID:
		return r, &PageError{"client_id is missing, or given twice"}
	case p.repeated["redirect_uri"] || r.Redirect == "":
		return r, &PageError{"redirect_uri is missing, or given twice"}
	case !c.MayRedirectTo(r.Redirect):
		return r, &PageError{"redirect_uri is none that the application has registered"}
	case p.repeated["state"] || len(r.State) > MaxState:
		// Without its own state the client would have to take the answer for a forgery.
		return r, &PageError{"state is given twice or longer than " + strconv.Itoa(MaxState) + " bytes, so the application cannot be answered"}
	}
	for _, check := range []func(parameters) error{
		r.checkForm, r.checkUnsupported, r.checkChallenge, r.checkResource, r.checkScope, r.checkPrompt, r.checkHints,
	} {
		if err := check(p); err != nil {
			return r, err
		}
	}
	return r, nil
}

// checkForm asks for a code in the query of the redirect, which is the one kind of answer there is.
func (r *Request) checkForm(p parameters) error {
	if i := slices.IndexFunc(known, func(name string) bool { return p.repeated[name] }); i >= 0 {
		return refuse(oauth.CodeInvalidRequest, known[i]+" is given twice")
	}
	switch responseType, mode := p.values["response_type"], p.values["response_mode"]; {
	case r.Client.Transport() != client.InBody && r.Client.Transport() != client.InCookie:
		return refuse(oauth.CodeUnauthorizedClient, "this kind of client gets no codes: sites log people in at /login, and nobody logs in at a service")
	case responseType == "":
		return refuse(oauth.CodeInvalidRequest, "response_type is missing")
	case responseType != "code":
		return refuse(CodeUnsupportedResponseType, "response_type: only code is supported")
	case mode != "" && mode != "query":
		return refuse(oauth.CodeInvalidRequest, "response_mode: only query is supported")
	}
	return nil
}

// known are the parameters that mean something here. Any other is passed over (RFC 6749 §3.1).
var known = []string{
	"response_type", "response_mode", "scope", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint",
	"id_token_hint", "ui_locales", "provider", "request", "request_uri", "registration",
}

// checkUnsupported refuses what would change the meaning of the rest.
func (r *Request) checkUnsupported(p parameters) error {
	switch {
	case p.values["request"] != "":
		return refuse(CodeRequestNotSupported, "request is not supported")
	case p.values["request_uri"] != "":
		return refuse(CodeRequestURINotSupported, "request_uri: want one that this service has given out")
	case p.values["registration"] != "":
		return refuse(CodeRegistrationNotSupported, "registration is not supported")
	}
	return nil
}

// checkChallenge wants PKCE with S256 of every client (RFC 9700 §2.1.1).
func (r *Request) checkChallenge(p parameters) error {
	r.Challenge = p.values["code_challenge"]
	sum, err := base64.RawURLEncoding.Strict().DecodeString(r.Challenge)
	switch {
	case r.Challenge == "":
		return refuse(oauth.CodeInvalidRequest, "code_challenge is missing: PKCE with S256 is required")
	case p.values["code_challenge_method"] != "S256":
		return refuse(oauth.CodeInvalidRequest, "code_challenge_method: want S256")
	case err != nil || len(sum) != 32 || len(r.Challenge) != 43: // the decoder passes over line breaks
		return refuse(oauth.CodeInvalidRequest, "code_challenge: want a SHA-256 in base64url, 43 characters")
	}
	return nil
}

// ChallengeOf returns the code_challenge of a code_verifier with S256 (RFC 7636 §4.2). The error says what the verifier should be.
func ChallengeOf(verifier oauth.Secret) (string, error) {
	text := verifier.Reveal()
	wrong := func(c rune) bool {
		return c > '~' || !strings.ContainsRune("-._~", c) && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}
	if len(text) < 43 || len(text) > 128 || strings.ContainsFunc(text, wrong) {
		return "", errors.New("code_verifier: want 43 to 128 letters, digits, -, ., _ and ~")
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// checkScope takes from what is asked for the scopes that the client is registered for (RFC 6749 §3.3). A request that names none gets
// all of them.
func (r *Request) checkScope(p parameters) error {
	allowed := r.Client.AllowedScopes()
	text := p.values["scope"]
	if len(text) > oauth.MaxScope {
		return refuse(oauth.CodeInvalidScope, "scope is longer than "+strconv.Itoa(oauth.MaxScope)+" bytes")
	}
	if text == "" {
		r.Scopes = slices.Clone(allowed)
		return nil
	}
	for name := range strings.SplitSeq(text, " ") {
		if !oauth.ValidScope(name) {
			return refuse(oauth.CodeInvalidScope, "scope: want names with one space between two")
		}
		if slices.Contains(allowed, name) && !slices.Contains(r.Scopes, name) {
			r.Scopes = append(r.Scopes, name)
		}
	}
	if len(r.Scopes) == 0 {
		return refuse(oauth.CodeInvalidScope, "scope: the application is registered for none of these")
	}
	return nil
}

// checkResource takes one audience of the client (RFC 8707 §2).
func (r *Request) checkResource(p parameters) error {
	switch {
	case len(p.resource) == 0 && r.Client.IsFetched():
		return refuse(CodeInvalidTarget, "resource is missing: want that of the API that the token is for (RFC 8707)")
	case len(p.resource) == 0:
		return nil
	case len(p.resource) > 1:
		return refuse(CodeInvalidTarget, "resource: want one at most")
	case !slices.Contains(r.Client.Audiences, p.resource[0]):
		return refuse(CodeInvalidTarget, "resource is none that the application has registered")
	}
	r.Resource = p.resource[0]
	return nil
}

func (r *Request) checkPrompt(p parameters) error {
	if text := p.values["prompt"]; text != "" {
		for word := range strings.SplitSeq(text, " ") {
			switch word {
			case "none":
				r.Prompt.None = true
			case "login", "select_account":
				r.Prompt.Login = true
			case "consent":
				r.Prompt.Consent = true
			default:
				return refuse(oauth.CodeInvalidRequest, "prompt: want none, login, consent or select_account")
			}
		}
	}
	if r.Prompt.None && (r.Prompt.Login || r.Prompt.Consent) {
		return refuse(oauth.CodeInvalidRequest, "prompt: none stands alone")
	}
	text := p.values["max_age"]
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil || seconds > maxMaxAge || strconv.FormatUint(seconds, 10) != text {
		return refuse(oauth.CodeInvalidRequest, "max_age: want a number of seconds")
	}
	age := time.Duration(seconds) * time.Second
	r.MaxAge = &age
	return nil
}

// checkHints takes what only helps. None of it is a secret of the person, and none of it opens anything.
func (r *Request) checkHints(p parameters) error {
	r.Nonce, r.LoginHint, r.Provider = p.values["nonce"], p.values["login_hint"], p.values["provider"]
	switch {
	case len(r.Nonce) > MaxNonce || !utf8.ValidString(r.Nonce):
		return refuse(oauth.CodeInvalidRequest, "nonce: want at most "+strconv.Itoa(MaxNonce)+" bytes of UTF-8")
	case len(r.LoginHint) > MaxHint || !utf8.ValidString(r.LoginHint):
		return refuse(oauth.CodeInvalidRequest, "login_hint: want at most "+strconv.Itoa(MaxHint)+" bytes of UTF-8")
	}
	if hint := p.values["id_token_hint"]; hint != "" {
		r.IDTokenHint = oauth.NewSecret(hint)
	}
	r.Locales = strings.Fields(p.values["ui_locales"])
	return nil
}

// Anew returns the query of a request that begins again after something went wrong: at the sign-in page, where people choose a provider
// themselves, since the one that the client has named may be what failed. It is empty for what is no request.
func Anew(raw string) string {
	p, err := readParameters(raw)
	if err != nil || p.values["client_id"] == "" || p.values["redirect_uri"] == "" && p.values["request_uri"] == "" {
		return ""
	}
	out := p.known()
	out.Del("provider")
	return out.Encode()
}

// AfterLogin returns the query of a request once the person has logged in for it: without what asks for a login, and without parameters
// that mean nothing here. raw is one that Check has taken.
func AfterLogin(raw string) string {
	p, err := readParameters(raw)
	if err != nil {
		return ""
	}
	out := p.known()
	out.Del("max_age")
	words := slices.DeleteFunc(strings.Fields(out.Get("prompt")), func(word string) bool { return word != "consent" })
	if out.Del("prompt"); len(words) > 0 {
		out.Set("prompt", words[0])
	}
	return out.Encode()
}
