package check

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

// What anybody sees: TLS, headers, metadata and keys.

func usesTLS(e *evidence) verdict.Outcome {
	switch {
	case e.secure:
		return verdict.Passed("https")
	case e.loopback:
		return verdict.Warned("http, on this machine: what is deployed needs https")
	}
	return verdict.Failed("http: everybody on the way reads passwords and tokens")
}

func speaksNewTLS(e *evidence) verdict.Outcome {
	switch {
	case e.oldTLS == nil:
		return verdict.Unseen("no https")
	case *e.oldTLS:
		return verdict.Failed("TLS 1.1 or older is accepted")
	}
	return verdict.Passed("TLS 1.2 or newer")
}

var maxAge = regexp.MustCompile(`(?i)max-age="?(\d+)`)

func ageOf(header string) (time.Duration, bool) {
	found := maxAge.FindStringSubmatch(header)
	if found == nil {
		return 0, false
	}
	seconds, err := strconv.ParseInt(found[1], 10, 32)
	return time.Duration(seconds) * time.Second, err == nil
}

func hasHSTS(e *evidence) verdict.Outcome {
	if !e.secure {
		return verdict.Unseen("no https")
	}
	seen := e.home
	if e.login != nil {
		seen = *e.login
	}
	header := seen.header.Get("Strict-Transport-Security")
	age, ok := ageOf(header)
	switch {
	case header == "" || !ok || age == 0:
		return verdict.Failed("no Strict-Transport-Security")
	case age < year:
		return verdict.Warned("%s: want a year", days(age))
	case !strings.Contains(strings.ToLower(header), "includesubdomains"):
		return verdict.Warned("without includeSubDomains")
	}
	return verdict.Passed("%s", header)
}

func hasNoSniff(e *evidence) verdict.Outcome {
	seen, of := e.home, "the front page"
	if e.login != nil {
		seen, of = *e.login, "the login"
	}
	if strings.EqualFold(seen.header.Get("X-Content-Type-Options"), "nosniff") {
		return verdict.Passed("%s has it", of)
	}
	return verdict.Warned("%s has no X-Content-Type-Options: nosniff", of)
}

// documents judges each of the published documents, and returns the worst.
func documents(judge func(*evidence, document) verdict.Outcome) func(*evidence) verdict.Outcome {
	return func(e *evidence) verdict.Outcome {
		var there []document
		for _, d := range []document{e.oauth, e.openID} {
			if d != nil {
				there = append(there, d)
			}
		}
		if len(there) == 0 {
			return verdict.Unseen("no metadata is published")
		}
		return worst(there, func(d document) verdict.Outcome { return judge(e, d) })
	}
}

func issuerIsHere(e *evidence, d document) verdict.Outcome {
	issuer := d.text("issuer")
	if issuer == "" {
		return verdict.Failed("no issuer")
	}
	scheme, rest, _ := strings.Cut(issuer, "://")
	host, _, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(host, ":")
	switch {
	case scheme == "https" && name == e.host, !e.secure && name == e.host, e.loopback && isLoopback(name):
		return verdict.Passed("the issuer is this host")
	}
	return verdict.Failed("the issuer is %s: clients have to refuse a document of another host", issuer)
}

// endpoints are the addresses in a document, by the member's name.
func (d document) endpoints() map[string]string {
	found := map[string]string{}
	for name := range d {
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			found[name] = d.text(name)
		}
	}
	return found
}

func endpointsUseTLS(e *evidence, d document) verdict.Outcome {
	if !e.secure && e.loopback {
		return verdict.Unseen("no https")
	}
	for name, address := range d.endpoints() {
		if strings.HasPrefix(address, "http://") {
			return verdict.Failed("%s is %s", name, address)
		}
	}
	return verdict.Passed("each address is https")
}

func documentsAgree(e *evidence) verdict.Outcome {
	if e.oauth == nil || e.openID == nil {
		return verdict.Unseen("not both of the documents are published")
	}
	for name, there := range e.oauth.endpoints() {
		if other := e.openID.text(name); other != "" && other != there {
			return verdict.Failed("%s differs in the two documents", name)
		}
	}
	if e.oauth.text("issuer") != e.openID.text("issuer") {
		return verdict.Failed("issuer differs in the two documents")
	}
	return verdict.Passed("they name the same issuer and addresses")
}

func grantsAreNew(_ *evidence, d document) verdict.Outcome {
	if slices.Contains(d.list("grant_types_supported"), "password") {
		return verdict.Failed("the grant password is offered")
	}
	for _, one := range d.list("response_types_supported") {
		if slices.Contains(strings.Fields(one), "token") {
			return verdict.Failed("the response type %q sends access tokens through the address bar", one)
		}
	}
	return verdict.Passed("neither password nor implicit")
}

