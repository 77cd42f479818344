package authorizer_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/policy/policyfile"
)

// Random APIs under random policies: whichever request comes first, its kept answer opens no request that would not have come through
// by itself. API Gateway keeps an answer for the caller's token and the stage, whatever the route is.
func TestKeptAnswersOfRandomAPIsOpenNoOtherRequest(t *testing.T) {
	seed := rand.Uint64()
	m := randomAPI{guarded: newGuarded(t, "unlisted: deny\nroutes: {}\n"), Rand: rand.New(rand.NewPCG(seed, 0))}
	shared, kept := 0, 0 // answers that open a second request, and all that open one
	for i := range 250 {
		m.id, m.routes = fmt.Sprintf("api%d", i), m.someRoutes(7)
		file := m.policy()
		if _, err := policyfile.Read([]byte(file)); err != nil {
			continue // such as two lines for one route
		}
		m.putFile(m.id, file)
		requests := m.requests(10)
		for _, shape := range []string{"rest", "rest-token", "http-1.0"} {
			alone := make([]reply, len(requests))
			for j, r := range requests {
				alone[j] = m.ask(shape, r)
			}
			for j, first := range alone {
				for k, second := range alone {
					if first.status != 200 || j == k || !allows(first.document, m.arn(requests[k])) {
						continue
					}
					shared++
					if second.status != 200 {
						t.Fatalf("seed %d, API %d, %s: the kept answer to %v opens %v, which is answered %d by itself\nroutes %q\n%s\n%v",
							seed, i, shape, requests[j], requests[k], second.status, m.routes, file, first.document)
					}
				}
				if first.status == 200 {
					kept++
				}
			}
		}
	}
	if kept < 300 || shared < 100 {
		t.Errorf("seed %d: %d answers were kept, %d times one opened another request: hardly anything was tried", seed, kept, shared)
	}
}

// randomAPI is an API of random routes.
type randomAPI struct {
	guarded
	*rand.Rand
	id     string
	routes []string
}

// call is a request as the gateway sees it.
type call struct{ route, method, path string }

func oneOf[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// someRoutes are up to n routes. Few segments are enough for routes that overlap in every way.
func (m randomAPI) someRoutes(n int) (routes []string) {
	for range 1 + m.IntN(n) {
		path := ""
		for depth := range 1 + m.IntN(4) {
			segment := oneOf(m.Rand, "a", "b", "A", fmt.Sprintf("{x%d}", depth), fmt.Sprintf("{x%d}", depth), "{rest+}")
			path += "/" + segment
			if segment == "{rest+}" {
				break
			}
		}
		routes = append(routes, oneOf(m.Rand, "GET ", "GET ", "POST ", "ANY ")+path)
	}
	slices.Sort(routes)
	return slices.Compact(routes)
}

// policy names some of the API's routes and some that it does not have, or none.
func (m randomAPI) policy() string {
	if m.IntN(6) == 0 {
		return "unlisted: " + oneOf(m.Rand, "deny", "allow") + "\nroutes: {}\n"
	}
	file := "unlisted: " + oneOf(m.Rand, "deny", "deny", "allow") + "\nroutes:\n"
	lines := slices.Concat(m.routes, m.someRoutes(3))
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		if m.IntN(5) > 0 {
			file += "  " + line + ": " + oneOf(m.Rand, "{}", "{}", "{ roles: [admin] }") + "\n"
		}
	}
	return file
}

// requests are some that the gateway has a route for.
func (m randomAPI) requests(n int) (requests []call) {
	for range 4 * n {
		r := call{method: oneOf(m.Rand, "GET", "GET", "HEAD", "POST")}
		for range 1 + m.IntN(4) {
			r.path += "/" + oneOf(m.Rand, "a", "b", "A", "c", "*", "?", "a*", "*b", "?*", "${x}", "%2F", "a.b")
		}
		r.path += oneOf(m.Rand, "", "", "", "", "/")
		if r.route = m.routeOf(r); r.route != "" && !slices.Contains(requests, r) && len(requests) < n {
			requests = append(requests, r)
		}
	}
	return requests
}

// routeOf is the route that the gateway chooses: literals before parameters before greedy ones, a method before ANY.
func (m randomAPI) routeOf(r call) (best string) {
	bestRank := ""
	for _, route := range m.routes {
		method, pattern, _ := strings.Cut(route, " ")
		rank, matches := rankOf(strings.Split(pattern, "/")[1:], strings.Split(r.path, "/")[1:])
		if method != "ANY" {
			rank += "1"
		}
		if matches && (method == "ANY" || method == r.method) && rank > bestRank {
			best, bestRank = route, rank
		}
	}
	return best
}

// rankOf reports whether a path is one of a route, and how specific the route is, segment by segment.
func rankOf(pattern, path []string) (rank string, matches bool) {
	for i, segment := range pattern {
		switch {
		case i >= len(path):
			return "", false
		case segment == "{rest+}":
			return rank + "1", true
		case strings.HasPrefix(segment, "{") && path[i] != "":
			rank += "2"
		case segment == path[i]:
			rank += "3"
		default:
			return "", false
		}
	}
	return rank, len(pattern) == len(path)
}

func (m randomAPI) arn(r call) string {
	return "arn:aws:execute-api:eu-central-1:123456789012:" + m.id + "/prod/" + r.method + r.path
}

// ask sends the request as an event of a shape.
func (m randomAPI) ask(shape string, r call) reply {
	m.t.Helper()
	replacements := []string{"prod/GET/orders/7", "prod/" + r.method + r.path}
	if shape != "rest-token" {
		_, resource, _ := strings.Cut(r.route, " ")
		replacements = append(replacements, `"resource": "/orders/{id}"`, `"resource": "`+resource+`"`, `/orders/7"`, r.path+`"`,
			`"httpMethod": "GET"`, `"httpMethod": "`+r.method+`"`, `{ "id": "7" }`, parameters(resource, r.path))
	}
	return m.event(shape, append(replacements, "abc123", m.id)...)
}

// parameters are what the gateway reads out of the path.
func parameters(resource, path string) string {
	values, segments := map[string]string{}, strings.Split(path, "/")
	for i, name := range strings.Split(resource, "/") {
		switch {
		case name == "{rest+}":
			values["rest"] = strings.Join(segments[i:], "/")
		case strings.HasPrefix(name, "{"):
			values[strings.Trim(name, "{}")] = segments[i]
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		panic(err) // a map of strings
	}
	return string(text)
}
