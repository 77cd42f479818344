package authorizer

import (
	"errors"
	"strings"

	"github.com/wavepass/wavepass/pkg/policy"
)

// methodARN is the address of a method, as events have it and IAM policies name it:
// arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH. All but the path is the deployment's.
type methodARN struct {
	stage  string // everything up to the slash after the stage
	apiID  string
	method string // of a WebSocket the route
	path   string // the caller's, without the slash before it
}

func parseARN(text string) (methodARN, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "execute-api" {
		return methodARN{}, errBadARN
	}
	rest := strings.SplitN(parts[5], "/", 4)
	if len(rest) < 3 {
		return methodARN{}, errBadARN
	}
	a := methodARN{apiID: rest[0], method: rest[2]}
	if len(rest) == 4 {
		a.path = rest[3]
	}
	a.stage = text[:len(text)-len(strings.Join(rest[2:], "/"))]
	fixed := []string{parts[1], parts[3], parts[4], rest[0]}
	if rest[1] != defaultRoute { // which is the name of a stage, too
		fixed = append(fixed, rest[1])
	}
	if a.method != connect {
		fixed = append(fixed, a.method)
	}
	for _, part := range fixed { // a policy would read a star as a wildcard
		if part == "" || strings.ContainsFunc(part, isNoNameRune) {
			return methodARN{}, errBadARN
		}
	}
	return a, nil
}

var errBadARN = errors.New("authorizer: methodArn is not the ARN of a method of an API")

func isNoNameRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// resources are what a decision about a request may be kept for: API Gateway keeps a policy for a caller, if it is told to, and judges
// their other requests by it. Nothing in them is the caller's but what cannot be read as a wildcard.
//
// All that allow names is decided alike, except what deny names, which is empty where that is nothing.
func (r request) resources(reach policy.Reach) (allow, deny string, err error) {
	switch {
	case r.arn.method == connect:
		return r.arn.stage + connect, "", nil
	case reach == policy.ReachAPI:
		return r.arn.stage + "*", "", nil
	case reach == policy.ReachRoute:
		if path, deeper, ok := wildcards(r.ask.Route); ok {
			allow = r.arn.stage + r.arn.method + path
			if deeper != "" {
				deny = r.arn.stage + r.arn.method + deeper
			}
			return allow, deny, nil
		}
	}
	if strings.ContainsAny(r.arn.path, "*?$") {
		return "", "", errors.New("authorizer: the path has a character that an IAM policy would take for a wildcard or a variable")
	}
	return r.arn.stage + r.arn.method + "/" + r.arn.path, "", nil
}

// wildcards turns the path of a route into the pattern of an IAM policy, whose stars stand for slashes too. A parameter is at least one
// character (?*). What has more slashes than the route is of another, and is matched by deeper. The two cannot say what a route with a greedy
// parameter behind another one is: not ok.
func wildcards(route string) (path, deeper string, ok bool) {
	_, path, _ = strings.Cut(route, " ")
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	parameters, greedy := 0, false
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			parameters++
			greedy = greedy || strings.HasSuffix(s, "+}")
			segments[i] = "?*"
		}
	}
	switch {
	case greedy && parameters > 1:
		return "", "", false
	case parameters > 0 && !greedy:
		deeper = strings.Repeat("/*", len(segments)+1)
	}
	return "/" + strings.Join(segments, "/"), deeper, true
}
