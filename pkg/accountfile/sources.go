package accountfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// lines are records of JSON, one a line. Empty lines are no records.
type lines struct {
	from   *bufio.Reader
	number int
}

func newLines(from io.Reader) *lines { return &lines{from: bufio.NewReaderSize(from, maxRecord)} }

func (l *lines) next() (int, raw, error) {
	for {
		line, err := l.from.ReadSlice('\n')
		tooLong := false
		for errors.Is(err, bufio.ErrBufferFull) {
			tooLong = true
			line, err = l.from.ReadSlice('\n')
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0 && !tooLong) {
			return 0, raw{}, err
		}
		l.number++
		switch line = bytes.TrimSpace(line); {
		case tooLong:
			return l.number, raw{}, bad("it has more than %d KB", maxRecord>>10)
		case len(line) > 0:
			return l.number, raw{json: line}, nil
		}
	}
}

// array is the elements of one member of a JSON document.
type array struct {
	member  string
	guard   *guard
	decoder *json.Decoder
	begun   bool
	number  int
}

func newArray(from io.Reader, member string) *array {
	guard := &guard{from: from}
	return &array{member: member, guard: guard, decoder: json.NewDecoder(guard)}
}

func (a *array) next() (int, raw, error) {
	a.guard.left = maxRecord
	if !a.begun {
		if err := a.begin(); err != nil {
			return 0, raw{}, err
		}
		a.begun = true
	}
	if !a.decoder.More() {
		return 0, raw{}, a.end()
	}
	var element json.RawMessage
	if err := a.decoder.Decode(&element); err != nil {
		return 0, raw{}, fileError(err, a.number)
	}
	a.number++
	return a.number, raw{json: element}, nil
}

// begin reads up to the member's array.
func (a *array) begin() error {
	if token, err := a.decoder.Token(); err != nil || token != json.Delim('{') {
		return fmt.Errorf("%w: want a JSON object with the member %q", ErrFile, a.member)
	}
	for a.decoder.More() {
		name, err := a.decoder.Token()
		if err != nil {
			return fileError(err, 0)
		}
		if name == a.member {
			if token, err := a.decoder.Token(); err != nil || token != json.Delim('[') {
				return fmt.Errorf("%w: its member %q is no list", ErrFile, a.member)
			}
			return nil
		}
		var other json.RawMessage
		if err := a.decoder.Decode(&other); err != nil {
			return fileError(err, 0)
		}
	}
	return fmt.Errorf("%w: it has no member %q", ErrFile, a.member)
}

// end reads what comes after the member's array, and returns io.EOF. A page of several, which the AWS CLI prints with --max-items, says
// where the next begins.
func (a *array) end() error {
	if _, err := a.decoder.Token(); err != nil { // the end of the array
		return fileError(err, a.number)
	}
	for a.decoder.More() {
		name, err := a.decoder.Token()
		if err != nil {
			return fileError(err, a.number)
		}
		var other json.RawMessage
		if err := a.decoder.Decode(&other); err != nil {
			return fileError(err, a.number)
		}
		if (name == "NextToken" || name == "PaginationToken") && string(other) != "null" {
			return fmt.Errorf("%w: it has %d records and a member %q: there are more, export all of them", ErrFile, a.number, name)
		}
	}
	if _, err := a.decoder.Token(); err != nil { // the end of the document
		return fileError(err, a.number)
	}
	return io.EOF
}

// fileError says after how many records a file ends that should go on.
func fileError(err error, after int) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in the middle, after %d records", ErrFile, after)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%w: after %d records, at byte %d, it is no JSON", ErrFile, after, syntax.Offset)
	}
	return fmt.Errorf("after %d records: %w", after, err)
}

// table is the rows of a CSV file, whose first row names the columns, or JSON objects with the same names, one a line.
type table struct {
	from    *bufio.Reader
	guard   *guard
	csv     *csv.Reader
	columns []string
	read    int // number of the line of the row that was read last
	lines   *lines
}

func newTable(from io.Reader) *table {
	guard := &guard{from: from, left: maxRecord}
	return &table{from: bufio.NewReader(guard), guard: guard}
}

func (t *table) next() (int, raw, error) {
	t.guard.left = maxRecord
	if t.csv == nil && t.lines == nil {
		if err := t.begin(); err != nil {
			return 0, raw{}, err
		}
	}
	if t.lines != nil {
		number, line, err := t.lines.next()
		if err != nil {
			return number, raw{}, err
		}
		fields, err := textFields(line.json)
		return number, raw{fields: fields}, err
	}
	row, err := t.csv.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse) && !errors.Is(err, ErrFile):
		return parse.StartLine, raw{}, bad("as a row of CSV: %v", parse.Err)
	case errors.Is(err, ErrFile):
		return 0, raw{}, fmt.Errorf("%w; it begins after line %d", err, t.read)
	case err != nil:
		return 0, raw{}, err
	}
	fields := map[string]string{}
	for i, column := range t.columns {
		fields[column] = row[i]
	}
	number, _ := t.csv.FieldPos(0) // a row that cannot be read has no fields to ask for
	t.read = number
	return number, raw{fields: fields}, nil
}

// begin finds out which of the two it is, and reads the names of the columns.
func (t *table) begin() error {
	start, err := t.from.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")) {
		t.guard.endless = true // lines are bounded themselves
		t.lines = newLines(t.from)
		return nil
	}
	t.csv = csv.NewReader(t.from)
	columns, err := t.csv.Read()
	if err != nil {
		return fmt.Errorf("%w: it has no row with the names of its columns", ErrFile)
	}
	for _, column := range columns {
		t.columns = append(t.columns, strings.ToLower(strings.TrimSpace(column)))
	}
	return nil
}

// textFields reads a JSON object whose members are texts, numbers, truth values or null as the row of a table would have them.
func textFields(object []byte) (map[string]string, error) {
	var members map[string]any
	if err := unmarshal(object, &members); err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for name, value := range members {
		switch value := value.(type) {
		case nil, map[string]any, []any:
		default:
			fields[strings.ToLower(name)] = fmt.Sprint(value)
		}
	}
	return fields, nil
}

// guard bounds what is read for one record, also where a quote or a bracket is never closed.
type guard struct {
	from    io.Reader
	left    int
	endless bool
}

func (g *guard) Read(p []byte) (int, error) {
	if g.endless {
		return g.from.Read(p)
	}
	if g.left <= 0 {
		return 0, fmt.Errorf("%w: a record has more than %d KB; perhaps a quote or a bracket is not closed", ErrFile, maxRecord>>10)
	}
	n, err := g.from.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}
