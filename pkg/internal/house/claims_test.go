package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../../.."

var (
	definedTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	namedTest   = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	// A skip that no condition of the test stands before.
	unconditional = regexp.MustCompile(`(?m)^\tt\.Skip`)
	pageLink      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// testsBelow are the names of the tests and fuzz targets of the repository's Go files.
func testsBelow(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := eachTestFile(root, func(_ string, text []byte) {
		for _, name := range definedTest.FindAllSubmatch(text, -1) {
			found[string(name[1])] = true
		}
	})
	if err != nil || len(found) < 1000 {
		t.Fatalf("found %d tests: %v", len(found), err)
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPagesOfBeliefNameTestsThatThereAre(t *testing.T) {
	defined := testsBelow(t)
	for _, page := range []string{"docs/asvs.md", "docs/threat-model.md"} {
		names := namedTest.FindAllStringSubmatch(read(t, page), -1)
		if len(names) < 20 {
			t.Errorf("%s names %d tests", page, len(names))
		}
		for _, name := range names {
			if !defined[name[1]] {
				t.Errorf("%s names %s, which is no test", page, name[1])
			}
		}
	}
}

// requirements is how many each section of ASVS 5.0.0 has, of the chapters that are about sessions.
var requirements = map[string]int{
	"3.3": 5, "3.4": 8, "3.5": 8,
	"6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4,
	"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2,
	"9.1": 3, "9.2": 4,
	"10.1": 2, "10.2": 3, "10.3": 5, "10.4": 16, "10.5": 5, "10.6": 2, "10.7": 3,
}

func TestASVSPageAnswersEveryRequirement(t *testing.T) {
	page := read(t, "docs/asvs.md")
	row := regexp.MustCompile(`(?m)^\| (\d+\.\d+\.\d+) \| [^|]+ \| (met|not met|not applicable) \| (.+) \|$`)
	answered, count := map[string]string{}, map[string]int{}
	for _, found := range row.FindAllStringSubmatch(page, -1) {
		id, verdict, where := found[1], found[2], found[3]
		if answered[id] != "" {
			t.Errorf("%s is answered twice", id)
		}
		answered[id] = verdict
		if count[verdict]++; verdict == "met" && !namedTest.MatchString(where) {
			t.Errorf("%s is met by %q, which names no test", id, where)
		}
	}
	all := 0
	for section, n := range requirements {
		for i := range n {
			if id := section + "." + strconv.Itoa(i+1); answered[id] == "" {
				t.Errorf("%s is not answered", id)
			}
		}
		all += n
	}
	if len(answered) != all {
		t.Errorf("%d requirements are answered, the standard has %d", len(answered), all)
	}
	says := strconv.Itoa(count["met"]) + " are met, " + strconv.Itoa(count["not applicable"]) + " do not apply, " + strconv.Itoa(count["not met"]) + " are not met."
	if !strings.Contains(page, says) {
		t.Errorf("the page does not say %q", says)
	}
}

// anchorOf is how GitHub names a heading in an address.
func anchorOf(heading string) string {
	heading = strings.ToLower(strings.NewReplacer("`", "", "*", "").Replace(heading))
	heading = regexp.MustCompile(`[^\p{L}\p{N}\- _]`).ReplaceAllString(heading, "")
	return strings.ReplaceAll(heading, " ", "-")
}

func anchorsOf(page string) (anchors []string) {
	inCode := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			inCode = !inCode
		}
		if text, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' && !inCode {
			anchors = append(anchors, anchorOf(strings.TrimSpace(regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(text, "$1"))))
		}
	}
	return anchors
}

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	pages := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
	for _, pattern := range []string{"docs/*.md", "docs/adr/*.md", "examples/*/README.md", "clients/web/README.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, _ := filepath.Rel(root, path)
			pages = append(pages, name)
		}
	}
	links := 0
	for _, page := range pages {
		for _, found := range pageLink.FindAllStringSubmatch(read(t, page), -1) {
			link := found[1]
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(link, "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s leads nowhere", page, link)
			} else if anchor != "" && strings.HasSuffix(target, ".md") && !slices.Contains(anchorsOf(read(t, target)), anchor) {
				t.Errorf("%s: %s: %s has no such heading", page, link, target)
			}
		}
	}
	if links < 300 {
		t.Errorf("only %d links were looked at", links)
	}
}

