package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// samLocal is the deployment that scripts/sam-local runs in containers.
func samLocal(t *testing.T) (url, table string) {
	t.Helper()
	url, table = os.Getenv("SAM_LOCAL_URL"), os.Getenv("TABLE_NAME")
	if url == "" {
		t.Skip("SAM_LOCAL_URL is not set: run it by scripts/sam-local")
	}
	return url, table
}

// The walks of the README want every refresh token to rotate: start scripts/sam-local with ROTATION_MIN_AGE=0s.
func TestSAMReadmesWalksWorkWhenPasted(t *testing.T) {
	url, _ := samLocal(t)
	needs(t, "sh", "curl", "sed", "grep")
	walkAt(t, url, 5*time.Second)
}

func TestSAMDrillHolds(t *testing.T) {
	url, table := samLocal(t)
	var out, log syncBuffer
	if err := run(context.Background(), []string{"drill", url, "--table", table, "--connections", "3"}, output{&out, &log}); err != nil {
		t.Errorf("drill: %v\n%s%s", err, &out, &log)
	}
	for _, way := range []string{"token", "session", "others", "everywhere", "disable"} {
		if !strings.Contains("\n"+out.String(), "\n"+way+" ") || strings.Contains(out.String(), "skipped") {
			t.Errorf("the drill did not rehearse %s:\n%s%s", way, &out, &log)
		}
	}
}
