package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// cors is the CorsConfiguration of an API.
type cors struct {
	origins, headers, methods, expose []string
	credentials                       bool
	maxAge                            string // seconds, "" for none
}

func (r *reader) readCORS(n node) (*cors, error) {
	const what = "CorsConfiguration"
	n, err := r.choose(n, what)
	if err != nil || n.kind == absent {
		return nil, err
	}
	n, err = r.mapping(n, what, "AllowOrigins", "AllowHeaders", "AllowMethods", "AllowCredentials", "ExposeHeaders", "MaxAge")
	if err != nil {
		return nil, err
	}
	c := &cors{}
	for name, list := range map[string]*[]string{
		"AllowOrigins": &c.origins, "AllowHeaders": &c.headers, "AllowMethods": &c.methods, "ExposeHeaders": &c.expose,
	} {
		if *list, err = r.texts(n.get(name), what+": "+name); err != nil {
			return nil, err
		}
		if slices.Contains(*list, "*") {
			return nil, r.errorf(n.get(name), "%s: %s: * is not supported: list what is allowed", what, name)
		}
	}
	credentials, err := r.text(n.get("AllowCredentials"), what+": AllowCredentials")
	if err != nil {
		return nil, err
	}
	c.credentials = credentials == "true"
	if c.maxAge, err = r.text(n.get("MaxAge"), what+": MaxAge"); err != nil {
		return nil, err
	}
	if _, err := strconv.ParseUint(c.maxAge, 10, 31); c.maxAge != "" && err != nil {
		return nil, r.errorf(n.get("MaxAge"), "%s: MaxAge %q: want seconds", what, c.maxAge)
	}
	return c, nil
}

// isPreflight reports whether the gateway itself answers the request (Fetch standard, CORS-preflight).
func (c *cors) isPreflight(r *http.Request) bool {
	return c != nil && r.Method == http.MethodOptions &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// allow adds the headers for the request's origin, none for an origin that is not listed.
func (c *cors) allow(header http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if c == nil || origin == "" || !slices.Contains(c.origins, origin) {
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
	if c.isPreflight(r) {
		set("Access-Control-Allow-Headers", strings.Join(c.headers, ","))
		set("Access-Control-Allow-Methods", strings.Join(c.methods, ","))
		set("Access-Control-Max-Age", c.maxAge)
		return
	}
	set("Access-Control-Expose-Headers", strings.Join(c.expose, ","))
}
