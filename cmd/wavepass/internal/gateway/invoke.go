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
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// invoked is a function behind Lambda's Invoke API, as `sam local start-lambda` and the runtime interface emulators in
// container images serve it.
type invoked struct {
	address string
	client  *http.Client
}

// InvokeAt returns the function of this name behind an Invoke API. An address that has a path is taken as it is: a
// runtime interface emulator has one function, and calls it "function".
func InvokeAt(endpoint *url.URL, name string) lambda.Handler {
	address := endpoint
	if strings.Trim(endpoint.Path, "/") == "" {
		address = endpoint.JoinPath("2015-03-31", "functions", name, "invocations")
	}
	return &invoked{address.String(), newClient()}
}

// newClient follows nothing and adds nothing: what a function or a back end answers is for the caller.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.DisableCompression, transport.MaxIdleConnsPerHost = nil, true, 64
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Invoke implements lambda.Handler. The headers are those that SAM CLI checks.
func (f *invoked) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.address, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
	response, err := f.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxEvent+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errUnreachable, err)
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("there is no function at %s: start the emulator with the same template", f.address)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: status %d", f.address, response.StatusCode)
	case response.Header.Get("X-Amz-Function-Error") != "" || isFunctionError(answer):
		return nil, errors.New("it returned an error, which is in its own log")
	}
	return answer, nil
}

// isFunctionError reports whether an answer is how a runtime tells of an error. Runtime interface emulators do not set the
// header, and without a statusCode it would be taken for the body of a 200.
func isFunctionError(answer []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) != nil || members["errorType"] == nil || members["errorMessage"] == nil {
		return false
	}
	for name := range members {
		switch name {
		case "errorType", "errorMessage", "stackTrace", "trace", "requestId", "cause":
		default:
			return false
		}
	}
	return true
}
