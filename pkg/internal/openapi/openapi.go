// Package openapi reads docs/openapi.yaml for tests, and judges answers of the service by it: routes, statuses, headers, media types and
// error codes. Bodies are judged by the tool that the interop tests run.
package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Document is what the service answers, by route as in "POST /login".
type Document map[string]Operation

// Operation is what one route answers, by status.
type Operation map[int]Answer

// Answer is what an answer has.
type Answer struct {
	Media   map[string]bool // media types; empty: no body
	Codes   []string        // error codes of a JSON body; empty: it is no error
	Headers map[string]bool // those that it may have, besides Content-Type; true: it must
}

// Read returns docs/openapi.yaml of this repository. A test's folder is below it.
var Read = sync.OnceValues(func() (Document, error) {
	folder, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		text, err := os.ReadFile(filepath.Join(folder, "docs", "openapi.yaml"))
		if err == nil {
			return Parse(text)
		}
		parent := filepath.Dir(folder)
		if parent == folder || !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		folder = parent
	}
})

// Parse reads a document. What is behind every reference has to be there.
func Parse(text []byte) (Document, error) {
	var root map[string]any
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	paths, _ := root["paths"].(map[string]any)
	document := Document{}
	for path, methods := range paths {
		operations, _ := methods.(map[string]any)
		for method, described := range operations {
			route := strings.ToUpper(method) + " " + path
			d, err := resolve(root, described, nil)
			if err != nil {
				return nil, fmt.Errorf("openapi: %s: %w", route, err)
			}
			if document[route], err = operation(d); err != nil {
				return nil, fmt.Errorf("openapi: %s: %w", route, err)
			}
		}
	}
	return document, nil
}

// resolve puts what references name in their place.
func resolve(root map[string]any, node any, inside []string) (any, error) {
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			if slices.Contains(inside, ref) {
				return nil, fmt.Errorf("%s leads to itself", ref)
			}
			target := any(root)
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				members, _ := target.(map[string]any)
				if target, ok = members[part]; !ok {
					return nil, fmt.Errorf("%s is not there", ref)
				}
			}
			return resolve(root, target, append(slices.Clone(inside), ref))
		}
		out := make(map[string]any, len(node))
		for name, value := range node {
			var err error
			if out[name], err = resolve(root, value, inside); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(node))
		for i, value := range node {
			var err error
			if out[i], err = resolve(root, value, inside); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return node, nil
}

func members(node any, name string) map[string]any {
	object, _ := node.(map[string]any)
	value, _ := object[name].(map[string]any)
	return value
}

func operation(described any) (Operation, error) {
	out := Operation{}
	for status, response := range members(described, "responses") {
		n, err := strconv.Atoi(status)
		if err != nil {
			return nil, fmt.Errorf("status %q: want a number", status)
		}
		a := Answer{Media: map[string]bool{}, Headers: map[string]bool{}}
		for name, header := range members(response, "headers") {
			required, _ := header.(map[string]any)["required"].(bool)
			a.Headers[http.CanonicalHeaderKey(name)] = required
		}
		for media, content := range members(response, "content") {
			bare, _, err := mime.ParseMediaType(media)
			if err != nil {
				return nil, fmt.Errorf("status %d: media type %q: %w", n, media, err)
			}
			a.Media[bare] = true
			a.Codes = append(a.Codes, codes(members(content, "schema"))...)
		}
		out[n] = a
	}
	return out, nil
}

// codes are the values that a schema lets `error` have.
func codes(schema map[string]any) (found []string) {
	for _, value := range list(members(members(schema, "properties"), "error")["enum"]) {
		found = append(found, fmt.Sprint(value))
	}
	for _, word := range []string{"allOf", "anyOf"} {
		for _, part := range list(schema[word]) {
			if s, ok := part.(map[string]any); ok {
				found = append(found, codes(s)...)
			}
		}
	}
	return found
}

func list(node any) []any {
	l, _ := node.([]any)
	return l
}

// RouteOf is how the document writes a route key of the gateway.
func RouteOf(key string) string { return strings.ReplaceAll(key, "+}", "}") }

// Judge returns what is wrong with an answer. Headers have one value each.
func (d Document) Judge(route string, status int, headers map[string]string, cookies bool, body string) error {
	operation, ok := d[RouteOf(route)]
	if !ok {
		return errors.New("docs/openapi.yaml does not have this route")
	}
	a, ok := operation[status]
	if !ok {
		return fmt.Errorf("docs/openapi.yaml has no status %d at this route", status)
	}
	var wrong []error
	seen := map[string]bool{"Content-Type": true, "Set-Cookie": cookies}
	for name := range headers {
		seen[http.CanonicalHeaderKey(name)] = true
	}
	for name, has := range seen {
		if _, may := a.Headers[name]; has && !may && name != "Content-Type" {
			wrong = append(wrong, fmt.Errorf("docs/openapi.yaml has no header %s at status %d", name, status))
		}
	}
	for name, must := range a.Headers {
		if must && !seen[name] {
			wrong = append(wrong, fmt.Errorf("header %s is missing, which docs/openapi.yaml has at status %d", name, status))
		}
	}
	return errors.Join(append(wrong, a.judgeBody(status, headers["Content-Type"], body))...)
}

func (a Answer) judgeBody(status int, contentType, body string) error {
	if body == "" {
		if len(a.Media) > 0 {
			return fmt.Errorf("docs/openapi.yaml has a body at status %d, and there is none", status)
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || !a.Media[media] {
		return fmt.Errorf("docs/openapi.yaml has no body of type %q at status %d", contentType, status)
	}
	var said struct {
		Error string `json:"error"`
	}
	if media == "application/json" && status >= 400 && json.Unmarshal([]byte(body), &said) == nil && said.Error != "" && !slices.Contains(a.Codes, said.Error) {
		return fmt.Errorf("docs/openapi.yaml has no error %q at status %d, only %q", said.Error, status, a.Codes)
	}
	return nil
}

// Seen is the environment variable with the name of a file, to which Record adds what was answered, see answered/main.go.
const Seen = "OPENAPI_SEEN"

var seen sync.Map

// Record notes that a route has answered with a status and, where it is an error, a code. Without the variable Seen it does nothing.
func Record(route string, status int, body string) error {
	name := os.Getenv(Seen)
	if name == "" {
		return nil
	}
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal([]byte(body), &said) // a page or nothing
	line := Line(RouteOf(route), status, said.Error)
	if _, again := seen.LoadOrStore(line, true); again {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line)
	return errors.Join(err, file.Close())
}

// Line is one answer in the file, with the line's end.
func Line(route string, status int, code string) string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", route, status, code)) + "\n"
}
