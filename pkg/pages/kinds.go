package pages

import (
	"html/template"
	"net/url"
	"slices"
)

// Form is what every form carries.
type Form struct {
	Base    string // path of the service, which forms go below; empty: it is at the root
	Request string // the authorization request, as the client wrote it
	Token   string // shows that the form is of this browser
}

// Button leads to a foreign provider.
type Button struct{ ID, Name string }

// SignIn asks for a username and a password.
type SignIn struct {
	Form
	Client    string // whom the person signs in for
	Username  string // filled in
	Remember  bool
	Problem   Problem // of the form that was sent before; empty: none
	Wait      int     // minutes until the next attempt, with TooMany
	Providers []Button

	Recovers, SignsUp bool // links to choose a new password, and to make an account
}

// SignIn draws it.
func (p *Pages) SignIn(l Languages, s SignIn) Page { return p.draw(l, "signin", "signin.title", s) }

// Consent asks what a client may do.
type Consent struct {
	Form
	Client   string // its id; the host of its id when it has a Document
	Document string // the whole id of a client that nobody has registered: the address of what it says of itself; else empty
	Name     string // what such a client calls itself, may be empty
	Resource string // where it would like to do it; empty: what the client is registered for
	Host     string // where the answer goes, so that people see whom they let in
	Local    bool   // the answer goes to a program on the person's own machine, which any other program there can pretend to be
	Username string
	Scopes   []Scope
}

// Scope is a scope that a client asks for. A scope without a text of its own is shown by its name.
type Scope struct{ Name string }

// Known reports whether there is a text for the scope.
func (s Scope) Known() bool { return s.Name == "openid" || s.Name == "profile" || s.Name == "email" }

// Consent draws it.
func (p *Pages) Consent(l Languages, c Consent) Page { return p.draw(l, "consent", "consent.title", c) }

// GoOn sends the browser to another address. It answers forms, whose answer must not be a redirect.
type GoOn struct {
	Address string // of this service, or a registered redirect of a client
	Client  string // empty: to another page of this service
}

// Link is the address as the page's link. Redirects to programs have schemes of their own, which html/template would take out.
func (g GoOn) Link() template.URL {
	u, err := url.Parse(g.Address)
	if err != nil || slices.Contains([]string{"javascript", "data", "vbscript"}, u.Scheme) { // no client can be registered with these
		return "/"
	}
	return template.URL(g.Address)
}

// GoOn draws it.
func (p *Pages) GoOn(l Languages, g GoOn) Page {
	page := p.draw(l, "goon", "goon.title", g)
	page.Headers["Refresh"] = "0; url=" + string(g.Link())
	return page
}

// Mailed is what somebody does by way of their mailbox.
type Mailed string

// What there are texts for.
const (
	SigningUp  Mailed = "signup"
	Recovering Mailed = "recover"
	Changing   Mailed = "email" // the address of an account
	TakingBack Mailed = "takeback"
	Keeping    Mailed = "keep"
	Closing    Mailed = "close" // the account; what is mailed is the way back
)

// Ask asks for the address that a mail is to go to.
type Ask struct {
	What    Mailed
	Base    string // as of Form
	Email   string // filled in
	Problem Problem
	Value   int // of the text of the problem
}

// Ask draws it.
func (p *Pages) Ask(l Languages, a Ask) Page { return p.draw(l, "ask", string(a.What)+".title", a) }

// Change asks for a new address, and for username and password of the account that is to have it.
type Change struct {
	Base            string // as of Form
	Username, Email string // filled in
	Problem         Problem
	Value           int // of the text of the problem
}

// OfEmail reports whether the problem is that of the address.
func (c Change) OfEmail() bool { return c.Problem == NoAddress }

// OfPassword reports whether the problem is that of username and password.
func (c Change) OfPassword() bool { return c.Problem == WrongPassword }

// Change draws it.
func (p *Pages) Change(l Languages, c Change) Page { return p.draw(l, "change", "email.title", c) }

// Confirm asks whether an account is to have an address, and without a link for the code of the mail that was just ordered.
type Confirm struct {
	Base                 string // as of Form
	Link                 string
	Subject, Email, Code string
	Problem              Problem
	Value                int // of the text of the problem
}

// Confirm draws it.
func (p *Pages) Confirm(l Languages, c Confirm) Page { return p.draw(l, "confirm", "email.title", c) }

