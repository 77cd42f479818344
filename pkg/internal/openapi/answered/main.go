// The command answered lists what docs/openapi.yaml has and no test was answered with. Tests write what they were answered into the file
// that the environment variable OPENAPI_SEEN names:
//
//	OPENAPI_SEEN=/tmp/seen go test ./pkg/... && go run ./pkg/internal/openapi/answered /tmp/seen
//
// A 500 and its code count wherever they were seen: every route has them from the same place, and most have no way to come to one.
package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/pkg/internal/openapi"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "answered: want the file that the tests have written")
		os.Exit(2)
	}
	unseen, all, err := compare(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "answered:", err)
		os.Exit(2)
	}
	for _, one := range unseen {
		fmt.Fprintln(os.Stderr, "no test was answered: "+one)
	}
	if len(unseen) > 0 {
		os.Exit(1)
	}
	fmt.Printf("tests have seen each of %d answers of docs/openapi.yaml\n", all)
}

// compare returns what is in the document and not in the file, and how many answers the document has.
func compare(file string) (unseen []string, all int, err error) {
	document, err := openapi.Read()
	if err != nil {
		return nil, 0, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	seen, failed := map[string]bool{}, false
	for line := range strings.Lines(string(text)) {
		seen[line] = true
		failed = failed || strings.HasSuffix(line, " 500 server_error\n")
	}
	for route, operation := range document {
		for status, a := range operation {
			codes := a.Codes
			if len(codes) == 0 || a.Media["text/html"] { // a page does not say its code
				codes = []string{""}
			}
			for _, code := range codes {
				line := openapi.Line(route, status, code)
				isSeen := seen[line] || status == http.StatusInternalServerError && failed
				for i := 0; i < len(a.Codes) && code == "" && !isSeen; i++ {
					isSeen = seen[openapi.Line(route, status, a.Codes[i])]
				}
				if all++; !isSeen {
					unseen = append(unseen, strings.TrimSpace(line))
				}
			}
		}
	}
	slices.Sort(unseen)
	return unseen, all, nil
}
