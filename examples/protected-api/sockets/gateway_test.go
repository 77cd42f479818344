package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func TestConnectionsAreReachedBySignedRequests(t *testing.T) {
	var got []string
	status := http.StatusOK
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+string(body))
		if sign := r.Header.Get("Authorization"); !strings.Contains(sign, "/eu-central-1/execute-api/aws4_request") {
			t.Errorf("Authorization %q", sign)
		}
		w.WriteHeader(status)
	}))
	defer api.Close()
	g := gateway{aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}, api.URL + "/prod"}
	for want, wants := range map[int]bool{http.StatusOK: true, http.StatusNoContent: true, http.StatusGone: true, http.StatusForbidden: false, http.StatusTooManyRequests: false} {
		status = want
		if err := g.send(t.Context(), "I0-xm=", []byte("hello")); (err == nil) != wants {
			t.Errorf("send, answered %d: %v", want, err)
		}
		if err := g.hangUp(t.Context(), "I0-xm="); (err == nil) != wants {
			t.Errorf("hang up, answered %d: %v", want, err)
		}
	}
	if len(got) != 10 || got[0] != "POST /prod/@connections/I0-xm= hello" || got[1] != "DELETE /prod/@connections/I0-xm= " {
		t.Errorf("requests %q", got)
	}
}
