package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf16"
)

// What a forwarded request says beside what its caller sent.
const (
	contextHeader = "X-Wavepass-Context"     // the authorizer's context as JSON in ASCII; missing on an open route
	keyHeader     = "X-Wavepass-Context-Key" // by which the back end knows that this program sent it
)

// forward sends a request to a plain HTTP server, and its answer to the caller.
func (g *gateway) forward(ctx context.Context, w http.ResponseWriter, r *http.Request, route Route, target *url.URL, common request, body []byte) {
	out, err := g.forwarded(ctx, r, target, common, body)
	if err != nil {
		g.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	response, err := g.client.Do(out)
	if err != nil {
		g.refuse(w, http.StatusServiceUnavailable, g.unanswered(ctx, target, err))
		return
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		g.refuse(w, http.StatusServiceUnavailable, g.unanswered(ctx, target, err))
		return
	case len(answer) > maxBody:
		g.refuse(w, http.StatusInternalServerError, "the back end's answer is longer than 10 MB")
		return
	}
	w.Header()["Content-Type"] = nil // none that is guessed
	for name, values := range withoutHopByHop(&http.Request{Header: response.Header}).Header {
		route.home.cors.copyHeader(w.Header(), name, values)
	}
	w.WriteHeader(response.StatusCode)
	_, _ = w.Write(answer) // a caller that has left, or a status without a body
}

func (g *gateway) unanswered(ctx context.Context, target *url.URL, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("the back end at %s took longer than %s", target, g.limit)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the address, in which there may be a token
	}
	return fmt.Sprintf("the back end at %s does not answer: %v", target, err)
}

// forwarded is the request as the back end gets it.
func (g *gateway) forwarded(ctx context.Context, r *http.Request, target *url.URL, common request, body []byte) (*http.Request, error) {
	if !isCanonical(r.URL) {
		return nil, errors.New("the path may be read in more than one way, and the back end might take it for another route's")
	}
	address := *target
	address.Path, address.RawQuery = strings.TrimSuffix(target.Path, "/")+r.URL.Path, r.URL.RawQuery
	out, err := http.NewRequestWithContext(ctx, r.Method, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address for the back end: %w", err)
	}
	out.Header = r.Header.Clone()
	for name := range out.Header {
		if isContextHeader(name) {
			delete(out.Header, name)
		}
	}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port"} {
		out.Header.Set(name, common.Headers[strings.ToLower(name)])
	}
	out.Header.Del("Forwarded")
	out.Header.Del("Expect") // the body has been read
	out.Header.Set("X-Forwarded-Host", r.Host)
	if out.Header.Get("User-Agent") == "" {
		out.Header["User-Agent"] = nil // none of Go's own
	}
	out.Header.Set(keyHeader, g.key)
	if granted := common.RequestContext.Authorizer; granted != nil {
		text, err := asciiJSON(orNull(granted.Lambda))
		if err != nil {
			return nil, err
		}
		out.Header.Set(contextHeader, text)
	}
	return out, nil
}

// isContextHeader reports whether a server might take a caller's header for one of ours. Some know headers by names in
// upper case with underscores, and some make an underscore of every character that is no letter or digit.
func isContextHeader(name string) bool {
	folded := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name)
	return folded == strings.ToLower(contextHeader) || folded == strings.ToLower(keyHeader)
}

// isCanonical reports whether a path has one reading. The route, and so the authorizer, was chosen by the decoded path;
// a back end that cleans it, or decodes it once more, must not come to another.
func isCanonical(u *url.URL) bool {
	decoded := u.Path
	if strings.ContainsAny(decoded, "\\;%") || strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") ||
		strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	return path.Clean(decoded) == strings.TrimSuffix(decoded, "/") || decoded == "/"
}

// asciiJSON is JSON on one line without a character beyond ASCII, which servers read differently in a header.
func asciiJSON(raw json.RawMessage) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "", fmt.Errorf("the authorizer's context: %w", err)
	}
	var out strings.Builder
	for _, r := range compact.String() { // beyond ASCII there are only characters of texts
		if r < 0x7f {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String(), nil
}
