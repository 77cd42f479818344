// Package accountfile reads accounts from the files that other systems export, and reads and writes Wavepass's own. It knows nothing of a
// store.
package accountfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// Format is the form of a file.
type Format string

// The formats. docs/import.md says how each file is made, and what of it is lost.
const (
	JSONL    Format = "jsonl" // Wavepass's own
	Auth0    Format = "auth0"
	Firebase Format = "firebase"
	Cognito  Format = "cognito"
	Supabase Format = "supabase"
	Devise   Format = "devise"
)

// maxRecord bounds one record of a file, in bytes: more than any export has, and no more of a file is ever in memory.
const maxRecord = 256 << 10

// ErrFile says that a file cannot be read beyond a point, because it is not of the format.
var ErrFile = errors.New("accountfile: not a file of the format")

// Options are what some formats need besides the file.
type Options struct {
	HashConfig string // Firebase: the password hash parameters of the project, as its console shows them
	Pepper     string // Devise: config.pepper, where it is set
}

// Line is one record of a file, or what is wrong with it.
type Line struct {
	Number int // of the line in the file; in a JSON document of the record; from 1
	Record Record
	Err    error // why the record is not good; nothing of it is quoted but its name
}

// Reader reads the records of a file one after the other.
type Reader struct {
	source source
	decode func(raw) (Record, error)
	format Format
}

// NewReader returns a Reader of a file of the format. Its error says which option is missing or wrong, or that the file is not in UTF-8.
func NewReader(format Format, file io.Reader, o Options) (*Reader, error) {
	from, err := inUTF8(file)
	if err != nil {
		return nil, err
	}
	r := &Reader{format: format}
	switch format {
	case JSONL:
		r.decode, r.source = decodeJSONL, newLines(from)
	case Auth0:
		r.decode, r.source = decodeAuth0, newLines(from)
	case Firebase:
		project, err := parseHashConfig(o.HashConfig)
		if err != nil {
			return nil, err
		}
		r.decode, r.source = decodeFirebase(project), newArray(from, "users")
	case Cognito:
		r.decode, r.source = decodeCognito, newArray(from, "Users")
	case Supabase:
		r.decode, r.source = decodeSupabase(time.Now()), newTable(from)
	case Devise:
		r.decode, r.source = decodeDevise(o.Pepper), newTable(from)
	default:
		return nil, fmt.Errorf("accountfile: unknown format %q", format)
	}
	return r, nil
}

// inUTF8 passes over a byte order mark, and refuses a file in UTF-16, which PowerShell makes of what a command prints.
func inUTF8(file io.Reader) (io.Reader, error) {
	from := bufio.NewReader(file)
	start, err := from.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%w: it is in UTF-16: save it in UTF-8", ErrFile)
	case bytes.Equal(start, []byte("\ufeff")):
		_, _ = from.Discard(len(start))
	}
	return from, nil
}

// Next returns the next record. io.EOF at the end; ErrFile when the rest cannot be read.
func (r *Reader) Next() (Line, error) {
	number, raw, err := r.source.next()
	if err != nil {
		var bad badRecord
		if errors.As(err, &bad) {
			return Line{Number: number, Err: bad}, nil
		}
		return Line{}, err
	}
	record, err := r.decode(raw)
	if err == nil {
		err = record.complete(r.format)
	}
	return Line{Number: number, Record: record, Err: err}, nil
}

// source is the records of a file, as they are in it.
type source interface {
	// next returns the number of the record beside it, also with a badRecord. Every other error is the last.
	next() (int, raw, error)
}

// raw is one record: JSON, or the fields of a row by their names.
type raw struct {
	json   []byte
	fields map[string]string
}

// badRecord says what is wrong with one record. The next can be read.
type badRecord struct{ reason string }

func (b badRecord) Error() string { return b.reason }

func bad(format string, args ...any) error { return badRecord{fmt.Sprintf(format, args...)} }

// namespace is of the ids that accounts without one of ours get.
var namespace = uuid.UUID{0x77, 0x61, 0x76, 0x65, 0x70, 0x61, 0x73, 0x73, 0x8d, 0x6f, 0x80, 0x66, 0x69, 0x6c, 0x65, 0x00}

// idOf is the id of an account that comes from elsewhere. It is the same each time, so a second import finds what the first has stored; and
// another one for another person, where two systems have counted their users alike.
func idOf(format Format, source, username string) uuid.UUID {
	return uuid.NewHash(sha256.New(), namespace, []byte(string(format)+"\x00"+source+"\x00"+username), 8)
}