func pkceIsOffered(_ *evidence, d document) verdict.Outcome {
	if d.text("authorization_endpoint") == "" {
		return verdict.Unseen("no authorization endpoint")
	}
	methods := d.list("code_challenge_methods_supported")
	switch {
	case slices.Contains(methods, "plain"):
		return verdict.Failed("plain is accepted")
	case !slices.Contains(methods, "S256"):
		return verdict.Warned("S256 is not listed")
	}
	return verdict.Passed("S256 alone")
}

func algorithmsAreListed(_ *evidence, d document) verdict.Outcome {
	for _, member := range []string{"id_token_signing_alg_values_supported", "token_endpoint_auth_signing_alg_values_supported", "userinfo_signing_alg_values_supported"} {
		if slices.Contains(d.list(member), "none") {
			return verdict.Failed("%s has none", member)
		}
	}
	return verdict.Passed("none is not offered")
}

// ofKeys judges each published key.
func ofKeys(rule func(key map[string]any) verdict.Outcome) func(*evidence) verdict.Outcome {
	return func(e *evidence) verdict.Outcome {
		switch {
		case e.keys == nil:
			return verdict.Unseen("no key set was found")
		case len(e.keys.keys) == 0:
			return verdict.Unseen("the key set is empty")
		}
		return worst(e.keys.keys, rule)
	}
}

func keyIsPublic(key map[string]any) verdict.Outcome {
	for _, name := range privateMembers {
		if _, there := key[name]; there {
			return verdict.Failed("a key has the private member %q: everybody can sign tokens. Replace it now", name)
		}
	}
	return verdict.Passed("public members alone")
}

var goodAlgorithms = []string{"ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}

func keyAlgorithm(key map[string]any) verdict.Outcome {
	alg, _ := key["alg"].(string)
	use, _ := key["use"].(string)
	switch {
	case key["kty"] == "oct":
		return verdict.Failed("a key is symmetric: who verifies with it can sign")
	case use == "enc":
		return verdict.Passed("for encryption")
	case alg == "":
		return verdict.Warned("a key does not say its algorithm")
	case !slices.Contains(goodAlgorithms, alg):
		return verdict.Failed("a key is for %s", alg)
	}
	return verdict.Passed("asymmetric, with its algorithm")
}

func keySize(key map[string]any) verdict.Outcome {
	size := bits(key)
	switch {
	case key["kty"] == "RSA" && size < 2048:
		return verdict.Failed("an RSA key has %d bits", size)
	case key["kty"] == "RSA":
		return verdict.Passed("RSA of %d bits (3072 have the strength of the others)", size)
	case (key["kty"] == "EC" || key["kty"] == "OKP") && size == 0:
		return verdict.Warned("a key is on a curve that is not known here")
	}
	return verdict.Passed("large enough")
}

func keyIDs(e *evidence) verdict.Outcome {
	if e.keys == nil {
		return verdict.Unseen("no key set was found")
	}
	seen := map[string]bool{}
	for _, id := range e.keys.ids() {
		switch {
		case id == "":
			return verdict.Warned("a key has no kid")
		case seen[id]:
			return verdict.Failed("two keys have one kid")
		}
		seen[id] = true
	}
	return verdict.Passed("each key has its own")
}

// longestAge is how long a key set may be kept: a new key must be known before it signs, and a revoked one forgotten.
const longestAge = 24 * time.Hour

func keysOverlap(e *evidence) verdict.Outcome {
	if e.keys == nil {
		return verdict.Unseen("no key set was found")
	}
	age, _ := ageOf(e.keysAge)
	switch {
	case age > longestAge:
		return verdict.Failed("caches keep the keys for %s: a key that is revoked is trusted for as long", days(age))
	case len(e.keys.keys) < 2:
		return verdict.Unseen("one key: whether the next is published before it signs shows when it is rotated")
	}
	return verdict.Passed("keys: %d, kept for %s", len(e.keys.keys), days(age))
}

// cached reports what a cache may do with an answer.
func cached(h http.Header) verdict.Outcome {
	control := strings.ToLower(h.Get("Cache-Control"))
	switch {
	case strings.Contains(control, "no-store"):
		return verdict.Passed("no-store")
	case strings.Contains(control, "public"), strings.Contains(control, "s-maxage"):
		return verdict.Failed("Cache-Control %q: caches on the way may keep it", control)
	case strings.Contains(control, "private"), strings.Contains(control, "no-cache"):
		return verdict.Warned("Cache-Control %q: the browser keeps it on its disk", control)
	case control == "":
		return verdict.Warned("no Cache-Control")
	}
	return verdict.Failed("Cache-Control %q", control)
}
