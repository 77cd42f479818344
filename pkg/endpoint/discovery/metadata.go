package discovery

import (
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// metadata has those members of RFC 8414 §2 that Wavepass serves. Addresses are absolute.
type metadata struct {
	Issuer                string              `json:"issuer"`
	AuthorizationEndpoint string              `json:"authorization_endpoint"`
	PushedEndpoint        string              `json:"pushed_authorization_request_endpoint"`          // RFC 9126 §5
	ChallengeMethods      []string            `json:"code_challenge_methods_supported"`               // RFC 7636
	AnswerSaysIssuer      bool                `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
	ResponseModes         []string            `json:"response_modes_supported"`
	TokenEndpoint         string              `json:"token_endpoint"`
	TokenAuthMethods      []string            `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms   []keyring.Algorithm `json:"token_endpoint_auth_signing_alg_values_supported"`
	GrantTypes            []string            `json:"grant_types_supported"`
	ResponseTypes         []string            `json:"response_types_supported"`
	IntrospectionEndpoint string              `json:"introspection_endpoint"`
	IntrospectionMethods  []string            `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionKeys     []keyring.Algorithm `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationEndpoint    string              `json:"revocation_endpoint"`
	RevocationAuthMethods []string            `json:"revocation_endpoint_auth_methods_supported"`
	RevocationKeys        []keyring.Algorithm `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	JWKSURI               string              `json:"jwks_uri"`
	TakesDocuments        bool                `json:"client_id_metadata_document_supported,omitzero"` // draft-ietf-oauth-client-id-metadata-document
}

// openIDMetadata adds members of OpenID Connect Discovery 1.0 §3.
type openIDMetadata struct {
	metadata
	UserinfoEndpoint string   `json:"userinfo_endpoint"`
	EndSession       string   `json:"end_session_endpoint"` // OpenID Connect RP-Initiated Logout 1.0 §2.1
	SubjectTypes     []string `json:"subject_types_supported"`
	RequestURI       bool     `json:"request_uri_parameter_supported"` // absent means yes; those of pushed requests are meant by the member above
	Scopes           []string `json:"scopes_supported"`                // those with a meaning of their own here
	Prompts          []string `json:"prompt_values_supported"`         // OpenID Connect Prompt Create 1.0 §4.2
	Claims           []string `json:"claims_supported"`                // of ID tokens
	ClaimsParameter  bool     `json:"claims_parameter_supported"`

	// IDTokenAlgorithms are those of the published keys. Libraries allow these algorithms for access tokens too: see ADR 0033.
	IDTokenAlgorithms []keyring.Algorithm `json:"id_token_signing_alg_values_supported"`

	IntrospectionAlgorithms []keyring.Algorithm `json:"introspection_signing_alg_values_supported"` // RFC 9701 §7
}

// How a client authenticates (RFC 7591 §2).
const (
	authNone  = "none" // a public client, which has no secret
	authBasic = "client_secret_basic"
	authPost  = "client_secret_post"
	authKey   = "private_key_jwt"
)

// describe returns the metadata of an issuer. takesDocuments says that a client id may be the address of a document.
func describe(issuer string, takesDocuments bool) metadata {
	algorithms := []keyring.Algorithm{keyring.ES256, keyring.EdDSA, keyring.RS256} // of the keys that clients register
	return metadata{
		Issuer:                issuer,
		AuthorizationEndpoint: issuer + "/authorize",
		PushedEndpoint:        issuer + "/par",
		ChallengeMethods:      []string{"S256"},
		AnswerSaysIssuer:      true,
		ResponseModes:         []string{"query"},
		TokenEndpoint:         issuer + "/token",
		TokenAuthMethods:      []string{authNone, authBasic, authPost, authKey},
		TokenAuthAlgorithms:   algorithms,
		GrantTypes:            []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
		ResponseTypes:         []string{"code"},
		IntrospectionEndpoint: issuer + "/introspect",
		IntrospectionMethods:  []string{authBasic, authPost, authKey},
		IntrospectionKeys:     algorithms,
		RevocationEndpoint:    issuer + "/revoke",
		RevocationAuthMethods: []string{authNone, authBasic, authPost, authKey},
		RevocationKeys:        algorithms,
		JWKSURI:               issuer + "/.well-known/jwks.json",
		TakesDocuments:        takesDocuments,
	}
}

func describeOpenID(issuer string, takesDocuments bool, algorithms []keyring.Algorithm) openIDMetadata {
	return openIDMetadata{
		metadata:          describe(issuer, takesDocuments),
		UserinfoEndpoint:  issuer + "/userinfo",
		EndSession:        issuer + "/signout",
		SubjectTypes:      []string{"public"}, // every client sees the same sub
		Scopes:            []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAccount},
		Prompts:           []string{"none", "login", "consent", "select_account"},
		Claims:            []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "amr", "sid", "at_hash", "email", "email_verified"},
		IDTokenAlgorithms: algorithms,

		IntrospectionAlgorithms: algorithms,
	}
}