// Close asks for username and password of the account that its person closes. Somebody who is signed in by way of a provider has no password: they have a
// button, if the page has a Token.
type Close struct {
	Base     string // as of Form
	Username string // filled in
	Token    string // of somebody who is signed in at this browser; empty: nobody is
	Problem  Problem
	Value    int // of the text of the problem
}

// OfPassword reports whether the problem is that of username and password.
func (c Close) OfPassword() bool { return c.Problem == WrongPassword }

// Close draws it.
func (p *Pages) Close(l Languages, c Close) Page { return p.draw(l, "close", "close.title", c) }

// Keep asks whether an account is to be kept that its person has closed.
type Keep struct {
	Base string // as of Form
	Link string
}

// Keep draws it.
func (p *Pages) Keep(l Languages, k Keep) Page { return p.draw(l, "keep", "keep.title", k) }

// Choose asks for a new password, and without a link for the code of the mail that was just ordered.
type Choose struct {
	What              Mailed
	Base              string // as of Form
	Link, Email, Code string
	Problem           Problem
	Value             int // of the text of the problem
}

// OfCode reports whether the problem is that of the code, and not of the password.
func (c Choose) OfCode() bool { return c.Problem == WrongCode || c.Problem == TooManyCodes }

// Path is where the form goes.
func (c Choose) Path() string {
	switch c.What {
	case SigningUp:
		return "/signup/verify"
	case TakingBack:
		return "/email/takeback"
	}
	return "/recover/finish"
}

// Choose draws it.
func (p *Pages) Choose(l Languages, c Choose) Page {
	return p.draw(l, "choose", string(c.What)+".title", c)
}

// Chosen says that what was mailed was used.
type Chosen struct {
	What     Mailed
	Username string // empty: nobody logs in to the account with a password
}

// Chosen draws it.
func (p *Pages) Chosen(l Languages, c Chosen) Page {
	return p.draw(l, "chosen", string(c.What)+".title", c)
}

// SignOut asks whether to sign out.
type SignOut struct {
	Form
	Username string
}

// SignOut draws it.
func (p *Pages) SignOut(l Languages, s SignOut) Page { return p.draw(l, "signout", "signout.title", s) }

// SignedOut says that nobody is signed in now.
func (p *Pages) SignedOut(l Languages) Page { return p.draw(l, "signedout", "signedout.title", nil) }

// Problem names what went wrong.
type Problem string

// Problems; the texts are in the files of the languages.
const (
	WrongPassword Problem = "wrong_password"
	TooMany       Problem = "too_many"
	NoCookies     Problem = "no_cookies"      // the browser sends none back
	Stale         Problem = "stale"           // the form is old, or of another browser
	Unavailable   Problem = "unavailable"     // the table does not answer
	Internal      Problem = "internal"        // a mistake of ours
	BadRequest    Problem = "bad_request"     // of the client
	Denied        Problem = "provider_denied" // the foreign provider says no
	NotOurs       Problem = "provider_not_ours"
	ProviderFails Problem = "provider_fails"
	Disabled      Problem = "disabled" // the account of the person

	NoAddress         Problem = "no_address"
	TooManyMails      Problem = "too_many_mails" // from the network of the person
	TooManyCodes      Problem = "too_many_codes" // wrong ones, for the address
	DeadLink          Problem = "dead_link"      // the link or the code is not good, or not good any more
	WrongCode         Problem = "wrong_code"     // or not good any more
	DeadKeep          Problem = "dead_keep"      // the same
	DeadTakeBack      Problem = "dead_takeback"  // as DeadLink; there is no other mail to ask for
	AddressTaken      Problem = "address_taken"
	Closed            Problem = "closed"       // people may not do that here
	OldLogin          Problem = "old_login"    // nobody is signed in, or not since a short while ago
	HasPassword       Problem = "has_password" // which is wanted
	PasswordCharacter Problem = "password_character"

	NoDocument       Problem = "no_document"        // what an application says of itself cannot be read or used
	TooManyDocuments Problem = "too_many_documents" // the person has come from too many new applications
)

// Failed says that it cannot go on.
type Failed struct {
	Problem Problem
	Detail  string // for the developer of the client, in English; may be empty
	Trace   string // request id, for the operator
	Again   string // path and query of this service at which the request begins anew; empty: there is none
}

// Failed draws it.
func (p *Pages) Failed(l Languages, f Failed) Page { return p.draw(l, "failed", "failed.title", f) }
