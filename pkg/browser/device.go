package browser

import (
	"strings"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// deviceCookie begins the names of cookies that make a device known; then comes the client id. They outlast a logout.
const deviceCookie = "wpdv-"

func (j Jar) deviceName(v Visit) string {
	if j.Domain == "" {
		return hostPrefix + deviceCookie + v.Client.ID
	}
	return domainPrefix + deviceCookie + v.Client.ID + "~" + mark(v.Issuer)
}

// Devices returns what the device of a visit was given at earlier logins: from cookies for clients that use them, from the body for the
// others. It is no credential, so of several cookies of one name every one counts: a neighbour that sets one beside ours changes nothing.
func (j Jar) Devices(v Visit, body oauth.Secret) oauth.Secret {
	if !v.Client.UsesCookies() {
		return body
	}
	var all []string
	for _, value := range v.values(j.deviceName(v)) {
		all = append(all, value.Reveal())
	}
	return oauth.NewSecret(strings.Join(all, "."))
}
