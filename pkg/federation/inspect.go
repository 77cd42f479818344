package federation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/pkg/jwks"
)

// Grade says how bad a finding is.
type Grade string

const (
	Good    Grade = "ok"
	Warning Grade = "warn" // people can log in, less safely or with less known of them
	Bad     Grade = "fail" // nobody can log in
)

// Finding is one thing that Inspect has looked at.
type Finding struct {
	Grade Grade  `json:"grade"`
	What  string `json:"what"`
	Says  string `json:"says"`
}

// metadata are the members of a provider's metadata that matter here (OpenID Connect Discovery 1.0 §3).
type metadata struct {
	Issuer            string   `json:"issuer"`
	Authorization     string   `json:"authorization_endpoint"`
	Token             string   `json:"token_endpoint"`
	UserInfo          string   `json:"userinfo_endpoint"`
	KeySet            string   `json:"jwks_uri"`
	ResponseTypes     []string `json:"response_types_supported"`
	ResponseModes     []string `json:"response_modes_supported"`
	SigningAlgorithms []string `json:"id_token_signing_alg_values_supported"`
	ChallengeMethods  []string `json:"code_challenge_methods_supported"`
	TokenAuth         []string `json:"token_endpoint_auth_methods_supported"`
	SaysIssuer        bool     `json:"authorization_response_iss_parameter_supported"`
}

// Algorithms are those that an ID token may be signed by: asymmetric ones that a key set can hold.
var Algorithms = []string{"RS256", "ES256", "EdDSA"}

// Inspect fetches the metadata and the keys of the provider at issuer, and says of each thing that logging in needs how it is. It goes
// nowhere else, and logs nobody in.
func Inspect(ctx context.Context, client *http.Client, issuer string) []Finding {
	var f findings
	if err := CheckIssuer(issuer); err != nil {
		f.add(Bad, "issuer", err.Error())
		return f
	}
	address := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	document, err := fetchJSON(ctx, client, address)
	if err != nil {
		f.add(Bad, "metadata", fmt.Sprintf("%s: %v", address, err))
		return f
	}
	var m metadata
	if err := json.Unmarshal(document, &m); err != nil {
		f.add(Bad, "metadata", address+" is not what OpenID Connect Discovery 1.0 §3 describes: "+err.Error())
		return f
	}
	f.add(Good, "metadata", address)
	if m.Issuer == issuer {
		f.add(Good, "issuer", m.Issuer)
	} else {
		f.add(Bad, "issuer", fmt.Sprintf("the metadata say %q: register exactly that, every slash counts", m.Issuer))
	}
	f.endpoint("authorization_endpoint", m.Authorization, "nobody can be sent there")
	f.endpoint("token_endpoint", m.Token, "codes cannot be exchanged")
	f.codes(m)
	if m.UserInfo == "" {
		f.add(Warning, "userinfo_endpoint", "missing: where the ID token has no e-mail address, none is known")
	} else {
		f.endpoint("userinfo_endpoint", m.UserInfo, "")
	}
	f.algorithms(m)
	f.keys(ctx, client, m.KeySet)
	return f
}

type findings []Finding

func (f *findings) add(grade Grade, what, says string) { *f = append(*f, Finding{grade, what, says}) }

// endpoint wants an address that may be asked.
func (f *findings) endpoint(what, address, without string) bool {
	u, err := url.Parse(address)
	switch {
	case address == "":
		f.add(Bad, what, "missing: "+without)
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		f.add(Bad, what, fmt.Sprintf("%.100q is no address", address))
	case !isUnread(u):
		f.add(Bad, what, fmt.Sprintf("%.100q: want https", address))
	default:
		f.add(Good, what, address)
		return true
	}
	return false
}

// codes looks at the authorization code flow.
func (f *findings) codes(m metadata) {
	switch {
	case !slices.Contains(m.ResponseTypes, "code"):
		f.add(Bad, "response_types_supported", fmt.Sprintf("%q: code is not among them", m.ResponseTypes))
	case len(m.ResponseModes) > 0 && !slices.Contains(m.ResponseModes, "query"):
		f.add(Bad, "response_modes_supported", fmt.Sprintf("%q: query is not among them", m.ResponseModes))
	default:
		f.add(Good, "response_types_supported", "code")
	}
	if slices.Contains(m.ChallengeMethods, "S256") {
		f.add(Good, "code_challenge_methods_supported", "S256")
	} else {
		f.add(Warning, "code_challenge_methods_supported", "S256 is not among them: PKCE is sent, and perhaps not looked at (RFC 9700 §2.1.1)")
	}
	if m.SaysIssuer {
		f.add(Good, "authorization_response_iss_parameter_supported", "true")
	} else {
		f.add(Warning, "authorization_response_iss_parameter_supported",
			"not said: only its own callback address tells its answers from those of another provider (RFC 9700 §4.4)")
	}
	// Without the member it is client_secret_basic (OpenID Connect Discovery 1.0 §3).
	if len(m.TokenAuth) == 0 || slices.Contains(m.TokenAuth, "client_secret_basic") || slices.Contains(m.TokenAuth, "client_secret_post") {
		f.add(Good, "token_endpoint_auth_methods_supported", "a client secret")
	} else {
		f.add(Bad, "token_endpoint_auth_methods_supported", fmt.Sprintf("%q: want client_secret_basic or client_secret_post", m.TokenAuth))
	}
}

func (f *findings) algorithms(m metadata) {
	const what = "id_token_signing_alg_values_supported"
	usable := slices.DeleteFunc(slices.Clone(m.SigningAlgorithms), func(alg string) bool { return !slices.Contains(Algorithms, alg) })
	if len(usable) == 0 {
		f.add(Bad, what, fmt.Sprintf("%q: want one of %s", m.SigningAlgorithms, strings.Join(Algorithms, ", ")))
		return
	}
	f.add(Good, what, strings.Join(usable, " "))
}

func (f *findings) keys(ctx context.Context, client *http.Client, address string) {
	if !f.endpoint("jwks_uri", address, "no ID token can be verified") {
		return
	}
	document, err := fetchJSON(ctx, client, address)
	if err != nil {
		f.add(Bad, "keys", fmt.Sprintf("%s: %v", address, err))
		return
	}
	keys, err := jwks.Parse(document)
	if err != nil {
		f.add(Bad, "keys", fmt.Sprintf("%s: %v", address, err))
		return
	}
	f.add(Good, "keys", fmt.Sprintf("%d for signatures", len(keys)))
}
