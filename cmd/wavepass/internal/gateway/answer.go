package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// answer is a function's response in payload format 2.0.
type answer struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// refuse answers in the gateway's own words; the reason is for the log.
func (g *gateway) refuse(w http.ResponseWriter, status int, reason string) {
	g.log.Info("refused", "request_id", w.Header().Get(RequestIDHeader), "status", status, "reason", reason)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"message":%q}`, http.StatusText(status))
}

// write sends a function's response; one that is malformed becomes a 500.
func (g *gateway) write(w http.ResponseWriter, route Route, raw []byte) {
	a, body, err := readAnswer(raw)
	if err != nil {
		g.log.Error("function's answer not understood", "function", route.Function.Name, "request_id", w.Header().Get(RequestIDHeader), "error", err.Error())
		g.refuse(w, http.StatusInternalServerError, "the function's answer")
		return
	}
	header := w.Header()
	for name, value := range a.Headers {
		route.home.cors.copyHeader(header, name, []string{value})
	}
	for _, cookie := range a.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.WriteHeader(a.StatusCode)
	_, _ = w.Write(body) // a caller that has left, or a status without a body
}

// copyHeader gives a function's header to the caller, unless it is for the gateway alone to set.
func (c *cors) copyHeader(header http.Header, name string, values []string) {
	switch name = http.CanonicalHeaderKey(name); {
	case name == "Vary":
		c.setVary(header, strings.Join(values, ", "))
	case !c.owns(name):
		header[name] = values
	}
}

// owns reports whether a header is for the gateway alone to set.
func (c *cors) owns(name string) bool {
	switch name {
	case "Connection", "Content-Length", "Transfer-Encoding", RequestIDHeader:
		return true
	}
	return c != nil && strings.HasPrefix(name, "Access-Control-")
}

// readAnswer reads a response. JSON without a statusCode is the body of a 200, as the cloud infers it.
func readAnswer(raw []byte) (a answer, body []byte, err error) {
	if !json.Valid(raw) {
		return a, nil, errors.New("not JSON")
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields["statusCode"] == nil {
		a = answer{StatusCode: http.StatusOK, Headers: map[string]string{"Content-Type": "application/json"}}
		var text string
		if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
			return a, []byte(text), nil
		}
		return a, raw, nil
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, nil, err
	}
	if a.StatusCode < 200 || a.StatusCode > 599 {
		return a, nil, errors.New("statusCode: want 200 to 599")
	}
	if !a.IsBase64Encoded {
		return a, []byte(a.Body), nil
	}
	body, err = base64.StdEncoding.DecodeString(a.Body)
	return a, body, err
}
