package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// Segments of an access token.
const (
	header = iota
	payload
)

// decoded is what a segment of an access token says.
func decoded(t testing.TB, token string, segment int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token+"..", ".")[segment])
	var members map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &members)
	}
	if err != nil {
		t.Fatalf("segment %d of %.40s…: %v", segment, token, err)
	}
	return members
}

// kid is the key id in the header of an access token.
func kid(t testing.TB, token string) string {
	t.Helper()
	id, _ := decoded(t, token, header)["kid"].(string)
	return id
}
