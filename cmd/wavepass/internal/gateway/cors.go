package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wavepass/wavepass/internal/samtemplate"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// cors is the CorsConfiguration of an API.
type cors struct {
	origins, headers, methods, expose []string
	credentials                       bool
	maxAge                            string // seconds, "" for none
}

func (r *reader) readCORS(n samtemplate.Node) (*cors, error) {
	const what = "CorsConfiguration"
	n, err := r.Choose(n, what)
	if err != nil || n.Kind == samtemplate.Absent {
		return nil, err
	}
	n, err = r.Mapping(n, what, "AllowOrigins", "AllowHeaders", "AllowMethods", "AllowCredentials", "ExposeHeaders", "MaxAge")
	if err != nil {
		return nil, err
	}
	c := &cors{}
	for name, list := range map[string]*[]string{
		"AllowOrigins": &c.origins, "AllowHeaders": &c.headers, "AllowMethods": &c.methods, "ExposeHeaders": &c.expose,
	} {
		if *list, err = r.Texts(n.Get(name), what+": "+name); err != nil {
			return nil, err
		}
		if slices.Contains(*list, "*") {
			return nil, r.Errorf(n.Get(name), "%s: %s: * is not supported: list what is allowed", what, name)
		}
	}
	for _, origin := range c.origins {
		if err := oauth.CheckOrigin(origin); err != nil {
			return nil, r.Errorf(n.Get("AllowOrigins"), "%s: AllowOrigins: %v", what, err)
		}
	}
	for i, header := range c.headers {
		c.headers[i] = strings.ToLower(header)
	}
	credentials, err := r.Text(n.Get("AllowCredentials"), what+": AllowCredentials")
	if err != nil {
		return nil, err
	}
	c.credentials = credentials == "true"
	if c.maxAge, err = r.Text(n.Get("MaxAge"), what+": MaxAge"); err != nil {
		return nil, err
	}
	if _, err := strconv.ParseUint(c.maxAge, 10, 31); c.maxAge != "" && err != nil {
		return nil, r.Errorf(n.Get("MaxAge"), "%s: MaxAge %q: want seconds", what, c.maxAge)
	}
	return c, nil
}

// isPreflight reports whether a browser asks what a request may be (Fetch standard, CORS-preflight).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// addHeaders adds the CORS headers for the request's origin. An origin that is not listed gets none, nor does a
// preflight for a method or a header that is not. Every answer says that it depends on the origin, also one that
// has no CORS headers: a cache would hand it to a page that needs them.
func (c *cors) addHeaders(header http.Header, r *http.Request) {
	if c == nil {
		return
	}
	header.Set("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(c.origins, origin) || isPreflight(r) && !c.allows(r) {
		return
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if c.credentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	set := func(name, value string) {
		if value != "" {
			header.Set(name, value)
		}
	}
	if isPreflight(r) {
		set("Access-Control-Allow-Headers", strings.Join(c.headers, ","))
		set("Access-Control-Allow-Methods", strings.Join(c.methods, ","))
		set("Access-Control-Max-Age", c.maxAge)
		return
	}
	set("Access-Control-Expose-Headers", strings.Join(c.expose, ","))
}

// allows reports whether the method and every header that a preflight asks for are listed.
func (c *cors) allows(preflight *http.Request) bool {
	for name := range strings.SplitSeq(strings.Join(preflight.Header.Values("Access-Control-Request-Headers"), ","), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" && !slices.Contains(c.headers, name) {
			return false
		}
	}
	return slices.Contains(c.methods, preflight.Header.Get("Access-Control-Request-Method"))
}

// setVary keeps Origin in the Vary header when a function sets one of its own.
func (c *cors) setVary(header http.Header, value string) {
	if c != nil && !slices.ContainsFunc(strings.Split(value, ","), func(name string) bool {
		return strings.EqualFold(strings.TrimSpace(name), "Origin")
	}) {
		value = "Origin, " + value
	}
	header.Set("Vary", value)
}
