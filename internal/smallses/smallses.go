// Package smallses is a small Amazon SES for tests: SendEmail of its API version 2, for simple mails. Unlike the public stand-ins it
// throttles, pauses, rejects, loses answers and is silent, as a test tells it, and it counts what it has taken.
package smallses

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Mail is one that was taken.
type Mail struct {
	From, To, Subject, Text, HTML string
	Tags                          map[string]string
}

// Behaviour is what becomes of one request.
type Behaviour struct {
	Status    int           // of a refusal; 0: the mail is taken
	Type      string        // of the refusal, as SES names it
	Message   string        // of the refusal
	LoseReply bool          // the mail is taken, and the connection then ends without an answer
	Reset     bool          // the same, by a reset of the connection
	Silence   time.Duration // the answer comes after that
}

// Refusals as SES makes them. The message of a refusal may name addresses.
var (
	Throttled  = Behaviour{Status: 429, Type: "TooManyRequestsException", Message: "Maximum sending rate exceeded."}
	OverQuota  = Behaviour{Status: 400, Type: "LimitExceededException", Message: "Daily message quota exceeded."}
	Paused     = Behaviour{Status: 400, Type: "SendingPausedException", Message: "Email sending is disabled."}
	Suspended  = Behaviour{Status: 400, Type: "AccountSuspendedException", Message: "The account is suspended."}
	Rejected   = Behaviour{Status: 400, Type: "MessageRejected", Message: "Address ada@example.com is on the suppression list."}
	Sandboxed  = Behaviour{Status: 400, Type: "MessageRejected", Message: "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: ada@example.com"}
	NoDomain   = Behaviour{Status: 400, Type: "MailFromDomainNotVerifiedException", Message: "The domain of no-reply@example.com is not verified."}
	Malformed  = Behaviour{Status: 400, Type: "BadRequestException", Message: "Local part has non-ASCII characters: adä@example.com"}
	Denied     = Behaviour{Status: 403, Type: "AccessDeniedException", Message: "not authorized on resource identity/ada@example.com"}
	Broken     = Behaviour{Status: 500, Type: "InternalServiceError", Message: "ada@example.com"}
	Overloaded = Behaviour{Status: 503, Type: "ServiceUnavailable", Message: ""}
	LostReply  = Behaviour{LoseReply: true}
	Reset      = Behaviour{Reset: true}
)

// Server is a running SES. Safe for concurrent use.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	next     []Behaviour
	mails    []Mail
	requests int
	wrong    []string
}

// New starts one; Close ends it.
func New() *Server {
	s := &Server{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	return s
}

// Behave says what becomes of the next requests; after them, mails are taken.
func (s *Server) Behave(next ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, next...)
}

// Mails are those that were taken, and so sent.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Requests is how many came.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Wrong is what requests had that SES would not understand.
func (s *Server) Wrong() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.wrong...)
}

type body struct {
	FromEmailAddress string
	Destination      struct{ ToAddresses, CcAddresses, BccAddresses []string }
	EmailTags        []struct{ Name, Value string }
	Content          struct {
		Simple struct {
			Subject content
			Body    struct{ Text, Html content }
		}
	}
}

type content struct{ Data, Charset string }

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	b, behaviour := s.take(r)
	if behaviour.Silence > 0 {
		select {
		case <-time.After(behaviour.Silence):
		case <-r.Context().Done():
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if behaviour.Status != 0 {
		w.Header().Set("X-Amzn-Errortype", behaviour.Type)
		w.WriteHeader(behaviour.Status)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": behaviour.Message})
		return
	}
	s.keep(b)
	if behaviour.LoseReply {
		panic(http.ErrAbortHandler) // ends the connection
	}
	if behaviour.Reset {
		reset(w)
		return
	}
	_, _ = io.WriteString(w, `{"MessageId":"0107019a-1"}`)
}

func (s *Server) take(r *http.Request) (b body, behaviour Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if r.Method != http.MethodPost || r.URL.Path != "/v2/email/outbound-emails" {
		s.wrong = append(s.wrong, r.Method+" "+r.URL.Path)
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") || !strings.Contains(r.Header.Get("Authorization"), "/ses/aws4_request") {
		s.wrong = append(s.wrong, "not signed for ses")
	}
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		s.wrong = append(s.wrong, err.Error())
	}
	if len(b.Destination.ToAddresses) != 1 || len(b.Destination.CcAddresses)+len(b.Destination.BccAddresses) > 0 {
		s.wrong = append(s.wrong, "not one receiver")
	}
	for _, c := range []content{b.Content.Simple.Subject, b.Content.Simple.Body.Text, b.Content.Simple.Body.Html} {
		if c.Data == "" || c.Charset != "UTF-8" {
			s.wrong = append(s.wrong, "a part is empty or not in UTF-8")
		}
	}
	if strings.ContainsAny(b.Content.Simple.Subject.Data, "\r\n") {
		s.wrong = append(s.wrong, "a line break in the subject")
	}
	if len(s.next) > 0 {
		behaviour, s.next = s.next[0], s.next[1:]
	}
	return b, behaviour
}

func (s *Server) keep(b body) {
	m := Mail{From: b.FromEmailAddress, Subject: b.Content.Simple.Subject.Data, Text: b.Content.Simple.Body.Text.Data, HTML: b.Content.Simple.Body.Html.Data, Tags: map[string]string{}}
	if len(b.Destination.ToAddresses) > 0 {
		m.To = b.Destination.ToAddresses[0]
	}
	for _, tag := range b.EmailTags {
		m.Tags[tag.Name] = tag.Value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
}

// reset ends a connection as a machine does that has no time left to say so.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err) // HTTP/1.1 can be hijacked
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}
