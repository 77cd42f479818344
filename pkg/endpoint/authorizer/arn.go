package authorizer

import (
	"errors"
	"strings"
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

// resource is what a decision about a request may be kept for: API Gateway keeps a policy for a caller, if it is told to, and judges
// their other requests by it. So it is this very request, unless every other one would be decided alike: a pattern for the route would also
// open paths that the gateway has another route for. An ARN with a wildcard of the caller's is an error.
func (r request) resource(sameForAll bool) (string, error) {
	switch {
	case r.arn.method == connect:
		return r.arn.stage + connect, nil
	case sameForAll:
		return r.arn.stage + "*", nil
	case strings.ContainsAny(r.arn.path, "*?") || strings.Contains(r.arn.path, "${"):
		return "", errors.New("authorizer: the path has a character that an IAM policy would take for a wildcard or a variable")
	}
	return r.arn.stage + r.arn.method + "/" + r.arn.path, nil
}
