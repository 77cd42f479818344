package client_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/client"
)

func TestAnAddressIsOneSegmentOfAPath(t *testing.T) {
	const address = "https://agent.example/oauth/client.json"
	segment := client.PathOf(address)
	if segment != "~aHR0cHM6Ly9hZ2VudC5leGFtcGxlL29hdXRoL2NsaWVudC5qc29u" || client.FromPath(segment) != address || client.FromPath(address) != address {
		t.Errorf("%q, and back %q", segment, client.FromPath(segment))
	}
	longest := "https://agent.example/" + strings.Repeat("a", client.MaxURL-len("https://agent.example/"))
	if got := client.PathOf(longest); len(got) != 268 || client.FromPath(got) != longest {
		t.Errorf("the longest: %d bytes", len(got))
	}
	for _, id := range []string{"app", "a.b-c_d", "~", "~app", "~" + "YXBw", segment + "=", segment[:len(segment)-1], strings.ToLower(segment), "~aHR0cHM6Ly8xMjcuMC4wLjEv", ""} {
		if client.PathOf(id) != id || client.FromPath(id) != id {
			t.Errorf("%q becomes %q and %q, want it as it is", id, client.PathOf(id), client.FromPath(id))
		}
	}
}
