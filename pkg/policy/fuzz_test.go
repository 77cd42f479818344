package policy_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"golang.org/x/text/cases"

	"github.com/wavepass/wavepass/pkg/policy"
)

// liberal reads a path as the most forgiving server could: it decodes again and again, folds case, drops what follows a semicolon or a
// question mark, takes a backslash for a slash, and resolves dots.
func liberal(text string) string {
	for range 5 {
		if decoded, err := url.PathUnescape(text); err == nil {
			text = decoded
		}
	}
	text = strings.ReplaceAll(text, `\`, "/")
	text, _, _ = strings.Cut(text, "?")
	text, _, _ = strings.Cut(text, "#")
	parts := strings.Split(text, "/")
	for i := range parts {
		parts[i], _, _ = strings.Cut(parts[i], ";")
		parts[i] = strings.TrimSpace(strings.Trim(parts[i], "\x00"))
	}
	return cases.Fold().String(path.Clean("/" + strings.Join(parts, "/")))
}

// A caller without the role gets /admin and what is below it by no path, in whichever way a server reads the path afterwards.
func FuzzNoSpellingOpensWhatIsClosed(f *testing.F) {
	for _, seed := range spellings {
		f.Add(seed)
	}
	for _, seed := range []string{"/", "/admin", "/admin/", "/administration", "/public/admin", "/admin/a/b/c", "/%41dmin", "/a%64min/x", "/public/../admin/x", "/public/..%2fadmin"} {
		f.Add(seed)
	}
	p := read(f, "unlisted: deny\nroutes:\n  ANY /admin: { roles: [admin] }\n  ANY /admin/{proxy+}: { roles: [admin] }\n  ANY /: {}\n  ANY /{proxy+}: {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		read := liberal(text)
		closed := read == "/admin" || strings.HasPrefix(read, "/admin/")
		for _, route := range []string{"$default", "ANY /{proxy+}", ""} {
			r := policy.Request{Route: route, Method: "GET", Path: text}
			err := p.Decide(r, callers["member"], now)
			if closed && err == nil {
				t.Fatalf("%+v, which may be read as %s, is open to a member", r, read)
			}
			if err == nil && p.Decide(r, callers["admin"], now) != nil {
				t.Fatalf("%+v is open to a member and closed to an admin", r)
			}
		}
	})
}
