package metadata

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/client"
)

const (
	minFresh     = 5 * time.Minute
	defaultFresh = time.Hour // without a word of the host
	maxFresh     = 24 * time.Hour
	maxName      = 64 // characters of a client_name
)

// Document is what counts of a good document.
type Document struct {
	ID        string
	Name      string // what the client calls itself
	Redirects []string
}

// members are those of RFC 7591 §2 that mean something here.
type members struct {
	ID            string         `json:"client_id"`
	Name          string         `json:"client_name"`
	Redirects     []string       `json:"redirect_uris"`
	AuthMethod    *string        `json:"token_endpoint_auth_method"`
	GrantTypes    []string       `json:"grant_types"`
	ResponseTypes []string       `json:"response_types"`
	Secret        jsontext.Value `json:"client_secret"`
}

// Parse reads the document that was found at id. Errors: *Error.
func Parse(id string, body []byte) (Document, error) {
	var m members
	if err := json.Unmarshal(body, &m); err != nil {
		return Document{}, refuse("the document is no JSON object of the members of RFC 7591, or has one of them twice")
	}
	switch {
	case m.ID != id:
		return Document{}, refuse("client_id in the document is not the address that it was found at")
	case m.Secret != nil:
		return Document{}, refuse("the document has a client_secret, which everybody can read")
	case m.AuthMethod != nil && *m.AuthMethod != "none":
		return Document{}, refuse("token_endpoint_auth_method: want none")
	case m.GrantTypes != nil && !slices.Contains(m.GrantTypes, "authorization_code"):
		return Document{}, refuse("grant_types: want authorization_code among them")
	case m.ResponseTypes != nil && !slices.Contains(m.ResponseTypes, "code"):
		return Document{}, refuse("response_types: want code among them")
	case len(m.Redirects) == 0:
		return Document{}, refuse("redirect_uris: want one at least")
	case !isName(m.Name):
		return Document{}, refuse("client_name: want at most %d characters that can be seen", maxName)
	}
	d := Document{ID: id, Name: m.Name, Redirects: m.Redirects}
	if err := d.client().Check(); err != nil {
		return Document{}, refuse("%s", strings.TrimPrefix(err.Error(), "client "+id+": "))
	}
	return d, nil
}

// isName takes what is shown as it is: no controls, nothing that turns the direction of the text, and no blanks that pretend to be an end.
func isName(name string) bool {
	return utf8.RuneCountInString(name) <= maxName && strings.TrimSpace(name) == name && !strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) })
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// client is what every document makes: a public client of a third party.
func (d Document) client() client.Client {
	c := client.New(d.ID, client.Native)
	c.FirstParty, c.Consent, c.Roles = false, true, client.RolesLookup // roles of the operator's are none of its business
	c.Redirects = d.Redirects
	c.Document = client.Document{Name: d.Name, Fetched: time.Unix(1, 0)}
	return c
}

// Times say when a document was read, until when it need not be read again, and until when the client is kept.
type Times struct{ Fetched, FreshUntil, KeptUntil time.Time }

// Client returns the client that the document defines, in place of before, which is zero or what was known under its id. It is kept at least as long
// as before is, and sessions that were over for before are over for it.
func (d Document) Client(before client.Client, t Times) client.Client {
	c := d.client()
	at := func(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
	c.Document = client.Document{Name: d.Name, Fetched: at(t.Fetched), FreshUntil: at(t.FreshUntil), KeptUntil: at(t.KeptUntil)}
	if before.Document.KeptUntil.After(c.Document.KeptUntil) {
		c.Document.KeptUntil = before.Document.KeptUntil
	}
	if c.Since = before.Since; c.Since.IsZero() {
		c.Since = c.Document.Fetched
	}
	c.Revision = before.Revision + 1
	return c
}

// freshFor is how long a document may be used as its host says (RFC 9111 §5.2.2.1), within bounds.
func freshFor(h http.Header) time.Duration {
	age := defaultFresh
	for _, header := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
			switch name {
			case "no-store", "no-cache":
				return minFresh
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
				if err != nil {
					return minFresh
				}
				age = time.Duration(seconds) * time.Second
			}
		}
	}
	return min(max(age, minFresh), maxFresh)
}
