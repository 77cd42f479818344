package apigw

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// parameterNames splits the key that Serve knows a route by into API Gateway's route key and the names of the
// parameters that an address may have there: "GET /sessions?limit&cursor".
func parameterNames(key string) (route string, names []string) {
	route, list, some := strings.Cut(key, "?")
	if some {
		names = strings.Split(list, "&")
	}
	return route, names
}

// anyParameters is the list of names of a route that takes every parameter and reads the query itself, from Request.RawQuery: an
// authorization request may have parameters that nobody here knows (RFC 6749 §3.1).
const anyParameters = "*"

// readQuery reads the query of an address, and fails unless it understands all of it: if "?except=current;x" were taken for
// no query at all, it would end every session. Each parameter is one of names, is there once, and has a value.
//
// asGatewayRead is the same query as API Gateway has read it. The gateway also splits at semicolons, joins repeated parameters
// by commas, and does not document what it does with malformed escapes, so a query that it read differently is refused.
func readQuery(raw string, asGatewayRead map[string]string, names []string) (map[string]string, error) {
	parameters := map[string]string{}
	if slices.Equal(names, []string{anyParameters}) {
		return nil, nil
	}
	if raw != "" {
		for pair := range strings.SplitSeq(raw, "&") {
			name, value, err := readPair(pair)
			if err != nil {
				return nil, err
			}
			if _, twice := parameters[name]; twice || !slices.Contains(names, name) {
				return nil, unknownParameters(names)
			}
			parameters[name] = value
		}
	}
	if !maps.Equal(parameters, asGatewayRead) {
		return nil, InvalidRequest("the query of the address is ambiguous")
	}
	return parameters, nil
}

func readPair(pair string) (name, value string, err error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, nameErr := url.QueryUnescape(rawName)
	value, valueErr := url.QueryUnescape(rawValue)
	if nameErr != nil || valueErr != nil || name == "" || value == "" || strings.Contains(pair, ";") ||
		!utf8.ValidString(name) || !utf8.ValidString(value) {
		return "", "", InvalidRequest("the query of the address is malformed: want name=value, with & between and every other character escaped")
	}
	return name, value, nil
}

func unknownParameters(names []string) error {
	if len(names) == 0 {
		return InvalidRequest("the address has parameters, and this route takes none there")
	}
	return InvalidRequest("the parameters of the address: want " + strings.Join(names, ", ") + ", each at most once, and no other")
}
