package endpoint

import (
	"net/url"
	"strings"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
)

// OfOurPage refuses a form that another site may have sent, with browser.ErrCrossSite. Nobody is signed in by another site's form,
// and none uses up what a visitor may ask for.
func OfOurPage(r *apigw.Request) error {
	return r.Visit(client.OfPages()).From.OneSite(r.At.Issuer, nil)
}

// BasePath is the path that the service is below, as the browser sees it; empty at the root of its host.
func BasePath(r *apigw.Request) string {
	u, err := url.Parse(r.At.Issuer)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.EscapedPath(), "/")
}
