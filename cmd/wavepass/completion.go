package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints what a shell needs to complete the commands and flags of this program. Both scripts ask
// the program itself, so they never fall behind it.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh" help:"bash or zsh."`
}

// Help is shown by `wavepass completion --help`.
func (c *completionCommand) Help() string {
	return `  source <(wavepass completion bash)   # in ~/.bashrc
  source <(wavepass completion zsh)    # in ~/.zshrc, after compinit`
}

var completionScripts = map[string]string{
	"bash": `_wavepass() {
  local IFS=$'\n'
  COMPREPLY=($(wavepass complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _wavepass wavepass
`,
	"zsh": `_wavepass() {
  local -a found
  found=("${(@f)$(wavepass complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found ]]; then compadd -a found; else _files; fi
}
compdef _wavepass wavepass
`,
}

// Run prints the script.
func (c *completionCommand) Run(o output) error {
	_, err := fmt.Fprint(o.out, completionScripts[c.Shell])
	return err
}

// completeCommand is what the scripts call with the words so far, the last of which is incomplete.
type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// Run prints the candidates, one a line.
func (c *completeCommand) Run(o output) error {
	parser, err := newParser(&commands{}, o)
	if err != nil {
		return err
	}
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, candidate := range candidates(parser.Model.Node, words) {
		fmt.Fprintln(o.out, candidate)
	}
	return nil
}

// candidates are the commands and flags that may stand in the place of the last word.
func candidates(node *kong.Node, words []string) (found []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	for i := 0; i < len(before); i++ {
		if flag := flagOf(node, before[i]); flag != nil {
			if !flag.IsBool() && !strings.Contains(before[i], "=") {
				i++ // its value
			}
			continue
		}
		if child := childOf(node, before[i]); child != nil {
			node = child
		}
	}
	if len(before) > 0 {
		if flag := flagOf(node, before[len(before)-1]); flag != nil && !flag.IsBool() {
			return matching(flag.EnumSlice(), last)
		}
	}
	var all []string
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, child.Name)
		}
	}
	for _, argument := range node.Positional {
		all = append(all, argument.EnumSlice()...)
	}
	if strings.HasPrefix(last, "-") {
		for _, group := range node.AllFlags(true) {
			for _, flag := range group {
				all = append(all, "--"+flag.Name)
			}
		}
	}
	return matching(all, last)
}

func matching(all []string, prefix string) []string {
	found := slices.DeleteFunc(slices.Clone(all), func(word string) bool { return word == "" || !strings.HasPrefix(word, prefix) })
	slices.Sort(found)
	return found
}

func childOf(node *kong.Node, name string) *kong.Node {
	i := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == name })
	if i < 0 {
		return nil
	}
	return node.Children[i]
}

func flagOf(node *kong.Node, word string) *kong.Flag {
	name, isFlag := strings.CutPrefix(word, "--")
	if !isFlag {
		return nil
	}
	name, _, _ = strings.Cut(name, "=")
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if flag.Name == name {
				return flag
			}
		}
	}
	return nil
}
