package pages_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/pages"
)

// TestChromiumReadsHostileValuesAsText has a browser read each page, once with a harmless value and then with each hostile one: it finds the same
// elements, and nothing runs or is loaded.
func TestChromiumReadsHostileValuesAsText(t *testing.T) {
	if os.Getenv("WAVEPASS_CHROMIUM") == "" {
		t.Skip("no Chromium: scripts/browser-tools go test -run Chromium ./pkg/pages")
	}
	p := draw(t, pages.Looks{})
	mux := http.NewServeMux()
	arguments := []string{"testdata/hostile.mjs", strconv.Itoa(len(hostileValues))}
	for i, value := range append([]string{"x"}, hostileValues...) {
		for name, page := range each(p, english, value) {
			mux.HandleFunc("GET /"+strconv.Itoa(i)+"/"+name, func(w http.ResponseWriter, _ *http.Request) {
				for header, text := range page.Headers {
					if header != "Refresh" {
						w.Header().Set(header, text)
					}
				}
				_, _ = w.Write(page.HTML)
			})
			if i == 0 && (!strings.HasPrefix(name, "failed ") || name == "failed "+string(pages.BadRequest)) { // one kind of page
				arguments = append(arguments, name)
			}
		}
	}
	served := httptest.NewServer(mux)
	defer served.Close()
	command := exec.CommandContext(t.Context(), "node", arguments...)
	command.Env = append(os.Environ(), "ORIGIN="+served.URL)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
