package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// address is where the API is, without a slash at its end; empty when that is not known.
func (p *patient) address() string {
	if p.URL != "" {
		return strings.TrimSuffix(p.URL, "/")
	}
	return p.common("ISSUER")
}

// host is that of the issuer, or of the address where the issuer is the API's own address.
func (p *patient) host() string {
	where := p.common("ISSUER")
	if where == "" {
		where = p.address()
	}
	u, err := url.Parse(where)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (p *patient) cookieDomain(context.Context) verdict.Outcome {
	if o, none := p.noFunctions(); none {
		return o
	}
	domain, host := p.common("COOKIE_DOMAIN"), p.host()
	switch suffix, _ := publicsuffix.PublicSuffix(domain); {
	case domain == "":
		return verdict.Passed("cookies are of the host alone")
	case domain == suffix:
		return verdict.Failed("%s is a domain that everybody registers below", domain)
	case host == "":
		return verdict.Unseen("the host of the service is not known: name it with --url")
	case host != domain && !strings.HasSuffix(host, "."+domain):
		return verdict.Failed("%s is not above %s", domain, host)
	}
	return verdict.Passed("%s is above %s", domain, host)
}

// noAddress is the outcome of a look that the address of the service is needed for.
func (p *patient) noAddress() verdict.Outcome {
	if p.API == nil {
		return verdict.Unseen("%s", errOnThisMachine)
	}
	return verdict.Unseen("the address of the service is not known: name it with --url")
}

func (p *patient) issuer(ctx context.Context) verdict.Outcome {
	address := p.address()
	if address == "" {
		return p.noAddress()
	}
	if set := p.common("ISSUER"); set != "" && set != address {
		return verdict.Failed("the address is %s, and ISSUER is %s", address, set)
	}
	var document struct {
		Issuer string `json:"issuer"`
	}
	if err := p.fetch(ctx, address+"/.well-known/openid-configuration", &document); err != nil {
		return verdict.Failed("%s", err)
	}
	if document.Issuer != address {
		return verdict.Failed("%s says that its issuer is %.200q", address, document.Issuer)
	}
	return verdict.Passed("%s", address)
}

func (p *patient) keySet(ctx context.Context) verdict.Outcome {
	address := p.address()
	switch {
	case address == "":
		return p.noAddress()
	case p.keysErr != nil:
		return verdict.Unseen("the keys of the table are not known")
	}
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := p.fetch(ctx, address+"/.well-known/jwks.json", &set); err != nil {
		return verdict.Failed("%s", err)
	}
	var missing []string
	for _, k := range p.keys {
		served := slices.ContainsFunc(set.Keys, func(s struct {
			ID string `json:"kid"`
		}) bool {
			return s.ID == k.ID
		})
		if !k.IsMAC() && (k.State == keyring.Current || k.State == keyring.Next) && !served {
			missing = append(missing, fmt.Sprintf("%s (%s)", k.ID, k.State))
		}
	}
	if len(missing) > 0 {
		return verdict.Failed("%s does not serve %s", address, list(missing))
	}
	return verdict.Passed("keys: %d", len(set.Keys))
}

// maxDocument is more than any of these documents has.
const maxDocument = 256 << 10

// fetch asks nobody but the address: it follows no redirect.
func (p *patient) fetch(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	asks := *p.HTTP
	asks.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := asks.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", address, err)
	case response.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("%s is answered 503: the function may not read the table; its log says why", address)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s is answered %d", address, response.StatusCode)
	case json.Unmarshal(text, into) != nil:
		return errors.New(address + " is answered with something else than JSON")
	}
	return nil
}

func (p *patient) permissions(context.Context) verdict.Outcome {
	if p.API == nil {
		return verdict.Unseen("%s", errOnThisMachine)
	}
	if len(p.denied) > 0 {
		return verdict.Warned("they may not %s", strings.Join(p.denied, "; "))
	}
	return verdict.Passed("nothing was denied")
}

// site is what browsers take for one site: the scheme, and the domain that somebody has registered.
func site(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if registered, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && net.ParseIP(host) == nil {
		host = registered
	}
	return u.Scheme + "://" + host
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
