package apigw

import (
	"context"
	"encoding/base64"
	"mime"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/assertion"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Media types of request bodies.
const (
	JSON = "application/json"
	Form = "application/x-www-form-urlencoded"
)

// Decode reads the body into the struct that into points to, whose fields are named by json tags. The
// media type must be one of accepted. Duplicate members, invalid UTF-8 and anything after the JSON value
// are refused; unknown members are ignored (RFC 6749 §3.2). A form is read as the JSON object with
// the same members, all strings; members without a value count as absent.
func (r *Request) Decode(into any, accepted ...string) error {
	if _, err := r.authorization(); err != nil {
		return err
	}
	mediaType := r.mediaType()
	for _, want := range accepted {
		if mediaType != want {
			continue
		}
		body := r.body
		if mediaType == Form {
			var err error
			if body, err = formAsJSON(body); err != nil {
				return err
			}
		}
		if err := json.Unmarshal(body, into); err != nil {
			return InvalidRequest("the body is malformed: a member of the wrong type, twice, or not the JSON that it is marked as")
		}
		return nil
	}
	return unsupportedMediaType(accepted)
}

// authorization returns the header's one value; the gateway joins several with commas.
func (r *Request) authorization() (string, error) {
	header := r.Header("Authorization")
	if strings.Contains(header, ",") {
		return "", InvalidRequest("more than one Authorization value")
	}
	return header, nil
}

// mediaType returns the body's media type, "" when it is missing, malformed or in another encoding than UTF-8.
func (r *Request) mediaType() string {
	mediaType, params, err := mime.ParseMediaType(r.Header("Content-Type"))
	if charset, ok := params["charset"]; err != nil || ok && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return mediaType
}

func formAsJSON(body []byte) ([]byte, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, InvalidRequest("the form is malformed")
	}
	members := map[string]string{}
	for name, list := range values {
		if len(list) > 1 {
			return nil, InvalidRequest("a parameter is there more than once (RFC 6749 §3.2)")
		}
		if list[0] != "" {
			members[name] = list[0]
		}
	}
	encoded, err := json.Marshal(members) // fails on invalid UTF-8
	if err != nil {
		return nil, InvalidRequest("the form is not UTF-8")
	}
	return encoded, nil
}

// Client returns the client that sent the request, after checking its secret. bodyID and bodySecret are what the body says, see
// ClientCredentials. Errors also as Registry.Identify.
func (r *Request) Client(ctx context.Context, clients *client.Registry, bodyID string, bodySecret oauth.Secret) (client.Client, error) {
	id, secret, err := r.ClientCredentials(bodyID, bodySecret)
	if err != nil {
		return client.Client{}, err
	}
	return clients.Identify(ctx, id, secret)
}

// ClientParameters are those of a body by which a client says who it is (RFC 6749 §2.3.1, RFC 7521 §4.2).
type ClientParameters struct {
	ClientID      string       `json:"client_id"`
	ClientSecret  oauth.Secret `json:"client_secret"`
	AssertionType string       `json:"client_assertion_type"`
	Assertion     oauth.Secret `json:"client_assertion"`
}

// Authenticated is Client where services may also authenticate by a key of their own (RFC 7523). An assertion is good once, and at every
// endpoint whichever of them its audience is (RFC 9126 §2). Errors also as Verifier.Authenticate.
func (r *Request) Authenticated(ctx context.Context, clients *client.Registry, assertions *assertion.Verifier, in ClientParameters) (client.Client, error) {
	if in.Assertion.IsZero() && in.AssertionType == "" {
		return r.Client(ctx, clients, in.ClientID, in.ClientSecret)
	}
	header, err := r.authorization()
	scheme, _, _ := strings.Cut(header, " ")
	switch {
	case err != nil:
		return client.Client{}, err
	case strings.EqualFold(scheme, "Basic"), !in.ClientSecret.IsZero():
		return client.Client{}, InvalidRequest("a secret and an assertion: a client authenticates in one way (RFC 6749 §2.3)")
	case in.AssertionType != assertion.Type:
		return client.Client{}, InvalidRequest("client_assertion_type: want " + assertion.Type)
	case in.Assertion.IsZero():
		return client.Client{}, InvalidRequest("client_assertion is missing")
	}
	return assertions.Authenticate(ctx, in.Assertion, in.ClientID, []string{r.At.Issuer, r.At.Issuer + "/token", r.At.Issuer + "/par"})
}

// ClientCredentials returns the client that a request claims to be from, by HTTP Basic or by client_id and
// client_secret of the body (RFC 6749 §2.3.1). A request that does both must name one client, and one secret.
func (r *Request) ClientCredentials(bodyID string, bodySecret oauth.Secret) (id string, secret oauth.Secret, err error) {
	header, err := r.authorization()
	if err != nil {
		return "", oauth.Secret{}, err
	}
	scheme, credentials, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		if bodyID == "" {
			return "", oauth.Secret{}, InvalidRequest("client_id is missing")
		}
		return bodyID, bodySecret, nil
	}
	id, secret, ok := parseBasic(credentials)
	switch {
	case !ok:
		return "", oauth.Secret{}, InvalidRequest("the Basic credentials are malformed")
	case bodyID != "" && bodyID != id:
		return "", oauth.Secret{}, InvalidRequest("two different clients in header and body")
	case !bodySecret.IsZero():
		return "", oauth.Secret{}, InvalidRequest("client credentials in header and body (RFC 6749 §2.3)")
	}
	return id, secret, nil
}

// parseBasic reads id and secret, which were form-encoded before they were joined (RFC 6749 §2.3.1).
func parseBasic(credentials string) (id string, secret oauth.Secret, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimLeft(credentials, " "))
	if err != nil {
		return "", oauth.Secret{}, false
	}
	encodedID, encodedSecret, ok := strings.Cut(string(raw), ":")
	if !ok {
		return "", oauth.Secret{}, false
	}
	id, idErr := url.QueryUnescape(encodedID)
	text, secretErr := url.QueryUnescape(encodedSecret)
	return id, oauth.NewSecret(text), idErr == nil && secretErr == nil && id != ""
}

// Bearer returns the access token of an Authorization value (RFC 6750 §2.1).
func Bearer(authorization string) (oauth.Secret, bool) {
	scheme, text, ok := strings.Cut(authorization, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return oauth.Secret{}, false
	}
	return oauth.NewSecret(strings.TrimLeft(text, " ")), true
}
