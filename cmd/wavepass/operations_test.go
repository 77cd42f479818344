package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/wavepass/wavepass"
	"github.com/wavepass/wavepass/internal/samtemplate"
)

func operationsPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	check(t, err)
	return string(text)
}

// alarmRow is a line of the table of alarms: a name, or the end of names that begin with a function's, and its section.
var alarmRow = regexp.MustCompile("(?m)^\\| \\[`(…?)([A-Za-z]+)`\\]\\(#([a-z-]+)\\)")

func TestOperationsPageSaysOfEveryAlarmWhatToDo(t *testing.T) {
	page := operationsPage(t)
	sections := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^###? (.+)$`).FindAllStringSubmatch(page, -1) {
		sections[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	template, err := samtemplate.Parse("template.yaml", wavepass.Template, nil)
	check(t, err)
	var functions, alarms, want []string
	for _, f := range template.Resources("AWS::Serverless::Function") {
		functions = append(functions, strings.TrimSuffix(f.Name, "Function"))
	}
	for _, alarm := range template.Resources("AWS::CloudWatch::Alarm") {
		alarms = append(alarms, alarm.Name)
	}
	for _, row := range alarmRow.FindAllStringSubmatch(page, -1) {
		if !sections[row[3]] {
			t.Errorf("%s: no section #%s", row[2], row[3])
		}
		if row[1] == "" {
			want = append(want, row[2])
			continue
		}
		for _, f := range functions {
			want = append(want, f+row[2])
		}
	}
	slices.Sort(alarms)
	slices.Sort(want)
	if !slices.Equal(alarms, want) {
		t.Errorf("the template has the alarms\n%q\nand the page\n%q", alarms, want)
	}
}

// wavepassCall is a call in a page, up to what a shell would take for itself.
var wavepassCall = regexp.MustCompile("(?m)(?:^    (?:[A-Z_]+=\\S+ )?|^ {7}|`)wavepass ([a-z][^`|<>\n]*)")

func TestPagesNameOnlyCommandsAndFlagsThatThereAre(t *testing.T) {
	parser, err := newParser(&commands{}, output{})
	check(t, err)
	pages, err := filepath.Glob("../../docs/*.md")
	check(t, err)
	calls := 0
	for _, page := range append(pages, "../../README.md", "../../SECURITY.md") {
		text, err := os.ReadFile(page)
		check(t, err)
		for _, call := range wavepassCall.FindAllStringSubmatch(string(text), -1) {
			calls++
			if wrong := misnamed(parser.Model.Node, strings.Fields(call[1])); wrong != "" {
				t.Errorf("%s: wavepass %s: there is no %s", filepath.Base(page), call[1], wrong)
			}
		}
	}
	if calls < 60 {
		t.Errorf("found %d calls of wavepass, want more", calls)
	}
}

// misnamed is the first of the words that should be a command or a flag below node and is none; empty when there is none.
func misnamed(node *kong.Node, words []string) string {
	flags := node.Flags
	for _, word := range words {
		word = strings.TrimRight(word, ",.;:)")
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
			name, _, _ = strings.Cut(name, "=")
			positive, negated := strings.CutPrefix(name, "no-")
			if !slices.ContainsFunc(flags, func(f *kong.Flag) bool {
				return f.Name == name || negated && f.Tag.Negatable != "" && f.Name == positive
			}) {
				return word
			}
			continue
		}
		if len(node.Children) == 0 || word == "…" {
			continue // an argument, or a flag's value
		}
		i := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == word })
		if i < 0 {
			return word
		}
		node = node.Children[i]
		flags = append(slices.Clone(flags), node.Flags...)
	}
	return ""
}

func TestMisnamedCommandsAndFlagsAreFound(t *testing.T) {
	parser, err := newParser(&commands{}, output{})
	check(t, err)
	for call, want := range map[string]string{
		"key reset --yes": "", "key": "", "key …": "", "account set-access ada --claim plan=pro": "", "local --data=x": "",
		"resource set URI --no-open": "", "key reset --no-yes": "--no-yes", "key resett": "resett", "keys reset": "keys", "key reset --really": "--really", "revoke session ada sid --prune": "--prune",
	} {
		if got := misnamed(parser.Model.Node, strings.Fields(call)); got != want {
			t.Errorf("wavepass %s: misnamed %q, want %q", call, got, want)
		}
	}
}
