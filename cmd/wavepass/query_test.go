package main

import (
	"net/http"
	"strings"
	"testing"
)

// A query that is not wholly understood is refused, and before all else it ends nobody's session.
func TestAddressIsUnderstoodWhollyOrRefused(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	own, other := s.login(), s.login()
	bearer := []string{"Authorization", "Bearer " + own.AccessToken}
	for route, queries := range map[string][]string{
		"DELETE /sessions": {
			"except=current;x", "%zz", "except=current%", "except=current%zz", "except=current&", "&except=current", "&", "=", "except", "except=",
			"except=current&except=current", "Except=current", "exept=current", "x=1", "except=current&x", "except=%C3", "except=current%00", ";",
		},
		"GET /sessions": {"limit=1;x", "limit=%zz", "limit=1%", "limit=1&limit=2", "limit", "limit=", "cursor=", "cursor=a;b", "page=2", "limit=1&", "%"},
		"DELETE /sessions/0190b0e4-7e00-7000-8000-000000000001": {"except=current", "x", "&", "%zz", ";"},
		"GET /grants": {"client=app", "x", "&", "%zz", ";"}, "DELETE /grants/third": {"client=third", "scope=openid", "x", "&", "%zz", ";"},
		"GET /userinfo":                               {"access_token=x", "x", "&", "%zz", ";"},
		"GET /.well-known/jwks.json":                  {"x=1", "&", "%zz", ";"},
		"GET /.well-known/openid-configuration":       {"x=1", "&", "%zz", ";"},
		"GET /.well-known/oauth-authorization-server": {"x=1", "&", "%zz", ";"},
		"POST /login":                                 {"client_id=app", "x", "&", "%zz", ";"},
		"POST /refresh":                               {"refresh_token=" + own.RefreshToken, "x", "&", "%zz", ";"},
		"POST /token":                                 {"grant_type=client_credentials", "x", "&", "%zz", ";"},
		"POST /par":                                   {"client_id=app", "x", "&", "%zz", ";"},
		"POST /introspect":                            {"token=" + own.AccessToken, "x", "&", "%zz", ";"},
		"POST /revoke":                                {"token=" + own.RefreshToken, "x", "&", "%zz", ";"},
		"POST /logout":                                {"everywhere=true", "x", "&", "%zz", ";"},
		"POST /subjects/u/sessions":                   {"x", "&", "%zz", ";"},
		"GET /subjects/u/sessions":                    {"limit=1;x", "limit=1&limit=2", "limit=", "page=2", "%"},
		"DELETE /subjects/u/sessions":                 {"except=current", "x", "&", "%zz", ";"},
		"PATCH /subjects/u":                           {"disabled=true", "x", "&", "%zz", ";"},
		"POST /password":                              {"x", "&", "%zz", ";"},
	} {
		method, path, _ := strings.Cut(route, " ")
		for _, query := range queries {
			if got := s.do(method, path+"?"+query, "", "", bearer...); got.Status != http.StatusBadRequest {
				t.Errorf("%s?%s: %d %s, want 400", route, query, got.Status, got.Body)
			}
		}
	}
	for _, one := range []answer{own, other} {
		s.want("a session after them", s.refresh(one.RefreshToken), 200, "")
	}
	s.want("the others", s.do("DELETE", "/sessions?except=current", "", "", bearer...), 200, "")
	s.want("the other", s.refresh(other.RefreshToken), 400, "invalid_grant")
}
