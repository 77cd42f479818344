// Package clientfile reads the clients of a deployment as people write them, in YAML, and names the line of each mistake:
//
//	clients:
//	  web:
//	    kind: browser
//	    origins: [https://app.example.com]
//	    audiences: [https://api.example.com]
//	    scopes: [orders:read]
//
// What a client does not name is the default of its kind. Secrets are in no file.
package clientfile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/yamlfile"
)

// Limits of a file.
const (
	MaxSize    = 512 << 10 // bytes
	MaxClients = 1000
	maxWrong   = 50 // mistakes that are told
)

// Read returns the clients of a file in the order in which they stand there; each has passed its Check. The error joins an
// *yamlfile.Error for each mistake.
func Read(text []byte) ([]client.Client, error) {
	top, err := yamlfile.Document(text, MaxSize, "want clients:, and below it one entry for each client")
	if err != nil {
		return nil, err
	}
	r := reader{}
	clients := r.file(top)
	if more := len(r.wrong) - maxWrong; more > 0 {
		r.wrong = append(r.wrong[:maxWrong], fmt.Errorf("and %d mistakes more", more))
	}
	if len(r.wrong) > 0 {
		return nil, errors.Join(r.wrong...)
	}
	return clients, nil
}

// reader collects mistakes.
type reader struct{ wrong yamlfile.Mistakes }

// entry is a key of a mapping and its value.
type entry struct{ key, value *yaml.Node }

// mapping returns the entries of a mapping. Keys are plain words, and stand once.
func (r *reader) mapping(node *yaml.Node, what string) (entries []entry) {
	if node.Kind != yaml.MappingNode {
		r.wrong.Add(node, "%s: want names and values, like kind: browser", what)
		return nil
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch first, twice := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.Value == "" || key.Tag == "!!merge":
			r.wrong.Add(key, "%s: want a plain name before the colon; anchors and aliases are not read", what)
		case twice:
			r.wrong.Add(key, "%s: %s stands twice, first in line %d: leave one out", what, key.Value, first)
		default:
			lines[key.Value] = key.Line
			entries = append(entries, entry{key, value})
		}
	}
	return entries
}

func (r *reader) file(node *yaml.Node) (clients []client.Client) {
	found := false
	for _, e := range r.mapping(node, "the file") {
		if e.key.Value != "clients" {
			r.wrong.Add(e.key, "unknown key %.40q: want clients alone", e.key.Value)
			continue
		}
		found = true
		entries := r.mapping(e.value, "clients")
		if len(entries) > MaxClients {
			r.wrong.Add(e.key, "%d clients: want at most %d", len(entries), MaxClients)
			continue
		}
		for _, one := range entries {
			clients = append(clients, r.client(one))
		}
	}
	if !found {
		r.wrong.Add(node, "clients is missing")
	}
	return clients
}

func (r *reader) client(e entry) client.Client {
	before, fields := len(r.wrong), r.mapping(e.value, "client "+e.key.Value)
	c := client.New(e.key.Value, "")
	for _, f := range fields {
		if f.key.Value == "kind" {
			c = client.New(e.key.Value, client.Kind(r.text(f)))
		}
	}
	at := map[string]*yaml.Node{"id": e.key}
	for _, f := range fields {
		at[f.key.Value] = f.value
		r.field(&c, f)
	}
	if len(r.wrong) > before {
		return c // what follows would be about values that could not be read
	}
	if at["kind"] == nil {
		r.wrong.Add(e.key, "client %s: kind is missing: want browser, site, native, server or service", c.ID)
		return c
	}
	for _, problem := range c.Problems() {
		node := at[problem.Field]
		switch {
		case node == nil:
			node = e.key // a default that does not go with the rest
		case problem.Index >= 0 && problem.Index < len(node.Content):
			node = node.Content[problem.Index]
		}
		r.wrong.Add(node, "%s", problem)
	}
	return c
}

func (r *reader) field(c *client.Client, e entry) {
	if i := slices.IndexFunc(client.Fields, func(f client.Field) bool { return f.Name == e.key.Value && f.List != nil }); i >= 0 {
		*client.Fields[i].List(c) = r.texts(e)
		return
	}
	switch e.key.Value {
	case "kind":
	case "roles":
		c.Roles = client.RolesMode(r.text(e))
	case "jwks":
		c.JWKS = r.text(e)
	case "directory":
		c.Directory = r.text(e)
	case "first_party":
		c.FirstParty = r.truth(e)
	case "shared_store":
		c.SharedStore = r.truth(e)
	case "consent":
		c.Consent = r.truth(e)
	case "late_retries":
		n, err := strconv.Atoi(r.text(e))
		if err != nil {
			r.wrong.Add(e.value, "late_retries: want a whole number")
		}
		c.LateRetries = n
	case "access_life":
		c.AccessLife = r.duration(e)
	case "idle_life":
		c.IdleLife = r.duration(e)
	case "absolute_life":
		c.Absolute = r.duration(e)
	case "remembered_life":
		c.Remembered = r.duration(e)
	case "secret", "secret_hash":
		r.wrong.Add(e.key, "client %s: secrets are in no file: leave it out, and use wavepass client rotate-secret %s", c.ID, c.ID)
	default:
		r.wrong.Add(e.key, "client %s: unknown key %.40q: docs/clients.md has those there are", c.ID, e.key.Value)
	}
}

// text returns a scalar as it is written.
func (r *reader) text(e entry) string {
	if e.value.Kind != yaml.ScalarNode || e.value.Tag == "!!null" {
		r.wrong.Add(e.value, "%s: want one value", e.key.Value)
		return ""
	}
	return e.value.Value
}

func (r *reader) texts(e entry) (list []string) {
	if e.value.Kind != yaml.SequenceNode {
		r.wrong.Add(e.value, "%s: want a list, like [one, two]; an empty one is []", e.key.Value)
		return nil
	}
	for _, one := range e.value.Content {
		list = append(list, r.text(entry{e.key, one}))
	}
	return list
}

func (r *reader) truth(e entry) bool {
	switch e.value.Value {
	case "true":
		return true
	case "false":
		return false
	}
	r.wrong.Add(e.value, "%s: want true or false", e.key.Value)
	return false
}

func (r *reader) duration(e entry) time.Duration {
	life, err := time.ParseDuration(r.text(e))
	if err != nil {
		r.wrong.Add(e.value, "%s: want a time like 15m, 24h or 720h", e.key.Value)
	}
	return life
}
