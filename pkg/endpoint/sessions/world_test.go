package sessions_test

import (
	"encoding/json"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// listing is the body of a list.
type listing struct {
	Sessions []struct {
		ID         string `json:"id"`
		ClientID   string `json:"client_id"`
		Device     string `json:"device"`
		Network    string `json:"network"`
		LastFrom   string `json:"last_network"`
		CreatedAt  int64  `json:"created_at"`
		LastUsedAt int64  `json:"last_used_at"`
		Current    bool   `json:"current"`
	} `json:"sessions"`
	Next string `json:"next"`
}

func (l listing) ids() []string {
	ids := []string{}
	for _, s := range l.Sessions {
		ids = append(ids, s.ID)
	}
	return ids
}

func listRequest(query map[string]string) deployment.Request {
	return deployment.Request{Route: "GET /sessions", Query: query}
}

func endRequest(id string) deployment.Request {
	return deployment.Request{Route: "DELETE /sessions/{id}", Path: map[string]string{"id": id}}
}

func endAllRequest(query map[string]string) deployment.Request {
	return deployment.Request{Route: "DELETE /sessions", Query: query}
}

var othersOnly = map[string]string{"except": "current"}

func list(t *testing.T, d *deployment.Deployment, who deployment.Answer, query map[string]string) listing {
	t.Helper()
	got := d.As(who.AccessToken, listRequest(query))
	d.Want("list", got, 200, "")
	var out listing
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func refreshed(t *testing.T, d *deployment.Deployment, who deployment.Answer) deployment.Answer {
	t.Helper()
	got := d.Do(refreshRequest(who))
	d.Want("refresh", got, 200, "")
	return got
}

func refreshRequest(who deployment.Answer) deployment.Request {
	return deployment.JSON("POST /refresh", `{"client_id":"app","refresh_token":"`+who.RefreshToken+`"}`)
}

// wantDead expects neither token of a login to be worth anything.
func wantDead(d *deployment.Deployment, what string, who deployment.Answer) {
	d.Want(what+": refresh", d.Do(refreshRequest(who)), 400, "invalid_grant")
	d.Want(what+": access token", d.As(who.AccessToken, listRequest(nil)), 403, "")
}