// TestEachPromiseHasATest looks for the promises of SECURITY.md in the table of the threat model.
func TestEachPromiseHasATest(t *testing.T) {
	_, promises, _ := strings.Cut(read(t, "SECURITY.md"), "## What Wavepass promises")
	promises, _, _ = strings.Cut(promises, "\n## ")
	_, shown, _ := strings.Cut(read(t, "docs/threat-model.md"), "## Each claim of README and SECURITY")
	shown, _, _ = strings.Cut(shown, "\n## ")
	numbers := regexp.MustCompile(`(?m)^(\d+)\. `).FindAllStringSubmatch(promises, -1)
	if len(numbers) < 5 {
		t.Fatalf("found %d promises", len(numbers))
	}
	for _, number := range numbers {
		row := regexp.MustCompile(`(?m)^\| [^|]*\((promise )?` + number[1] + `\) \| .*$`).FindString(shown)
		if !namedTest.MatchString(row) {
			t.Errorf("promise %s of SECURITY.md has no row with a test in docs/threat-model.md", number[1])
		}
	}
}

// section is what stands below a heading of a page, up to the next one.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

func onOneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// claimed are the sentences at the beginning of the README, the limits and secrets of SECURITY, and what stands below them.
func claimed(t *testing.T) (all []string) {
	t.Helper()
	beginning, _, _ := strings.Cut(read(t, "README.md"), "\n## ")
	_, beginning, _ = strings.Cut(beginning, "\n")
	beginning = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(beginning, "$1") // links
	all = strings.SplitAfter(onOneLine(beginning), ". ")
	_, limits, _ := strings.Cut(section(t, "SECURITY.md", "What it does not promise"), "\n- ")
	for _, limit := range strings.Split(limits, "\n- ") {
		all = append(all, onOneLine(limit))
	}
	_, secrets, _ := strings.Cut(section(t, "SECURITY.md", "Where secrets are"), "|---|---|\n")
	table, below, _ := strings.Cut(secrets, "\n\n")
	for row := range strings.Lines(table) {
		all = append(all, strings.TrimSpace(strings.Split(row, "|")[1]))
	}
	for _, paragraph := range strings.Split(strings.TrimSpace(below), "\n\n") {
		all = append(all, onOneLine(paragraph))
	}
	return all
}

// quotes says that a row begins as the claim does, with enough words that no other does.
func quotes(row, claim string) bool {
	return row == claim || len(row) >= 20 && strings.HasPrefix(claim, row)
}

func TestEachClaimHasARowThatNamesATest(t *testing.T) {
	claims := claimed(t)
	if len(claims) < 60 {
		t.Fatalf("found %d claims: %q", len(claims), claims)
	}
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| (.+) … \| (.+) \|$`).FindAllStringSubmatch(section(t, "docs/threat-model.md", "The same, in the words of README and SECURITY"), -1) {
		rows[row[1]] = namedTest.MatchString(row[2])
	}
	for _, claim := range claims {
		shown := false
		for row, named := range rows {
			shown = shown || named && quotes(row, claim)
		}
		if !shown {
			t.Errorf("docs/threat-model.md has no row with a test of what README or SECURITY claims: %.60s…", claim)
		}
	}
	for row := range rows {
		if !slices.ContainsFunc(claims, func(claim string) bool { return quotes(row, claim) }) {
			t.Errorf("docs/threat-model.md quotes what neither README nor SECURITY says: %s", row)
		}
	}
}

// Tests in containers do not run where there is no engine for them, which is no reason for the rest of .ci/run to fail. So no claim rests on them.
func TestNoClaimRestsOnATestThatMayBeSkipped(t *testing.T) {
	skips := map[string]bool{}
	err := eachTestFile(root, func(_ string, text []byte) {
		for _, function := range strings.Split(string(text), "\nfunc ") {
			name, body, _ := strings.Cut(function, "(")
			if unconditional.MatchString(body) {
				skips[name] = true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"docs/asvs.md", "docs/threat-model.md", "docs/conformance.md"} {
		for _, name := range namedTest.FindAllStringSubmatch(read(t, page), -1) {
			if skips[name[1]] || strings.HasPrefix(name[1], "TestSAM") {
				t.Errorf("%s names %s, which is skipped", page, name[1])
			}
		}
	}
}
