// Package yamlfile has what readers of files that people write in YAML have in common: one document of a bounded size, and mistakes that
// are collected with their lines.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Error is a mistake and the line where it stands, from 1.
type Error struct {
	Line    int
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// Document returns the one document of a file of at most limit bytes. An empty file is an error that ends in what it has to have.
func Document(text []byte, limit int, wants string) (*yaml.Node, error) {
	if len(text) > limit {
		return nil, fmt.Errorf("the file is longer than %d KB", limit>>10)
	}
	var file, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&file); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file is empty: " + wants)
	case err != nil:
		return nil, err // names the line itself
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has more than one document: leave out what follows ---")
	}
	return file.Content[0], nil
}

// Mistakes are those of a file, each an *Error.
type Mistakes []error

// Add notes a mistake at the line of a node.
func (m *Mistakes) Add(at *yaml.Node, format string, args ...any) {
	*m = append(*m, &Error{at.Line, fmt.Sprintf(format, args...)})
}
