package verify

import (
	"net/http"

	"github.com/go-json-experiment/json"
)

// Resource is what clients are told about an API, beside its address and its issuer (RFC 9728 §2). All of it is optional.
type Resource struct {
	Scopes        []string // that clients may ask for
	Name          string   // for people
	Documentation string   // address of a page for developers
}

// MetadataHandler serves the protected resource metadata of this API (RFC 9728): its Audience, which has to be the address that clients call, its Issuer,
// and r. It belongs outside of Middleware, at the address that Config.ResourceMetadata names; clients that see no challenge look for it at
// /.well-known/oauth-protected-resource followed by the path of the API. Scripts of any origin may read it.
func (v *Verifier) MetadataHandler(r Resource) http.Handler {
	v.mustBeScopes("MetadataHandler", r.Scopes)
	document, err := json.Marshal(struct {
		Resource      string   `json:"resource"`
		Servers       []string `json:"authorization_servers"`
		Scopes        []string `json:"scopes_supported,omitzero"`
		Methods       []string `json:"bearer_methods_supported"` // tokens in addresses and forms are not taken
		Name          string   `json:"resource_name,omitzero"`
		Documentation string   `json:"resource_documentation,omitzero"`
	}{v.expect.Audience, []string{v.expect.Issuer}, r.Scopes, []string{"header"}, r.Name, r.Documentation})
	if err != nil {
		panic("verify: MetadataHandler: " + err.Error()) // text that is not UTF-8
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Access-Control-Allow-Origin", "*") // it is public, and MCP clients that are pages read it
		_, _ = w.Write(document)
	})
}
