package main

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// newLog writes lines of JSON, as the audit trail between them is. Lines about one request have its request_id.
func newLog(out io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				a.Value = slog.TimeValue(a.Value.Time().UTC().Truncate(time.Millisecond)) // as in audit events
			}
			return a
		},
	}))
}

// logged writes one line a request. Why one was refused is in a line "refused" with the same request_id.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w.Header().Set(gateway.RequestIDHeader, gateway.NewRequestID()) // also where the gateway is never asked
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(status, r)
		log.Info("request", "request_id", w.Header().Get(gateway.RequestIDHeader), "method", r.Method, "path", loggable(r.URL.Path),
			"status", status.status, "took", time.Since(began).Round(time.Microsecond).String())
	})
}

// loggable is a path as the log may have it: without what follows /subjects/, because that is how another service names a person, and
// without long segments, because somebody may put a token where an id belongs and no segment of ours is as long as one.
func loggable(path string) string {
	if before, _, found := strings.Cut(path, "/subjects/"); found {
		path = before + "/subjects/…"
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if len(segment) > 64 {
			segments[i] = "…"
		}
	}
	return strings.Join(segments, "/")
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
