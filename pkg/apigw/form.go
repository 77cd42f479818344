package apigw

import (
	"net/http"
	"strconv"
	"time"
)

// FormError is an error of a request that a browser has sent by a plain HTML form. The person is not shown its answer, but sent to a page of
// the site's, whose address says the code.
type FormError struct {
	Err error
	// Page returns the address for an error code, and how long to wait, 0 where that is not known.
	Page func(code string, retryAfter time.Duration) string
}

func (e *FormError) Error() string { return e.Err.Error() }
func (e *FormError) Unwrap() error { return e.Err }

// answer sends the browser on. The cookies of the error's own answer are kept.
func (e *FormError) answer(direct Response) Response {
	wait, _ := strconv.ParseInt(direct.Headers["Retry-After"], 10, 64) // absent: 0
	return SeeOther(e.Page(direct.code, time.Duration(wait)*time.Second), direct.Cookies)
}

// ShownError is an error of a request whose answer a person sees as a page.
type ShownError struct {
	Err error
	// Page draws it. status is that of the answer in JSON, trace the request id that the log has.
	Page func(status int, trace string) Response
}

// answer draws the page in place of the direct answer, and says as that does when to come again.
func (e *ShownError) answer(direct Response, trace string) Response {
	page := e.Page(direct.Status, trace)
	if after := direct.Headers["Retry-After"]; after != "" {
		page.Headers["Retry-After"] = after
	}
	return page
}

func (e *ShownError) Error() string { return e.Err.Error() }
func (e *ShownError) Unwrap() error { return e.Err }

// SeeOther answers a form: the browser gets the address (RFC 9110 §15.4.4), and going back or reloading does not send the form again.
func SeeOther(address string, cookies []string) Response {
	return Response{Status: http.StatusSeeOther, Headers: map[string]string{"Location": address}, Cookies: cookies}
}

// IsForm reports whether the body is a form.
func (r *Request) IsForm() bool { return r.mediaType() == Form }

// RawForm returns a body that is a form, as it came.
func (r *Request) RawForm() (string, error) {
	if !r.IsForm() {
		return "", unsupportedMediaType([]string{Form})
	}
	return string(r.body), nil
}
